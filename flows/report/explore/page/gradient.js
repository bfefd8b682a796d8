// Minus the gradient of the cost of what is shown, and the steps that a reader takes along it.

import { drawLines } from "./chart.js";
import { $, element, setText } from "./dom.js";
import { components, gradientOf, holdHalf } from "./network.js";
import { brief, fixed, text, whole } from "./texts.js";
import { intoNeuron, paintWeights, usualLimit } from "./tiles.js";

const LARGEST = 8; // components in the list
const MOST_PICTURES = 64; // neurons of the first layer

/** Set up the panel; `step` is called with the rate and takes so many `steps`, `reset` and `misread` without anything. */
export function createGradient(names, {steps: stride, step, reset, misread}) {
  let tiles = [];
  const rate = () => 10 ** Number($('step-rate').value), showRate = () => {
    const shown = rate() < 0.1 ? rate().toFixed(3) : rate().toPrecision(2);
    setText($('step-rate-value'), String(Number(shown)));
    $('step-rate').setAttribute('aria-valuetext', String(Number(shown)));
  };
  $('step-rate').addEventListener('input', showRate);
  $('step').addEventListener('click', () => step(rate()));
  $('again').addEventListener('click', () => step(rate()));
  $('misread').addEventListener('click', misread);
  $('reset').addEventListener('click', reset);
  showRate();

  return view => {
    const {network, parameters, activations, label, steps, cost, side} = view;
    const gradient = gradientOf(network, parameters, activations, label);
    const all = components(gradient), length = Math.hypot(...largest(all, 1).map(one => one.value));
    setText($('half'), length ? text('gradient.half', {count: whole(holdHalf(gradient)), all: whole(all.length)}) : text('gradient.none'));

    const [first] = gradient, count = Math.min(first.biases.length, MOST_PICTURES);
    const limit = usualLimit(first.weights) || 0;
    if (tiles.length !== count) {
      tiles = Array.from({length: count}, (_, place) =>
        element('canvas', {role: 'img', 'aria-label': text('gradient.neuron', {place: place + 1})}));
      $('gradient-pictures').replaceChildren(...tiles);
    }
    tiles.forEach((tile, place) => paintWeights(tile, intoNeuron(first, place).map(slope => -slope), limit));
    setText($('gradient-scale'), text('gradient.pictures', {limit: brief(limit).replace('+', '')}));

    const last = gradient.length;
    const to = ({layer, to: place}) => layer + 1 === last
      ? text('gradient.answer_name', {name: names[place]}) : text('gradient.neuron_name', {place: place + 1});
    const from = ({layer, from: place}) => layer === 0
      ? text('gradient.pixel', {row: Math.floor(place / side) + 1, column: (place % side) + 1}) : text('gradient.neuron_name', {place: place + 1});
    const found = largest(all, LARGEST).filter(one => one.value), most = Math.abs(found[0]?.value);
    $('largest').replaceChildren(...found.map(one => {
      const place = one.from === null ? text('gradient.bias', {layer: one.layer + 1, to: to(one)})
        : text('gradient.weight', {layer: one.layer + 1, from: from(one), to: to(one)});
      const up = one.value < 0, bar = element('span', {className: `term ${up ? 'positive' : 'negative'}`});
      bar.style.setProperty('--size', (Math.abs(one.value) / most).toFixed(3));
      return element('tr', {}, element('th', {scope: 'row'}, place), element('td', {}, text(up ? 'gradient.up' : 'gradient.down')),
        element('td', {className: 'bars'}, bar), element('td', {className: 'number'}, brief(-one.value)));
    }));

    const taken = steps.length - 1;
    $('step').hidden = taken > 0;
    $('again').hidden = taken <= 0;
    $('reset').disabled = taken <= 0;
    setText($('step-result'), taken > 0
      ? text('gradient.after', {count: taken, before: fixed(steps[taken - stride], 4), now: fixed(steps[taken], 4)}) : text('gradient.before'));
    $('step-chart').toggleAttribute('hidden', taken <= 0);
    if (taken > 0)
      drawLines($('step-chart'), [{points: steps.map((each, i) => [i, each]), kind: 'path', dots: true}],
        {x: [0, taken], y: [0, Math.max(...steps, cost)], height: 150});
  };
}

/** The components of the greatest size, the greatest first. */
function largest(all, count) {
  const found = [];
  for (const one of all) {
    if (found.length === count && Math.abs(one.value) <= Math.abs(found[count - 1].value)) continue;
    const place = found.findIndex(other => Math.abs(other.value) < Math.abs(one.value));
    found.splice(place < 0 ? found.length : place, 0, one);
    if (found.length > count) found.pop();
  }
  return found;
}
