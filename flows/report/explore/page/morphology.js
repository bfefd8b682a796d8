// Black-and-white and grey pictures: distances, skeletons, thicker and thinner strokes, as scipy.ndimage and
// skimage.morphology compute them. A picture is {values, rows, columns}, its values row by row.

/** A picture of zeros, or of the values that a function gives for each row and column. */
export function picture(rows, columns, of) {
  const values = new Float32Array(rows * columns);
  if (of) for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) values[y * columns + x] = of(y, x);
  return {values, rows, columns};
}

/** A part of a picture; outside of it everything is 0. */
export function cropped({values, rows, columns}, top, left, height, width) {
  const inside = (y, x) => y >= 0 && y < rows && x >= 0 && x < columns;
  return picture(height, width, (y, x) => (inside(top + y, left + x) ? values[(top + y) * columns + left + x] : 0));
}

/** The picture with a frame of zeros. */
export const padded = (image, margin) =>
  cropped(image, -margin, -margin, image.rows + 2 * margin, image.columns + 2 * margin);

/** The distance of one pixel to the nearest that is 0. There must be one. */
export function distance({values, rows, columns}, at) {
  const y = Math.floor(at / columns), x = at % columns;
  let best = Infinity;
  const look = (down, right) => {
    const inside = y + down >= 0 && y + down < rows && x + right >= 0 && x + right < columns;
    if (inside && !values[at + down * columns + right]) best = Math.min(best, down * down + right * right);
  };
  // Squares around the pixel, until no larger one can hold a nearer 0.
  for (let reach = 1; reach * reach < best; reach++) {
    for (let along = -reach; along <= reach; along++) {
      look(-reach, along);
      look(reach, along);
      look(along, -reach);
      look(along, reach);
    }
  }
  return Math.sqrt(best);
}

// Which pixels a skeleton loses: in the first pass of a round (1), the second (2), both (3) or none (0), for each of
// the 256 sets of neighbours. Neighbour k, from the upper left clockwise, counts 2 ** k. The rule is that of Zhang &
// Suen 1984; scikit-image decides otherwise for these sets (the tests compare the two programs).
const OTHERWISE = {
  3: 1, 6: 1, 10: 3, 11: 1, 12: 1, 14: 1, 24: 2, 26: 2, 40: 3, 48: 0, 56: 2, 96: 2, 104: 2, 108: 2, 129: 0, 130: 3,
  131: 1, 134: 1, 160: 3, 161: 1, 176: 2, 192: 2, 194: 1, 198: 1, 224: 2,
};
const PASSES = Uint8Array.from({length: 256}, (_, set) => OTHERWISE[set] ?? zhangSuen(set));

function zhangSuen(set) {
  const ring = Array.from({length: 8}, (_, k) => (set >> k) & 1), [, north, , east, , south, , west] = ring;
  const count = ring.reduce((sum, bit) => sum + bit), rises = ring.filter((bit, k) => !bit && ring[(k + 1) % 8]).length;
  if (count < 2 || count > 6 || rises !== 1) return 0;
  return (east && south && (north || west) ? 0 : 1) + (north && west && (east || south) ? 0 : 2);
}

/** The middle lines of strokes: 1 where the skeleton is. The outermost pixels of the picture must be 0. */
export function skeleton({values, columns}) {
  const bits = Uint8Array.from(values, value => (value ? 1 : 0)), w = columns;
  const ring = [-w - 1, -w, -w + 1, 1, w + 1, w, w - 1, -1];
  let alive = [];
  bits.forEach((bit, at) => bit && alive.push(at));
  for (let removed = true; removed; ) {
    removed = false;
    for (const pass of [1, 2]) {
      const lost = alive.filter(at => {
        let set = 0;
        for (let k = 0; k < 8; k++) set |= bits[at + ring[k]] << k;
        return PASSES[set] & pass;
      });
      for (const at of lost) bits[at] = 0;
      if (lost.length) [removed, alive] = [true, alive.filter(at => bits[at])];
    }
  }
  return bits;
}

/** The largest (or the smallest) value within a radius of each pixel; what is outside the picture does not count. */
function extreme({values, rows, columns}, radius, best) {
  const found = values.slice();
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) {
      if (dx * dx + dy * dy > radius * radius) continue;
      for (let y = Math.max(0, -dy); y < Math.min(rows, rows - dy); y++) {
        const row = y * columns, other = (y + dy) * columns + dx;
        for (let x = Math.max(0, -dx); x < Math.min(columns, columns - dx); x++)
          found[row + x] = best(found[row + x], values[other + x]);
      }
    }
  }
  return {values: found, rows, columns};
}

export const dilation = (image, radius) => extreme(image, radius, Math.max);
export const erosion = (image, radius) => extreme(image, radius, Math.min);
