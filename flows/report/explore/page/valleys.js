// Gradient descent where it can be seen: a cost of one number, a cost of two, and the line between two networks.

import { drawLines } from "./chart.js";
import { $, element, setText, shape } from "./dom.js";
import { fixed, text } from "./texts.js";

const LIMIT = 1e6; // beyond it a descent has diverged

/** A cost of one number with two valleys, the one of the notebook 1_descent. */
const one = {cost: w => w ** 4 / 4 - w ** 2 + 0.3 * w + 1.5, slope: w => w ** 3 - 2 * w + 0.3};

/** The lesson's cost of two numbers. */
const two = {cost: (x, y) => 1.5 * x * x + 0.5 * y * y, gradient: (x, y) => [3 * x, y]};

/** The path of gradient descent from a point, as mlp.descend computes it, up to where it diverges. */
function descend(gradient, start, rate, steps) {
  const path = [start];
  while (path.length <= steps && path.at(-1).every(value => Math.abs(value) < LIMIT)) {
    const slope = gradient(...path.at(-1));
    path.push(path.at(-1).map((value, i) => value - rate * slope[i]));
  }
  return path;
}

/** What became of a ball: diverges, swings, slow, settled_deep or settled_shallow. */
function fate(path) {
  const values = path.map(([w]) => w), last = values.at(-1), moves = values.slice(1).map((w, i) => w - values[i]);
  if (!(Math.abs(last) < 10)) return 'diverges';
  const end = moves.slice(-4), turns = end.filter((move, i) => i && move * end[i - 1] < 0).length;
  if (Math.abs(end.at(-1)) > 0.02) return turns > 1 ? 'swings' : 'slow';
  return Math.abs(one.slope(last)) > 0.05 ? 'slow' : last < 0 ? 'settled_deep' : 'settled_shallow';
}

/** Show the value of each slider beside it, and call `draw` whenever one moves. */
function sliders(names, draw) {
  const value = name => Number($(name).value), update = () => {
    for (const name of names) setText($(`${name}-value`), fixed(value(name), Number($(name).step) < 1 ? 2 : 0));
    draw(...names.map(value));
  };
  for (const name of names) $(name).addEventListener('input', update);
  update();
  return update;
}

/** Set up all three. */
export function createValleys(data) {
  sliders(['one-start', 'one-rate', 'one-steps'], (start, rate, steps) => {
    const path = descend(w => [one.slope(w)], [start], rate, steps);
    const curve = Array.from({length: 121}, (_, i) => -2.4 + i * 0.04).map(w => [w, one.cost(w)]);
    drawLines($('one-chart'), [{points: curve, kind: 'curve'}, {points: path.map(([w]) => [w, one.cost(w)]).filter(([w]) => Math.abs(w) < 2.6), kind: 'path', dots: true}],
      {x: [-2.4, 2.4], y: [-0.2, 4], height: 260});
    setText($('one-fate'), text(`valleys.${fate(path)}`, {w: fixed(path.at(-1)[0]), steps}));
  });
  createSurface();
  createLine(data);
}

const REACH = 1.5, SIDE = 300; // of the contours: from -REACH to REACH, in pixels

function createSurface() {
  const svg = $('two-chart'), place = value => ((value + REACH) / (2 * REACH)) * SIDE;
  svg.setAttribute('viewBox', `0 0 ${SIDE} ${SIDE}`);
  const update = sliders(['two-x', 'two-y', 'two-rate'], (x, y, rate) => {
    const steps = 30, path = descend(two.gradient, [x, y], rate, steps), [gx, gy] = two.gradient(x, y);
    // The contour of height c is the ellipse with the half axes sqrt(2 c / 3) and sqrt(2 c).
    const contours = [0.05, 0.15, 0.3, 0.6, 1, 1.6, 2.4, 3.4].map(c => shape('ellipse', {
      class: 'contour', cx: SIDE / 2, cy: SIDE / 2, rx: place(Math.sqrt((2 * c) / 3)) - SIDE / 2, ry: place(Math.sqrt(2 * c)) - SIDE / 2,
    }));
    const inside = path.filter(point => point.every(value => Math.abs(value) < 3 * REACH)).map(([a, b]) => [place(a), place(-b)]);
    svg.replaceChildren(...contours, shape('polyline', {class: 'path', points: inside.map(String).join(' ')}),
      ...inside.map(([cx, cy], i) => shape('circle', {class: `path dot${i ? '' : ' last'}`, cx, cy, r: i ? 3 : 6})));
    const [endX, endY] = path.at(-1), far = Math.hypot(endX, endY) > Math.hypot(x, y) + 1e-9;
    setText($('two-fate'), `${text('valleys.gradient', {x: fixed(-gx), y: fixed(-gy)})} ${
      far ? text('valleys.diverges') : text('valleys.two_settled', {steps, x: fixed(endX), y: fixed(endY)})}`);
  });
  svg.addEventListener('click', event => {
    const box = svg.getBoundingClientRect(), value = (at, length) => (at / length) * 2 * REACH - REACH;
    $('two-x').value = value(event.clientX - box.left, box.width);
    $('two-y').value = -value(event.clientY - box.top, box.height);
    update();
  });
}

function createLine({lines, line_images: count, groups}) {
  $('line-group').hidden = lines.length < 2;
  if (!lines.length) return setText($('line-about'), text('valleys.no_line'));
  setText($('line-about'), text('valleys.line_about', {count}));
  const select = $('line-group').querySelector('select');
  select.append(...lines.map(({group}, i) => element('option', {value: i}, groups[group])));
  const draw = () => {
    const {group, seeds: [a, b], costs} = lines[Number(select.value)], last = costs.length - 1;
    drawLines($('line-chart'), [{points: costs.map((cost, i) => [i / last, cost]), kind: 'path'}],
      {x: [0, 1], y: [0, Math.max(...lines.flatMap(line => line.costs))], height: 260, axis: text('valleys.line_axis', {a, b})});
    $('line-chart').setAttribute('aria-label', text('valleys.line_chart', {
      a, b, group: groups[group], start: fixed(costs[0], 3), top: fixed(Math.max(...costs), 3), end: fixed(costs[last], 3)}));
  };
  select.addEventListener('change', draw);
  draw();
}
