// Images without a digit: the kinds of noise of mlp/measures/confidence.py, with pixels of 256 levels.

const level = value => Math.round(Math.min(Math.max(value, 0), 255)) / 255;
const anyLevel = () => Math.floor(256 * Math.random()) / 255;

/** A normally distributed number (Box & Muller). */
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

/** The same values in random order (Fisher & Yates). */
function shuffled(values) {
  const result = Float32Array.from(values);
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor((i + 1) * Math.random());
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

const KINDS = {
  uniform: pixels => Float32Array.from({length: pixels}, anyLevel),
  gaussian: (pixels, {mean, deviation}) => Float32Array.from({length: pixels}, () => level(mean + deviation * normal())),
  shuffled: (pixels, _, images) => shuffled(images[Math.floor(images.length * Math.random())]),
  constant: pixels => new Float32Array(pixels).fill(anyLevel()),
};

/** A new image of a kind. `data.pixels` has the mean and the deviation of the pixels of the test images. */
export const noiseImage = (kind, data, images) => KINDS[kind](data.side ** 2, data.pixels, images);
