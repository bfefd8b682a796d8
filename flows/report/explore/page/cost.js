// The cost of one example, written out as the lesson writes it.

import { $, element, setText } from "./dom.js";
import { target } from "./network.js";
import { fixed, text } from "./texts.js";

/** Set up the panel; `choose` is called with the label that a reader chooses. */
export function createCost(names, choose) {
  const select = $('label');
  select.append(...names.map((name, place) => element('option', {value: place}, name)));
  select.addEventListener('change', () => choose(Number(select.value)));
  return ({network, answers, label, follows, cost}) => {
    select.value = label;
    $('label-follows').hidden = !follows;
    const squares = network.cost === 'quadratic';
    setText($('cost-about'), text(squares ? 'cost.about' : 'cost.about_cross_entropy'));
    const lines = Array.from(answers, (answer, place) => {
      const wanted = target(label, place);
      if (!squares) return [place, wanted ? `−ln ${fixed(answer)}` : '', wanted ? fixed(cost, 4) : ''];
      return [place, `(${fixed(answer)} − ${fixed(wanted)})²`, fixed((answer - wanted) ** 2, 4)];
    });
    $('cost-lines').replaceChildren(...lines.filter(([, term]) => term).map(([place, term, value]) =>
      element('tr', {className: place === label ? 'wanted' : ''},
        element('th', {scope: 'row'}, names[place]), element('td', {}, term), element('td', {}, value))));
    setText($('cost-total'), fixed(cost, 4));
  };
}
