// The texts of the page, from its one file of texts, and numbers as people read them.

let texts = {};

/** Set the texts: the content of a file such as en.json. */
export function useTexts(given) {
  texts = given;
}

/** A text by its path, such as "time.epoch", with the values that it has places for. */
export function text(path, values = {}) {
  const found = path.split('.').reduce((part, name) => part?.[name], texts);
  if (typeof found !== 'string') throw new Error(`no text ${path}`);
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** A number with a fixed count of digits after the point, and a true minus sign. */
export const fixed = (value, digits = 2) => value.toFixed(digits).replace(/^-(?=[0.]*$)/, '').replace('-', '−');

/** The same with its sign. */
export const signed = (value, digits = 2) => (value >= 0.5 * 10 ** -digits ? '+' : '') + fixed(value, digits);

/** A number of any size in three digits, with its sign. */
export function brief(value) {
  const size = Math.abs(value);
  if (size === 0 || (size >= 0.01 && size < 1000)) return signed(value, size < 0.1 ? 4 : size < 10 ? 3 : 1);
  const [digits, power] = value.toExponential(1).split('e');
  return `${value > 0 ? '+' : ''}${digits}·10${superscript(Number(power))}`.replace('-', '−');
}

const superscript = power => [...String(power)].map(sign => '⁰¹²³⁴⁵⁶⁷⁸⁹'[sign] ?? '⁻').join('');

/** A whole number with separators, as the page's language writes it. */
export const whole = count => count.toLocaleString(texts.language);
