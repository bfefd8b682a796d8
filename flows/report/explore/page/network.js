// One network, by the formulas of mlp/nn/network.py: activations, cost, gradient, steps.
//
// A network is {sizes, activation, cost}. Its parameters are one {weights, biases} for each layer; the weights
// (fan in x fan out) lie row by row in one array.

const TINY = 2 ** -126; // the smallest normal float32: what mlp.nn.costs takes the logarithm of instead of 0

export const ACTIVATIONS = {
  sigmoid: {of: z => (1 + Math.tanh(z / 2)) / 2, slope: a => a * (1 - a)},
  tanh: {of: Math.tanh, slope: a => 1 - a * a},
  relu: {of: z => Math.max(z, 0), slope: a => (a > 0 ? 1 : 0)},
};

function softmax(sums) {
  const largest = Math.max(...sums), powers = sums.map(z => Math.exp(z - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map(power => power / total);
}

export const COSTS = {
  quadratic: {
    output: sums => sums.map(ACTIVATIONS.sigmoid.of),
    of: (answers, label) => answers.reduce((sum, a, i) => sum + (a - target(label, i)) ** 2, 0),
    delta: (answers, label) => answers.map((a, i) => 2 * (a - target(label, i)) * a * (1 - a)),
  },
  cross_entropy: {
    output: softmax,
    of: (answers, label) => -Math.log(Math.max(answers[label], TINY)),
    delta: (answers, label) => answers.map((a, i) => a - target(label, i)),
  },
};

/** What an output neuron should answer: 1 for the label, 0 for the others. */
export const target = (label, place) => (place === label ? 1 : 0);

/** The weighted sums of a layer, from the activations of the layer below. */
export function weightedSums({weights, biases}, below) {
  const sums = Float64Array.from(biases), fanOut = sums.length;
  below.forEach((activation, i) => {
    if (activation === 0) return; // most pixels are dark
    for (let j = 0, at = i * fanOut; j < fanOut; j++, at++) sums[j] += activation * weights[at];
  });
  return sums;
}

/** The activations of every layer, starting with the image. */
export function forward(network, parameters, image) {
  const activations = [image];
  parameters.forEach((layer, depth) => {
    const sums = weightedSums(layer, activations[depth]);
    const last = depth === parameters.length - 1;
    activations.push(last ? COSTS[network.cost].output(sums) : sums.map(ACTIVATIONS[network.activation].of));
  });
  return activations;
}

/** The cost of one example, from the answers of the last layer. */
export const exampleCost = (network, answers, label) => COSTS[network.cost].of(answers, label);

/** The gradient of the cost of one example, by backpropagation, in the shape of the parameters. */
export function gradientOf(network, parameters, activations, label) {
  let delta = COSTS[network.cost].delta(activations.at(-1), label);
  const gradient = [];
  for (let depth = parameters.length - 1; depth >= 0; depth--) {
    const below = activations[depth], {weights} = parameters[depth], fanOut = delta.length;
    const slopes = new Float64Array(weights.length), under = new Float64Array(below.length);
    for (let i = 0; i < below.length; i++) {
      const row = i * fanOut;
      for (let j = 0; j < fanOut; j++) {
        slopes[row + j] = below[i] * delta[j];
        under[i] += weights[row + j] * delta[j];
      }
    }
    gradient.unshift({weights: slopes, biases: delta});
    delta = under.map((sum, i) => sum * ACTIVATIONS[network.activation].slope(below[i]));
  }
  return gradient;
}

/** The parameters after one step of gradient descent. */
export function stepped(parameters, gradient, rate) {
  const moved = (array, slopes) => array.map((value, i) => value - rate * slopes[i]);
  return parameters.map(({weights, biases}, depth) => ({
    weights: moved(weights, gradient[depth].weights),
    biases: moved(biases, gradient[depth].biases),
  }));
}

/** Every component of a gradient: its layer, the neurons that it connects (from is null for a bias), its value. */
export function components(gradient) {
  return gradient.flatMap(({weights, biases}, layer) => {
    const fanOut = biases.length;
    const ofWeights = Array.from(weights, (value, at) => ({layer, from: Math.floor(at / fanOut), to: at % fanOut, value}));
    return ofWeights.concat(Array.from(biases, (value, to) => ({layer, from: null, to, value})));
  });
}

/** How many of a gradient's components, the largest first, make up half of its squared length. */
export function holdHalf(gradient) {
  const arrays = gradient.flatMap(({weights, biases}) => [weights, biases]);
  const squares = new Float64Array(arrays.reduce((size, array) => size + array.length, 0));
  let filled = 0;
  for (const array of arrays) for (const value of array) squares[filled++] = value * value;
  squares.sort();
  const half = squares.reduce((sum, square) => sum + square, 0) / 2;
  let sum = 0, count = 0;
  while (sum < half && count < squares.length) sum += squares[squares.length - ++count];
  return count;
}

/** The place of the largest of some numbers. */
export const largestPlace = values => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
