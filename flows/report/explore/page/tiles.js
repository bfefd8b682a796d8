// Numbers as small pictures: images in grey, weights in the colours of the page, whose ends colour-blind readers too
// tell apart: orange is positive, blue negative, and the dark ground zero.

const ZERO = [22, 27, 38], POSITIVE = [255, 159, 67], NEGATIVE = [77, 163, 255];

/** The colour of a value from -1 to 1, as [red, green, blue]. */
function diverging(value) {
  const end = value < 0 ? NEGATIVE : POSITIVE, share = Math.min(Math.abs(value), 1);
  return ZERO.map((zero, i) => zero + share * (end[i] - zero));
}

/** The same as a colour of CSS. */
export const css = (value, alpha = 1) => `rgb(${diverging(value).map(Math.round).join(' ')} / ${alpha})`;

/** Draw square values, row by row, one pixel each; `colour` maps a value to [red, green, blue]. */
function paint(canvas, values, colour) {
  const side = Math.sqrt(values.length), pixels = new ImageData(side, side);
  if (canvas.width !== side) canvas.width = canvas.height = side;
  values.forEach((value, i) => pixels.data.set([...colour(value), 255], 4 * i));
  canvas.getContext('2d').putImageData(pixels, 0, 0);
}

/** An image from 0 (black) to 1 (white). */
export const paintGrey = (canvas, image) => paint(canvas, image, value => Array(3).fill(255 * value));

/** Weights, in full colour from `limit` on. */
export const paintWeights = (canvas, weights, limit) => paint(canvas, weights, value => diverging(value / (limit || 1)));

/** The weights into one neuron of a layer. */
export const intoNeuron = ({weights, biases}, place) =>
  Float64Array.from({length: weights.length / biases.length}, (_, i) => weights[i * biases.length + place]);

/** The size below which 99 in 100 values lie: a few large ones would make the others pale. */
export function usualLimit(values) {
  const sizes = Float64Array.from(values, Math.abs).sort();
  return sizes[Math.floor(0.99 * (sizes.length - 1))] || sizes.at(-1);
}
