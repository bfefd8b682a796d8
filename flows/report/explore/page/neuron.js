// One neuron, term by term: its weights, its weighted sum, its bias, its activation.

import { $, element, setText } from "./dom.js";
import { brief, fixed, signed, text, whole } from "./texts.js";
import { intoNeuron, paintGrey, paintWeights, usualLimit } from "./tiles.js";

const MOST_TERMS = 16; // rows of the table

/** Set up the panel. */
export function createNeuron(names) {
  return ({network, parameters, activations, neuron, side}) => {
    const {layer, place} = neuron, output = layer === parameters.length, first = layer === 1;
    const weights = intoNeuron(parameters[layer - 1], place), below = activations[layer - 1];
    const terms = weights.map((weight, i) => weight * below[i]);
    const bias = parameters[layer - 1].biases[place], total = terms.reduce((sum, term) => sum + term, 0);
    setText($('neuron-name'), output ? text('neuron.of_answers', {name: names[place]}) : text('neuron.of_layer', {layer, place: place + 1}));

    $('neuron-pictures').hidden = !first;
    if (first) {
      paintWeights($('neuron-weights'), weights, usualLimit(weights));
      paintGrey($('neuron-seen'), below);
      paintWeights($('neuron-product'), terms, Math.max(...terms.map(Math.abs)));
    }
    const softmax = output && network.cost === 'cross_entropy';
    const name = softmax ? text('neuron.softmax') : output ? 'sigmoid' : network.activation;
    $('neuron-sum').replaceChildren(
      part(text('neuron.sum'), signed(total)), '+', part(text('neuron.bias'), signed(bias)), '=',
      part(text('neuron.weighted_sum'), signed(total + bias)), '→',
      part(`${text('neuron.activation')}, ${name}`, fixed(activations[layer][place]), 'result'));

    peek($('neuron-name').textContent, first ? weights : null, `${signed(total)} ${signed(bias)} → ${fixed(activations[layer][place])}`);

    const order = Array.from(terms.keys()).filter(i => terms[i] !== 0).sort((a, b) => Math.abs(terms[b]) - Math.abs(terms[a]));
    const shown = order.slice(0, MOST_TERMS), rest = order.slice(MOST_TERMS), limit = Math.abs(terms[shown[0]]) || 1;
    if (!first) shown.sort((a, b) => a - b);
    const from = i => first
      ? text('neuron.pixel', {row: Math.floor(i / side) + 1, column: (i % side) + 1})
      : text('neuron.from_neuron', {place: i + 1});
    const rows = shown.map(i => row(from(i), `${fixed(below[i])} × ${brief(weights[i])}`, terms[i], limit));
    if (rest.length) rows.push(row(text('neuron.rest', {count: whole(rest.length)}), '', rest.reduce((sum, i) => sum + terms[i], 0), limit));
    if (!shown.length) rows.push(element('tr', {}, element('td', {colSpan: 4}, text('neuron.dark'))));
    $('neuron-terms').replaceChildren(...rows);
  };
}

/** The small card beside the neuron in the diagram. */
function peek(title, weights, sum) {
  $('peek-picture').hidden = !weights;
  if (weights) paintWeights($('peek-picture'), weights, usualLimit(weights));
  setText($('peek-title'), title);
  setText($('peek-sum'), sum);
}

const part = (title, value, kind = '') =>
  element('span', {className: `part ${kind}`}, element('b', {}, value), element('small', {}, title));

function row(from, product, term, limit) {
  const bar = element('span', {className: `term ${term < 0 ? 'negative' : 'positive'}`});
  bar.style.setProperty('--size', Math.min(Math.abs(term) / limit, 1).toFixed(3));
  return element('tr', {}, element('th', {scope: 'row'}, from), element('td', {}, product),
    element('td', {className: 'bars'}, bar), element('td', {className: 'number'}, signed(term)));
}
