// A picture from disk as ink. The paper is taken to be as bright as the median pixel; what differs clearly from it is
// ink. (`mlp predict` also copes with shadows, ruled lines and specks: see mlp/images.)

import { picture } from "./morphology.js";

const LONGER = 280; // pixels of the longer side
const MARGIN = 10; // pixels around the picture

/** The ink of a picture file, from 0 to 1; rejects if the browser can't read it. */
export async function inkOfPicture(file) {
  const bitmap = await createImageBitmap(file), scale = LONGER / Math.max(bitmap.width, bitmap.height);
  const columns = Math.max(Math.round(bitmap.width * scale), 1), rows = Math.max(Math.round(bitmap.height * scale), 1);
  const canvas = new OffscreenCanvas(columns, rows), context = canvas.getContext('2d');
  context.fillStyle = 'white';
  context.fillRect(0, 0, columns, rows);
  context.drawImage(bitmap, 0, 0, columns, rows);
  const {data} = context.getImageData(0, 0, columns, rows);
  const grey = Float32Array.from({length: rows * columns}, (_, i) => 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
  const sorted = Float32Array.from(grey).sort(), paper = sorted[sorted.length >> 1];
  const contrast = grey.map(value => Math.abs(value - paper)), most = contrast.reduce((a, b) => Math.max(a, b)) || 1;
  // Below a third of the contrast is paper, above two thirds ink.
  const inkAt = value => Math.min(Math.max((3 * value) / most - 1, 0), 1);
  const ink = picture(rows + 2 * MARGIN, columns + 2 * MARGIN);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) ink.values[(y + MARGIN) * ink.columns + x + MARGIN] = inkAt(contrast[y * columns + x]);
  return ink;
}
