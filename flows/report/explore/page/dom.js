// Small helpers for elements.

export const $ = id => document.getElementById(id);

/** An element with properties and children: element('button', {type: 'button'}, 'Again'). */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** The same for SVG, with attributes only. */
export function shape(name, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Change an element's text only if it is another one, so that nothing is laid out again for nothing. */
export function setText(made, given) {
  if (made.textContent !== given) made.textContent = given;
}

/** Of several elements only one is a tab stop; arrow keys, Home and End move between them. `columns` in a row. */
export function roving(items, columns = () => 1) {
  let current = 0;
  const focus = place => {
    items[current].tabIndex = -1;
    current = Math.min(Math.max(place, 0), items.length - 1);
    items[current].tabIndex = 0;
    items[current].focus();
  };
  items.forEach((item, place) => {
    item.tabIndex = place ? -1 : 0;
    item.addEventListener('focus', () => {
      items[current].tabIndex = -1;
      items[(current = place)].tabIndex = 0;
    });
    item.addEventListener('keydown', event => {
      const by = {ArrowDown: columns(), ArrowUp: -columns(), ArrowRight: 1, ArrowLeft: -1, Home: -place, End: items.length}[event.key];
      if (by === undefined || event.defaultPrevented || (columns() === 1 && /Left|Right/.test(event.key))) return;
      event.preventDefault();
      focus(place + by);
    });
  });
}

/** Call a function before the next picture is drawn, once however often it was asked for. */
export function onceAFrame(action) {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      action();
    });
  };
}

/** Whether an element is in sight; `seen` is called when it comes into sight. */
export function watchSight(watched, seen) {
  let visible = false;
  new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    if (visible) seen();
  }, {rootMargin: '120px'}).observe(watched);
  return () => visible;
}
