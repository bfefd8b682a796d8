// What is done to every image before a network sees it, as in mlp/data/preprocessing.py.

const sum = values => values.reduce((total, value) => total + value, 0);

/** Each row shifted sideways, so that what is bright stands upright in the middle. */
function deskewed(image, side) {
  const middle = (side - 1) / 2, mass = Array(side).fill(0), moment = Array(side).fill(0);
  image.forEach((value, at) => {
    const weight = Math.max(value, 0), row = Math.floor(at / side);
    mass[row] += weight;
    moment[row] += weight * ((at % side) - middle);
  });
  const whole = sum(mass) || Number.MIN_VALUE;
  const meanColumn = sum(moment) / whole, meanRow = sum(mass.map((value, row) => value * (row - middle))) / whole;
  const below = mass.map((_, row) => row - middle - meanRow);
  const variance = sum(mass.map((value, row) => value * below[row] ** 2));
  const slant = variance > 1e-9 * whole ? sum(moment.map((value, row) => value * below[row])) / variance : 0;
  return image.map((_, at) => {
    const row = Math.floor(at / side), column = (at % side) + meanColumn + slant * below[row], left = Math.floor(column);
    const pixel = place => (place >= 0 && place < side ? image[row * side + place] : 0);
    return pixel(left) + (column - left) * (pixel(left + 1) - pixel(left));
  });
}

export const PREPROCESSES = {none: image => image, deskew: deskewed};
