// The page: what is chosen, what follows from it, and who shows it.

import { createCost } from "./cost.js";
import { createDiagram } from "./diagram.js";
import { $, element, onceAFrame, setText, watchSight } from "./dom.js";
import { createGradient } from "./gradient.js";
import { createInputs } from "./inputs.js";
import { createNeuron } from "./neuron.js";
import { exampleCost, forward, gradientOf, largestPlace, stepped, weightedSums } from "./network.js";
import { createOthers, seedOptions } from "./others.js";
import { bytesOf, framesOf } from "./packed.js";
import { fixed, text, useTexts, whole } from "./texts.js";
import { createTimeline } from "./timeline.js";
import { createValleys } from "./valleys.js";

const data = JSON.parse($('data').textContent);
useTexts(JSON.parse($('texts').textContent));
const names = data.classes;

const STEPS = 10; // of gradient descent at once: one alone hardly changes the cost
const PAUSE = 700; // milliseconds without a change, after which the answer is said

// What a reader has chosen. Without a label, it is the answer. The parameters are those after the steps that the reader has taken; null without any.
const chosen = {
  image: new Float32Array(data.side ** 2), source: 'draw', label: null,
  group: 0, networks: data.groups.map((_, group) => data.networks.findIndex(one => one.group === group)),
  epoch: Infinity, neuron: {layer: 1, place: 0}, parameters: null, steps: [],
};
const frames = new Map(); // by number of a network, its parameters after each of its epochs

/** Change what is chosen. Steps are steps of one network at one epoch, for one image and label; a label is for one source. */
function choose(changes) {
  if ('source' in changes && changes.source !== chosen.source) chosen.label = null;
  if (['group', 'networks', 'epoch'].some(name => name in changes)) Object.assign(chosen, {parameters: null, steps: []});
  else if (['image', 'label'].some(name => name in changes)) chosen.steps = [];
  Object.assign(chosen, changes);
  render();
}

/** The weights of a network at the chosen epoch, or the latest kept before; undefined while they are unpacked. */
function frameOf(index) {
  const network = data.networks[index];
  if (!frames.has(index)) {
    frames.set(index, null);
    framesOf(network, `network-${index}`).then(found => {
      frames.set(index, found);
      render();
    });
  }
  const place = Math.max(network.epochs.findLastIndex(epoch => epoch <= chosen.epoch), 0);
  return frames.get(index) && {parameters: frames.get(index)[place], epoch: network.epochs[place]};
}

/** Everything that is shown of the chosen network; undefined while its weights are unpacked. */
function look() {
  const index = chosen.networks[chosen.group], network = data.networks[index], frame = frameOf(index);
  if (!frame) return undefined;
  const parameters = chosen.parameters ?? frame.parameters;
  const activations = forward(network, parameters, chosen.image), answers = activations.at(-1);
  const neuron = {layer: Math.min(chosen.neuron.layer, parameters.length), place: chosen.neuron.place};
  neuron.place = Math.min(neuron.place, parameters[neuron.layer - 1].biases.length - 1);
  const best = largestPlace(answers), label = chosen.label ?? best, cost = exampleCost(network, answers, label);
  // Without ink there is nothing to read, as for `mlp predict`; black noise and test images are shown on purpose.
  const empty = ['draw', 'file'].includes(chosen.source) && chosen.image.every(pixel => pixel === 0);
  return {
    ...chosen, empty, label, follows: chosen.label === null, index, network, parameters, activations, answers, neuron, cost, side: data.side, epoch: frame.epoch,
    steps: chosen.steps.length ? chosen.steps : [cost], best, sums: weightedSums(parameters[0], chosen.image),
    others: chosen.networks.map(answerOf),
  };
}

function answerOf(index, group) {
  const frame = frameOf(index);
  if (!frame) return null;
  const parameters = group === chosen.group && chosen.parameters ? chosen.parameters : frame.parameters;
  const answers = forward(data.networks[index], parameters, chosen.image).at(-1);
  return {index, answers, best: largestPlace(answers)};
}

let views = [], later = [];
// A page has loaded, and may be printed, when it has drawn something: an open frame keeps it from that until then.
let waiting = document.body.appendChild(element('iframe', {hidden: true}));
waiting.contentDocument?.open();

const render = onceAFrame(() => {
  const view = look();
  if (!view) return;
  for (const show of views) show(view);
  // The first picture is complete, for a page that is printed at once.
  for (const {inSight, show} of later) if (inSight() || waiting) show(view);
  if (waiting && view.others.every(Boolean)) {
    waiting.contentDocument?.close();
    waiting = null;
  }
  document.documentElement.dataset.ready = 'yes';
  window.shown = view; // for the curious, and for the tests
});

/** Which network: a button for each group, a list of its seeds, and what is known of it. */
function createChooser() {
  const list = $('seed');
  document.querySelectorAll('input[name=group]').forEach(input =>
    input.addEventListener('change', () => choose({group: Number(input.value)})));
  list.addEventListener('change', () => chooseSeed(chosen.group, Number(list.value)));
  let shown = -1;
  return ({group, index, network}) => {
    document.querySelector(`input[name=group][value="${group}"]`).checked = true;
    if (group !== shown) list.replaceChildren(...seedOptions(data.networks, group));
    shown = group;
    list.value = index;
    setText($('accuracy'), network.accuracy === null ? '' : text('choose.accuracy', {accuracy: (100 * network.accuracy).toFixed(2)}));
    const parameters = network.sizes.slice(1).reduce((sum, size, i) => sum + (network.sizes[i] + 1) * size, 0);
    const {activation, sizes} = network;
    setText($('shape'), text('choose.shape', {sizes: sizes.join('-'), parameters: whole(parameters), activation, cost: text(`choose.${network.cost}`)}));
  };
}

/** Say the answer, once it stays: a screen reader reads it out, however the image came about. */
function createAnnouncer() {
  let due;
  return ({empty, best, answers}) => {
    const answer = empty ? text('network.no_ink') : text('network.says', {name: names[best], activation: fixed(answers[best])});
    $('no-ink').hidden = !empty;
    clearTimeout(due);
    due = setTimeout(() => setText($('answer'), answer), PAUSE);
  };
}

function chooseSeed(group, index) {
  choose({group, networks: chosen.networks.map((other, i) => (i === group ? index : other))});
}

/** Take steps towards the label that is shown, which no longer follows the answer then. */
function takeSteps(rate) {
  const {network, image, label, ...view} = look(), steps = [...view.steps];
  let {parameters, activations} = view;
  for (let step = 0; step < STEPS; step++) {
    parameters = stepped(parameters, gradientOf(network, parameters, activations, label), rate);
    activations = forward(network, parameters, image);
    steps.push(exampleCost(network, activations.at(-1), label));
  }
  choose({label, parameters, steps});
}

function resetSteps() {
  choose({parameters: null, steps: []});
}

async function start() {
  const bytes = await bytesOf('images'), pixels = data.side ** 2;
  const images = data.images.labels.map((_, i) => Float32Array.from(bytes.subarray(i * pixels, (i + 1) * pixels), level => level / 255));
  const inputs = createInputs(data, images, names, choose);
  views = [
    createChooser(), createDiagram(names, neuron => choose({neuron})), createNeuron(names), createCost(names, label => choose({label})),
    createTimeline(epoch => choose({epoch})), createAnnouncer(), ({group}) => inputs.judgeBy(group),
    createOthers(data, names, chooseSeed, group => {
      choose({group});
      $('bench').scrollIntoView({behavior: 'smooth', block: 'start'});
    }),
  ];
  later = [{inSight: watchSight($('gradient'), render), show: createGradient(names, {steps: STEPS, step: takeSteps, reset: resetSteps, misread: inputs.showMisread})}];
  createValleys(data);
  window.page = {data, images, ink: inputs.pad.ink}; // for the curious too
  // Something to see at once: a drawn 3, or the first test image where classes are no digits.
  if (names[3] === '3') inputs.pad.showExample();
  else document.querySelector('input[name=source][value=test]').click();
}

if (window.DecompressionStream) start();
else {
  $('too-old').hidden = false;
  waiting.contentDocument?.close();
}
