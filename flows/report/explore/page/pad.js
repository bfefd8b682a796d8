// The drawing pad: pen and eraser by mouse, touch, pen or keyboard, undo and clear.

import { $, setText } from "./dom.js";
import { BRUSH, SIZE, blank, inked, inkLastPiece, newStroke } from "./strokes.js";
import { text } from "./texts.js";

const STEP = SIZE / 28; // of the pen by an arrow key
const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
// A 3, to begin with.
const EXAMPLE = [{erase: false, points: [...arc(79, 55, 26, -160, 80), ...arc(79, 108, 29, -80, 160)]}];

/** Points on a circle, between two angles in degrees. */
function arc(x, y, radius, from, to) {
  const angles = Array.from({length: 25}, (_, i) => ((from + (i / 24) * (to - from)) * Math.PI) / 180);
  return angles.map(angle => [x + radius * Math.cos(angle), y + radius * Math.sin(angle)]);
}

/** Set up the pad; `drawn` is called after every change, with whether a drawing has just begun. */
export function createPad(drawn) {
  const canvas = $('pad'), context = canvas.getContext('2d');
  let strokes = [], current = null, ink = blank(), erasing = false, example = false;
  let pointer = null; // that draws the current stroke: a second finger or a palm leaves no ink
  let pen = {x: SIZE / 2, y: SIZE / 4, down: false, used: false};
  canvas.width = canvas.height = SIZE;

  function show() {
    const pixels = new ImageData(SIZE, SIZE);
    ink.values.forEach((value, at) => pixels.data.fill(255 * value, 4 * at, 4 * at + 3));
    for (let at = 3; at < pixels.data.length; at += 4) pixels.data[at] = 255;
    context.putImageData(pixels, 0, 0);
    if (pen.used && document.activeElement === canvas) {
      context.strokeStyle = pen.down ? '#ff9f43' : '#4da3ff';
      context.lineWidth = 2;
      context.beginPath();
      context.arc(pen.x, pen.y, BRUSH / 2, 0, 7);
      context.stroke();
    }
    $('pad-hint').hidden = strokes.length > 0 || pen.used;
  }

  function changed() {
    show();
    drawn(strokes.length < 2);
  }

  function begin(x, y) {
    if (example) [strokes, ink, example] = [[], blank(), false];
    current = newStroke(erasing);
    strokes.push(current);
    add(x, y);
  }

  function add(x, y) {
    current.points.push([x, y]);
    inkLastPiece(ink, current);
  }

  /** Replace all strokes, and draw them anew. */
  function redraw(kept) {
    [strokes, current, pointer, example] = [kept, null, null, false];
    pen.down = false;
    ink = inked(strokes);
    changed();
  }

  const place = event => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIZE, ((event.clientY - box.top) / box.height) * SIZE];
  };

  canvas.addEventListener('pointerdown', event => {
    const overPalm = pointer?.type === 'touch' && event.pointerType === 'pen';
    if (event.button > 0 || (pointer && !overPalm)) return;
    if (overPalm) redraw(strokes.slice(0, -1)); // the palm that came before the pen
    pointer = {id: event.pointerId, type: event.pointerType};
    canvas.setPointerCapture(event.pointerId);
    pen.used = false;
    begin(...place(event));
    changed();
  });
  canvas.addEventListener('pointermove', event => {
    if (event.pointerId !== pointer?.id) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) add(...place(move));
    changed();
  });
  canvas.addEventListener('lostpointercapture', event => {
    if (event.pointerId === pointer?.id) [current, pointer] = [null, null];
  });

  canvas.addEventListener('keydown', event => {
    if (event.key === ' ') {
      pen = {...pen, down: !pen.down, used: true};
      if (pen.down) begin(pen.x, pen.y);
      setText($('pad-status'), text(pen.down ? 'input.pad_down' : 'input.pad_up'));
    } else if (ARROWS[event.key]) {
      const [right, down] = ARROWS[event.key].map(by => by * (event.shiftKey ? STEP / 4 : STEP));
      const inside = value => Math.min(Math.max(value, 0), SIZE);
      pen = {...pen, x: inside(pen.x + right), y: inside(pen.y + down), used: true};
      if (pen.down) add(pen.x, pen.y);
    } else if ((event.ctrlKey || event.metaKey) && event.key === 'z') {
      redraw(strokes.slice(0, -1));
    } else return;
    event.preventDefault();
    changed();
  });
  canvas.addEventListener('focus', show);
  canvas.addEventListener('blur', () => {
    pen = {...pen, down: false, used: false};
    show();
  });

  for (const tool of ['pen', 'eraser'])
    $(tool).addEventListener('click', () => {
      erasing = tool === 'eraser';
      for (const other of ['pen', 'eraser']) $(other).setAttribute('aria-pressed', other === tool);
    });
  $('undo').addEventListener('click', () => redraw(strokes.slice(0, -1)));
  $('clear').addEventListener('click', () => redraw([]));
  return {
    ink: () => ink,
    /** Draw an example, which the first stroke of a reader replaces. */
    showExample() {
      redraw(EXAMPLE);
      example = true;
    },
  };
}
