// The epochs: a slider over those whose weights are kept, play and pause, and the cost curve with the place marked.

import { drawLines } from "./chart.js";
import { $, setText } from "./dom.js";
import { fixed, text } from "./texts.js";

const PAUSE = 900; // milliseconds between two epochs when it plays

/** Set up the slider; `choose` is called with the epoch. */
export function createTimeline(choose) {
  const slider = $('epoch'), button = $('play');
  let epochs = [], timer = null;

  function stop() {
    clearInterval(timer);
    timer = null;
    setText(button, text('time.play'));
  }

  function next() {
    if (Number(slider.value) >= epochs.length - 1) return stop();
    slider.value = Number(slider.value) + 1;
    choose(epochs[slider.value]);
  }

  button.addEventListener('click', () => {
    if (timer) return stop();
    if (Number(slider.value) >= epochs.length - 1) choose(epochs[(slider.value = 0)]);
    timer = setInterval(next, PAUSE);
    setText(button, text('time.pause'));
  });
  slider.addEventListener('input', () => {
    stop();
    choose(epochs[slider.value]);
  });

  return ({network, epoch}) => {
    ({epochs} = network);
    slider.max = epochs.length - 1;
    slider.value = epochs.indexOf(epoch);
    slider.disabled = button.disabled = epochs.length < 2;
    const last = epochs.at(-1);
    const title = epoch === 0 ? text('time.untrained') : text(epoch === last ? 'time.last' : 'time.epoch', {epoch});
    setText($('epoch-title'), title);
    slider.setAttribute('aria-valuetext', title);
    $('only-last').hidden = epochs.length > 1;

    const {epochs: steps, train, test} = network.curves, points = curve => curve.map((cost, i) => [steps[i], cost ?? NaN]);
    const known = [...train, ...test].filter(Number.isFinite), chart = $('cost-curve');
    if (!known.length) return;
    drawLines(chart, [{points: points(train), kind: 'train'}, {points: points(test), kind: 'test'}],
      {x: [0, last || 1], y: [Math.max(Math.min(...known), 1e-4), Math.max(...known)], height: 150, mark: epoch, log: true});
    const at = curve => (Number.isFinite(curve[steps.indexOf(epoch)]) ? fixed(curve[steps.indexOf(epoch)], 3) : '–');
    chart.setAttribute('aria-label', text('time.chart', {epoch, train: at(train), test: at(test)}));
    setText($('train-cost'), at(train));
    setText($('test-cost'), at(test));
  };
}
