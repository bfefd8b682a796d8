// Strokes as ink: what a pen with a round tip leaves on the pad.

import { picture } from "./morphology.js";

export const SIZE = 168; // pixels of a side of the pad: 6 for each of MNIST's 28
export const BRUSH = 14; // pixels: as thick, on a digit that fills most of the pad, as MNIST's strokes
const ERASER = 2.2; // times the brush

/** A stroke is {erase, points: [[x, y], …]} in pixels of the pad. */
export const newStroke = erase => ({erase, points: []});

/** An empty pad. */
export const blank = () => picture(SIZE, SIZE);

/** Put the last piece of a stroke, from its last point but one to its last, on the ink. */
export function inkLastPiece(ink, {erase, points}) {
  const [x1, y1] = points.at(-1), [x0, y0] = points.at(-2) ?? points.at(-1);
  const radius = (BRUSH / 2) * (erase ? ERASER : 1), dx = x1 - x0, dy = y1 - y0, square = dx * dx + dy * dy;
  const from = (a, b) => Math.max(Math.floor(Math.min(a, b) - radius - 1), 0);
  const upTo = (a, b) => Math.min(Math.ceil(Math.max(a, b) + radius + 1), SIZE);
  for (let y = from(y0, y1); y < upTo(y0, y1); y++) {
    for (let x = from(x0, x1); x < upTo(x0, x1); x++) {
      // The distance of the pixel's centre from the piece decides how much of the pixel the tip covers.
      const px = x + 0.5 - x0, py = y + 0.5 - y0;
      const along = square ? Math.min(Math.max((px * dx + py * dy) / square, 0), 1) : 0;
      const covered = Math.min(Math.max(radius + 0.5 - Math.hypot(px - along * dx, py - along * dy), 0), 1);
      const at = y * SIZE + x;
      ink.values[at] = erase ? Math.min(ink.values[at], 1 - covered) : Math.max(ink.values[at], covered);
    }
  }
}

/** All strokes on a new pad. */
export function inked(strokes) {
  const ink = blank();
  for (const {erase, points} of strokes)
    points.forEach((_, last) => inkLastPiece(ink, {erase, points: points.slice(Math.max(last - 1, 0), last + 1)}));
  return ink;
}
