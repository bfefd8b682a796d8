// Charts of a few lines, in SVG.

import { shape } from "./dom.js";
import { fixed } from "./texts.js";

const WIDTH = 480, MARGIN = {left: 44, right: 12, top: 12, bottom: 26};

/** Round numbers between two, about `count` of them. */
function ticks(low, high, count = 4) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough);
  return Array.from({length: Math.floor(high / step) - Math.ceil(low / step) + 1}, (_, i) => (Math.ceil(low / step) + i) * step);
}

/** Numbers of one digit between two, at most four. */
function powers(low, high) {
  const steps = [[1, 2, 5], [1, 3], [1]].map(digits => Array.from({length: 12}, (_, power) => digits.map(n => n * 10 ** (power - 6))).flat());
  const inside = steps.map(all => all.filter(value => value >= low && value <= high));
  return inside.find(all => all.length <= 4) ?? inside[2];
}

/** How many digits after the point tell two neighbouring ticks apart. */
const digitsOf = values => (values.length < 2 ? 0 : Math.max(0, -Math.floor(Math.log10(values[1] - values[0]) + 1e-9)));

/**
 * Draw lines into an SVG element.
 *
 * @param lines [{points: [[x, y], …], kind: a class of CSS, dots: whether each point is a dot}]
 * @param options {x: [low, high], y: [low, high], height, mark: x of a vertical line, axis: text below, log: whether
 *   the vertical axis is logarithmic}
 */
export function drawLines(svg, lines, {x: [x0, x1], y: [low, high], height, mark, axis = '', log = false}) {
  const scale = log ? value => Math.log10(Math.max(value, low)) : value => value, [y0, y1] = [scale(low), scale(high)];
  const inner = {width: WIDTH - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom};
  const x = value => MARGIN.left + ((value - x0) / (x1 - x0 || 1)) * inner.width;
  const y = value => MARGIN.top + (1 - (scale(value) - y0) / (y1 - y0 || 1)) * inner.height;
  const across = ticks(x0, x1, Math.min(Math.max(x1 - x0, 1), 6)), up = log ? powers(low, high) : ticks(low, high, 4), parts = [];
  for (const value of up) {
    parts.push(shape('line', {class: 'grid', x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y(value), y2: y(value)}));
    parts.push(shape('text', {class: 'tick', x: MARGIN.left - 6, y: y(value) + 4, 'text-anchor': 'end'}, log ? String(Number(value.toPrecision(1))) : fixed(value, digitsOf(up))));
  }
  if (axis) parts.push(shape('text', {class: 'tick', x: MARGIN.left + inner.width / 2, y: height - 7, 'text-anchor': 'middle'}, axis));
  else for (const value of across)
    parts.push(shape('text', {class: 'tick', x: x(value), y: height - 7, 'text-anchor': 'middle'}, fixed(value, digitsOf(across))));
  if (mark !== undefined) parts.push(shape('line', {class: 'mark', x1: x(mark), x2: x(mark), y1: MARGIN.top, y2: height - MARGIN.bottom}));
  for (const {points, kind, dots} of lines) {
    const inside = points.filter(([, value]) => Number.isFinite(value)).map(([a, b]) => [x(a), y(Math.min(b, 2 * high))]);
    parts.push(shape('polyline', {class: kind, points: inside.map(point => point.map(n => n.toFixed(1)).join(',')).join(' ')}));
    if (dots) inside.forEach(([cx, cy], i) => parts.push(shape('circle', {class: `${kind} dot${i === inside.length - 1 ? ' last' : ''}`, cx, cy, r: i === inside.length - 1 ? 6 : 3})));
  }
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${height}`);
  svg.replaceChildren(...parts);
}
