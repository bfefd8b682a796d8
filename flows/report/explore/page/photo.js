// A picture from disk as ink. The paper is taken to be as bright as the median pixel; what is clearly darker is ink.
// (`mlp predict` also copes with shadows, ruled lines and specks: see mlp/data/pictures, whose rules on transparency, on
// light digits and on pictures without ink are the same.)

import { picture } from "./morphology.js";

const LONGER = 280; // pixels of the longer side
const MARGIN = 10; // pixels around the picture
const CONTRAST = 0.06; // the least share of the paper's brightness that ink takes away
const NOISE = 6; // standard deviations of the paper's noise that ink stands out at least
const LOW = 0.1, HIGH = 0.3, BETWEEN = 0.757; // quantiles of the pixels, below any ink, and so many deviations between them

/** The ink of a picture file, from 0 to 1; null if it shows none. Rejects if the browser can't read the file. */
export async function inkOfPicture(file) {
  const bitmap = await createImageBitmap(file), scale = LONGER / Math.max(bitmap.width, bitmap.height);
  const columns = Math.max(Math.round(bitmap.width * scale), 1), rows = Math.max(Math.round(bitmap.height * scale), 1);
  const context = new OffscreenCanvas(columns, rows).getContext('2d');
  context.drawImage(bitmap, 0, 0, columns, rows);
  return inkOfPixels(context.getImageData(0, 0, columns, rows).data, rows, columns);
}

/** The ink of pixels (red, green, blue and opacity of each, from 0 to 255), from 0 to 1; null if there is none. */
export function inkOfPixels(pixels, rows, columns) {
  const levels = lightPaper(opaque(pixels)), paper = quantile(levels, 0.5);
  const dark = levels.map(level => (paper - level) / Math.max(paper, 1)), most = dark.reduce((a, b) => Math.max(a, b));
  const noise = (quantile(dark, HIGH) - quantile(dark, LOW)) / BETWEEN;
  if (most < Math.max(CONTRAST, NOISE * noise)) return null;
  const ink = picture(rows + 2 * MARGIN, columns + 2 * MARGIN);
  // Below a third of the contrast is paper, above two thirds ink.
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      ink.values[(y + MARGIN) * ink.columns + x + MARGIN] = Math.min(Math.max((3 * dark[y * columns + x]) / most - 1, 0), 1);
  return ink;
}

/** Grey levels from 0 to 255 on white paper; on black if most of the picture is clear and what is drawn there is light. */
function opaque(pixels) {
  const count = pixels.length / 4, share = Float32Array.from({length: count}, (_, i) => pixels[4 * i + 3] / 255);
  const drawn = share.map((part, i) => part * (0.299 * pixels[4 * i] + 0.587 * pixels[4 * i + 1] + 0.114 * pixels[4 * i + 2]));
  const sum = values => values.reduce((total, value) => total + value, 0), covered = sum(share);
  const ground = covered < count / 2 && sum(drawn) > covered * 255 / 2 ? 0 : 255;
  return drawn.map((level, i) => level + (1 - share[i]) * ground);
}

/** The levels as dark ink on light paper: as they are, or their negative. */
function lightPaper(levels) {
  const middle = (quantile(levels, 0.001) + quantile(levels, 0.999)) / 2;
  return quantile(levels, 0.5) >= middle ? levels : levels.map(level => 255 - level);
}

function quantile(values, share) {
  return Float32Array.from(values).sort()[Math.round(share * (values.length - 1))];
}
