// A drawing the way that MNIST shows digits: the same steps as mlp/data/pictures/square.py, with Pillow's resampling.

import { cropped, dilation, distance, erosion, padded, picture, skeleton } from "./morphology.js";

const MARGIN = 4 / 28, INK = 0.1, THIN = 0.09, THICK = 0.16; // explained in mlp/data/pictures/square.py

/** Round to the nearest integer, halves to the even one, as Python does. */
function round(value) {
  const low = Math.floor(value), rest = value - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

/** Ink from 0 to 1 as an image (side x side) from 0 to 1; nothing but zeros for an empty drawing. */
export function asMnist(ink, side) {
  return ink.values.some(value => value > INK) ? centred(usualStrokes(cutOut(ink)), side) : new Float32Array(side * side);
}

/** The smallest rectangle that holds all ink. */
function cutOut(ink) {
  const {values, rows, columns} = ink;
  let top = rows, bottom = -1, left = columns, right = -1;
  values.forEach((value, at) => {
    if (value <= INK) return;
    const y = Math.floor(at / columns), x = at % columns;
    [top, bottom, left, right] = [Math.min(top, y), Math.max(bottom, y), Math.min(left, x), Math.max(right, x)];
  });
  return cropped(ink, top, left, bottom - top + 1, right - left + 1);
}

/** Ink whose strokes are thickened or thinned to the widths that are common in MNIST. */
function usualStrokes(ink) {
  const length = Math.max(ink.rows, ink.columns), width = strokeWidth(ink);
  if (width < THIN * length) {
    const radius = round((THIN * length - width) / 2);
    return dilation(padded(ink, radius), radius);
  }
  if (width > THICK * length) {
    const radius = round((width - THICK * length) / 2);
    return cutOut(erosion(padded(ink, radius), radius));
  }
  return ink;
}

/** The mean width of strokes in pixels: twice the distance of their middle from paper. */
function strokeWidth(ink) {
  const mask = padded({...ink, values: ink.values.map(value => (value > 0.5 ? 1 : 0))}, 1);
  let sum = 0, count = 0;
  skeleton(mask).forEach((bit, at) => {
    if (!bit) return;
    sum += distance(mask, at);
    count++;
  });
  return (2 * sum) / count - 1;
}

/** Ink scaled into the middle of a square, its centre of mass in the centre. */
function centred(ink, side) {
  const scale = (side - 2 * round(side * MARGIN)) / Math.max(ink.rows, ink.columns);
  const small = resized(ink, Math.max(1, round(ink.rows * scale)), Math.max(1, round(ink.columns * scale)), scale < 1);
  let mass = 0, down = 0, across = 0;
  small.values.forEach((value, at) => {
    const kept = (small.values[at] = Math.min(Math.max(value, 0), 1));
    mass += kept;
    down += kept * Math.floor(at / small.columns);
    across += kept * (at % small.columns);
  });
  const place = (middle, length) => Math.min(Math.max(round(side / 2 - middle), 0), side - length);
  return cropped(small, -place(down / mass, small.rows), -place(across / mass, small.columns), side, side).values;
}

/** A picture in another size: averaged over boxes to shrink it, by bicubic interpolation to enlarge it. */
export function resized(image, rows, columns, shrink) {
  const across = resampling(image.columns, columns, shrink), down = resampling(image.rows, rows, shrink);
  const wide = picture(image.rows, columns, (y, x) =>
    across[x].reduce((sum, [from, weight]) => sum + weight * image.values[y * image.columns + from], 0));
  return picture(rows, columns, (y, x) =>
    down[y].reduce((sum, [from, weight]) => sum + weight * wide.values[from * columns + x], 0));
}

const box = x => (x > -0.5 && x <= 0.5 ? 1 : 0);

/** Keys 1981, with Pillow's a = -1/2. */
function bicubic(x) {
  const d = Math.abs(x);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((d - 5) * d + 8) * d * -0.5 + 2 : 0;
}

/** For each new pixel of a line, which old pixels it takes, and how much of each. */
function resampling(old, count, shrink) {
  const scale = old / count, stretch = Math.max(scale, 1), support = (shrink ? 0.5 : 2) * stretch;
  const filter = shrink ? box : bicubic;
  return Array.from({length: count}, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0), after = Math.min(Math.trunc(centre + support + 0.5), old);
    const taken = Array.from({length: after - first}, (_, i) => [first + i, filter((first + i - centre + 0.5) / stretch)]);
    const total = taken.reduce((sum, [, weight]) => sum + weight, 0);
    return taken.map(([from, weight]) => [from, weight / total]);
  });
}
