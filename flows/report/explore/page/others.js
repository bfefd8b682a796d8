// One drawing, several networks: a card for each group, with the answers of one of its networks.

import { $, element, setText } from "./dom.js";
import { fixed, text } from "./texts.js";

/** Set up the cards; `chooseSeed` is called with (group, number of the network), `lookInside` with the group. */
export function createOthers(data, names, chooseSeed, lookInside) {
  const cards = data.groups.map((group, number) => {
    const select = element('select', {'aria-label': text('others.seed', {group})}, ...seedOptions(data.networks, number));
    select.addEventListener('change', () => chooseSeed(number, Number(select.value)));
    const digit = element('strong', {className: names.some(name => name.length > 2) ? 'word' : 'digit'}), sure = element('span', {className: 'sure'});
    const bars = names.map(name => element('span', {className: 'column'}, element('i'), element('b', {}, name.length > 2 ? name.slice(0, 2) : name)));
    const look = element('button', {type: 'button'}, text('others.show'));
    look.addEventListener('click', () => lookInside(number));
    const card = element('article', {className: 'card other'}, element('h3', {}, group), select,
      element('p', {className: 'said'}, digit, sure),
      element('div', {className: 'columns', role: 'img', 'aria-label': text('others.answers', {group})}, ...bars), look);
    return {card, select, digit, sure, bars, look};
  });
  $('other-cards').replaceChildren(...cards.map(({card}) => card));

  return ({others, group, source, empty}) => {
    setText($('others-about'), text(data.fractions ? 'others.about_fractions' : 'others.about', {source: text(source === 'draw' ? 'others.drawing' : 'others.image')}));
    cards.forEach(({card, select, digit, sure, bars, look}, number) => {
      const other = others[number];
      card.classList.toggle('chosen', number === group);
      look.disabled = number === group;
      setText(look, text(number === group ? 'others.shown' : 'others.show'));
      if (!other) return; // not unpacked yet
      select.value = other.index;
      setText(digit, empty ? '–' : names[other.best]);
      setText(sure, empty ? '' : text('others.sure', {activation: fixed(other.answers[other.best])}));
      bars.forEach((bar, place) => {
        bar.style.setProperty('--share', other.answers[place].toFixed(4));
        bar.classList.toggle('best', place === other.best && !empty);
      });
      bars[0].parentElement.setAttribute('aria-label', `${text('others.answers', {group: data.groups[number]})}: ` +
        names.map((name, place) => `${name} ${fixed(other.answers[place])}`).join(', '));
    });
  };
}

/** The networks of a group in a list of seeds. */
export const seedOptions = (networks, group) => networks.flatMap((network, index) => {
  const seed = `${text('choose.seed')} ${network.seed}`;
  return network.group === group ? [element('option', {value: index}, network.best ? text('choose.best', {seed}) : seed)] : [];
});
