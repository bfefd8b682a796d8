// What is shown to the networks: a drawing, a test image, noise, or a picture from disk.

import { PREPROCESSES } from "./deskew.js";
import { $, element, roving, setText } from "./dom.js";
import { noiseImage } from "./noise.js";
import { createPad } from "./pad.js";
import { inkOfPicture } from "./photo.js";
import { asMnist, resized } from "./square.js";
import { text } from "./texts.js";
import { paintGrey } from "./tiles.js";

/** Set up the tabs; `show` is called with {image, source, label} for everything that is shown. */
export function createInputs(data, images, names, show) {
  const chosen = name => document.querySelector(`input[name=${name}]:checked`).value;
  const sources = {draw: showDrawing, test: showTest, noise: showNoise, file: showFile};
  const preprocessed = image => PREPROCESSES[data.preprocess](image, data.side);
  let test = 0, noise = null, photo = null, group = -1, places = []; // of the images that the filter lets through

  const pad = createPad(fresh => showDrawing(fresh));

  /** Ink as the network's image: as MNIST would show it, or the pad as it is. */
  function imageOf(ink) {
    if ($('centre').checked) return preprocessed(asMnist(ink, data.side));
    return preprocessed(resized(ink, data.side, data.side, true).values.map(value => Math.min(Math.max(value, 0), 1)));
  }

  /** A new drawing has no label yet. */
  function showDrawing(fresh = false) {
    show({image: imageOf(pad.ink()), source: 'draw', ...(fresh && {label: null})});
  }

  function showTest() {
    show({image: images[test], source: 'test', label: data.images.labels[test]});
  }

  function showNoise() {
    noise ??= preprocessed(noiseImage(chosen('kind'), data, images));
    show({image: noise, source: 'noise', label: null});
  }

  function showFile() {
    show({image: photo ? imageOf(photo) : new Float32Array(data.side ** 2), source: 'file'});
  }

  document.querySelectorAll('input[name=source]').forEach(input => input.addEventListener('change', () => {
    for (const name in sources) $(`panel-${name}`).hidden = name !== input.value;
    $('centring').hidden = ['test', 'noise'].includes(input.value);
    sources[input.value]();
  }));
  $('centre').addEventListener('change', () => sources[chosen('source')]());

  const anew = () => {
    noise = null;
    showNoise();
  };
  $('anew').addEventListener('click', anew);
  document.querySelectorAll('input[name=kind]').forEach(input => input.addEventListener('change', anew));

  $('file').addEventListener('change', async event => {
    const [file] = event.target.files;
    if (!file) return;
    let problem = 'input.no_ink';
    photo = await inkOfPicture(file).catch(() => {
      problem = 'input.bad_file';
      return null;
    });
    setText($('file-problem'), photo ? '' : text(problem));
    showFile();
  });

  /** The thumbnails, those that the filter lets through, with the answers of the best network of a group. */
  function fillThumbnails() {
    const answers = data.images.answers[group], wanted = chosen('filter');
    places = data.images.labels.map((_, place) => place)
      .filter(place => wanted === 'all' || (answers[place] === data.images.labels[place]) === (wanted === 'right'));
    const thumbnails = places.map(place => {
      const [label, answer] = [data.images.labels[place], answers[place]].map(digit => names[digit]);
      const canvas = element('canvas', {'aria-hidden': 'true'}), wrong = label !== answer;
      paintGrey(canvas, images[place]);
      const about = text('input.image', {number: data.images.numbers[place], label, answer});
      const button = element('button', {type: 'button', className: `thumbnail${wrong ? ' wrong' : ''}`, title: about, 'aria-label': about}, canvas);
      button.setAttribute('aria-pressed', place === test);
      button.addEventListener('click', () => {
        test = place;
        thumbnails.forEach((other, i) => other.setAttribute('aria-pressed', places[i] === place));
        showTest();
      });
      return button;
    });
    $('thumbnails').replaceChildren(...(thumbnails.length ? thumbnails : [text('input.none')]));
    roving(thumbnails, () => Math.max(thumbnails.filter(one => one.offsetTop === thumbnails[0].offsetTop).length, 1));
  }
  /** A filter shows an image that it lets through. */
  function filter() {
    fillThumbnails();
    if (places.length && !places.includes(test)) $('thumbnails').firstElementChild.click();
  }
  document.querySelectorAll('input[name=filter]').forEach(input => input.addEventListener('change', filter));

  return {
    pad,
    /** Show a test image that the best network of the group misreads, if there is one: from it there is something to learn. */
    showMisread() {
      document.querySelector('input[name=source][value=test]').click();
      document.querySelector('input[name=filter][value=wrong]').click();
    },
    /** Mark the test images that the best network of this group misreads. */
    judgeBy(chosenGroup) {
      if (chosenGroup === group) return;
      group = chosenGroup;
      fillThumbnails();
    },
  };
}
