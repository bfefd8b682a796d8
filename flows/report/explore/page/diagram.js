// The network as a picture: its neurons glow with their activation, its weights are lines, its answers bars.

import { $, element, onceAFrame, setText } from "./dom.js";
import { fixed, text } from "./texts.js";
import { css, paintGrey } from "./tiles.js";

const MOST_IN_LINES = 64; // neurons of a layer that is drawn with lines
const ROWS = 16; // neurons of a column
const FAINTEST = 0.04; // of the strongest line between two layers; fainter ones are not drawn

/** Set up the diagram; `choose` is called with {layer, place} of the neuron that is pointed at. */
export function createDiagram(names, choose) {
  const root = $('layers'), edges = $('edges');
  const words = names.some(name => name.length > 2); // names of classes, such as Sneaker, instead of digits
  let shape = '', layers = [], centres = [], last = null;
  const redraw = onceAFrame(() => {
    centres = layers.map(centresOf);
    if (last) drawEdges(edges, last, centres);
  });
  new ResizeObserver(redraw).observe(root);

  function build(sizes) {
    shape = String(sizes);
    root.querySelectorAll('.layer').forEach(old => old.remove());
    layers = sizes.slice(1).map((count, depth) => {
      const layer = depth + 1, output = layer === sizes.length - 1;
      const neurons = Array.from({length: count}, (_, place) => {
        const button = element('button', {type: 'button', className: 'neuron'});
        button.tabIndex = layer === 1 && place === 0 ? 0 : -1;
        for (const event of ['pointerenter', 'focus', 'click']) button.addEventListener(event, () => choose({layer, place}));
        return button;
      });
      const title = output ? text('network.output') : text('network.layer', {layer, count});
      const row = place => element('div', {className: 'answer'}, neurons[place], element('span', {className: 'name'}, names[place]),
        element('span', {className: 'bar'}), element('span', {className: 'value'}));
      const box = element('div', {className: `layer${output ? ' output' : ''}${output && words ? ' words' : ''}${count > MOST_IN_LINES ? ' wide' : ''}`, role: 'group', 'aria-label': title},
        ...(output ? neurons.map((_, place) => row(place)) : neurons));
      box.style.setProperty('--rows', Math.min(count, ROWS));
      root.append(box);
      return {box, neurons, output};
    });
  }

  /** Arrow keys go to the neighbours in a layer, of several columns in a large one, and to the layers beside it. */
  root.addEventListener('keydown', event => {
    const depth = layers.findIndex(({neurons}) => neurons.includes(event.target)), by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (depth < 0) return;
    const {neurons, output} = layers[depth], place = neurons.indexOf(event.target);
    const beside = by && !output ? neurons[place + by * ROWS] : neurons[place + {ArrowUp: -1, ArrowDown: 1}[event.key]];
    const layer = by && layers[depth + by]?.neurons;
    const next = beside ?? layer?.[Math.min(place % ROWS, layer.length - 1)];
    if (!next) return;
    event.preventDefault();
    root.querySelectorAll('.neuron[tabindex="0"]').forEach(other => (other.tabIndex = -1));
    next.tabIndex = 0;
    next.focus();
  });

  return view => {
    const {network, activations, image, neuron} = view;
    if (String(network.sizes) !== shape) {
      build(network.sizes);
      centres = layers.map(centresOf);
      $('about-wide').hidden = network.sizes.slice(1).every(count => count <= MOST_IN_LINES);
      setText($('about-wide'), text('network.about_wide', {most: MOST_IN_LINES}));
    }
    paintGrey($('seen'), image);
    layers.forEach(({neurons, output}, depth) => {
      const values = activations[depth + 1], largest = Math.max(1, ...(network.activation === 'relu' && !output ? values : []));
      neurons.forEach((button, place) => {
        const value = values[place], activation = fixed(value);
        button.style.setProperty('--glow-share', Math.min(Math.abs(value) / largest, 1).toFixed(3));
        button.classList.toggle('negative', value < 0);
        button.classList.toggle('chosen', neuron.layer === depth + 1 && neuron.place === place);
        button.setAttribute('aria-label', output
          ? text('network.answer_neuron', {name: names[place], activation})
          : text('network.neuron', {place: place + 1, activation}));
        if (output) fillAnswer(button.parentElement, value, view.best === place && !view.empty, view.label === place && !view.empty);
      });
    });
    last = view;
    drawEdges(edges, view, centres);
    placePeek(layers[neuron.layer - 1].neurons[neuron.place]);
  };
}

/** Put the small card about the chosen neuron beside it, where there is room. */
function placePeek(button) {
  const origin = $('layers').getBoundingClientRect(), {left, right, top} = button.getBoundingClientRect(), {style} = $('peek');
  const width = 168, height = 215, onRight = right - origin.left + width < origin.width;
  style.left = `${onRight ? right - origin.left + 12 : left - origin.left - width + 8}px`;
  style.top = `${Math.min(Math.max(top - origin.top - 60, 0), Math.max(origin.height - height, 0))}px`;
}

function fillAnswer(row, value, best, wanted) {
  row.classList.toggle('best', best);
  row.classList.toggle('wanted', wanted);
  row.style.setProperty('--share', value.toFixed(4));
  setText(row.lastElementChild, fixed(value));
}

/** The middle of each neuron of a layer, in pixels of the diagram. */
function centresOf({box, neurons}) {
  if (neurons.length > MOST_IN_LINES) return [];
  const origin = box.parentElement.getBoundingClientRect();
  return neurons.map(button => {
    const {left, top, width, height} = button.getBoundingClientRect();
    return [left + width / 2 - origin.left, top + height / 2 - origin.top];
  });
}

/** Lines between neighbouring layers, and one from the image to each neuron of the first layer. */
function drawEdges(canvas, {parameters, activations, sums, neuron}, centres) {
  const {clientWidth, clientHeight} = canvas, sharp = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(clientWidth * sharp) || canvas.height !== Math.round(clientHeight * sharp))
    [canvas.width, canvas.height] = [Math.round(clientWidth * sharp), Math.round(clientHeight * sharp)];
  const context = canvas.getContext('2d');
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  context.clearRect(0, 0, clientWidth, clientHeight);
  const seen = $('seen'), origin = canvas.getBoundingClientRect(), box = seen.getBoundingClientRect();
  const fromImage = [box.right - origin.left, box.top + box.height / 2 - origin.top];
  if (centres[0].length && box.right < origin.right) {
    const lifts = sums.map((sum, place) => sum - parameters[0].biases[place]), limit = Math.max(...lifts.map(Math.abs)) || 1;
    lifts.forEach((lift, place) => line(context, fromImage, centres[0][place], lift / limit, neuron.layer === 1 && neuron.place === place));
  }
  for (let depth = 1; depth < parameters.length; depth++) {
    const {weights, biases} = parameters[depth], fanOut = biases.length, [lower, upper] = [centres[depth - 1], centres[depth]];
    if (!lower.length || !upper.length) continue;
    const strengths = weights.map((weight, at) => weight * activations[depth][Math.floor(at / fanOut)]);
    const limit = strengths.reduce((most, strength) => Math.max(most, Math.abs(strength)), 0) || 1;
    strengths.forEach((strength, at) => {
      const [i, j] = [Math.floor(at / fanOut), at % fanOut];
      const chosen = (neuron.layer === depth + 1 && neuron.place === j) || (neuron.layer === depth && neuron.place === i);
      line(context, lower[i], upper[j], strength / limit, chosen);
    });
  }
}

function line(context, [x0, y0], [x1, y1], strength, chosen) {
  const size = Math.abs(strength);
  if (size < FAINTEST && !chosen) return;
  const bend = (x1 - x0) / 2.5;
  context.strokeStyle = css(Math.sign(strength), Math.min(chosen ? 0.35 + size : 0.08 + 0.75 * size, 1));
  context.lineWidth = (chosen ? 1.2 : 0.5) + 2.2 * size;
  context.beginPath();
  context.moveTo(x0, y0);
  context.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
  context.stroke();
}
