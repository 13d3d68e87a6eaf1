/**
 * Elements and texts for the page; everything that is shown is made here, and nothing is parsed as HTML.
 *
 * Text out of images, file names and answers is hostile: what could hide in it, or change the order or the
 * place of other text, is shown as an escape, as the command does.
 */

const SVG = 'http://www.w3.org/2000/svg';
const LIMIT = 160;

// Control, format, unassigned and private characters, lone surrogates, separators, spaces that are not
// the space, characters drawn as nothing, and marks piled up beyond what any script needs.
const UNSEEN = /[\p{C}\p{DI}\p{Zl}\p{Zp}\u2800]|(?! )\p{Zs}|(?<=\p{M}{4})\p{M}/gu;
const SHORT = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/**
 * Make an element; strings among the children become text.
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null));
  return made;
}

/**
 * Draw one of the symbols of index.html; what it means always stands beside it in words.
 */
export function icon(name) {
  const drawn = document.createElementNS(SVG, 'svg');
  drawn.setAttribute('class', 'icon');
  drawn.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  drawn.append(use);
  return drawn;
}

/**
 * Name a trust profile with its version, or each of those that were joined.
 */
export function profileOf({ joined, ...trust }) {
  const parts = joined?.length > 0 ? joined : [trust];
  return parts.map(({ name, version }) => (version ? `${name} ${version}` : name)).join(' + ');
}

/**
 * Show somebody else's text: isolated from the text around it, its middle left out where it is very long.
 */
export function shown(text, limit = LIMIT) {
  return element('bdi', {}, visible(text, limit));
}

/**
 * Show somebody else's text in quotation marks, so that it is seen where it begins and ends; or "nothing".
 */
export function quoted(text, limit = LIMIT) {
  if (text === null) return ['nothing'];
  const inner = String(text).replace(/["\\]/g, '\\$&');
  return [element('span', { class: 'quoted' }, '"', shown(inner, limit), '"')];
}

/**
 * Write text so that all of it can be seen, on one line and from left to right.
 *
 * @param text Anything.
 * @param limit About how many characters at most; of longer text the middle is left out.
 */
export function visible(text, limit = LIMIT) {
  const whole = String(text);
  if (whole.length <= limit) {
    const all = escaped(whole);
    if (all.length <= limit) return all;
  }
  const tail = Math.floor(limit / 3);
  return `${escaped(whole.slice(0, limit)).slice(0, limit - tail)} … ${escaped(whole.slice(-limit)).slice(-tail)}`;
}

/**
 * Write a value as indented JSON that means the same and hides nothing.
 */
export function json(value) {
  const unseen = (character) =>
    character === '\n'
      ? character
      : [...Array(character.length).keys()].map((at) => unit(character, at)).join('');
  return JSON.stringify(value, null, 2).replace(UNSEEN, unseen);
}

/**
 * Write a number of bytes for people.
 */
export function bytes(count) {
  const plain = `${count.toLocaleString('en')} ${count === 1 ? 'byte' : 'bytes'}`;
  if (count < 1024) return plain;
  const power = Math.min(3, Math.floor(Math.log2(count) / 10));
  return `${(count / 1024 ** power).toLocaleString('en', { maximumFractionDigits: 1 })} ${' KMG'[power]}iB`;
}

/**
 * Write a moment for people, in UTC, and for programs.
 */
export function moment(time) {
  return dated(
    time,
    (date) => `${longDay(date)}, ${date.toLocaleTimeString('en-GB', { timeZone: 'UTC' })} UTC`,
  );
}

/**
 * Write a day for people, in UTC, and for programs.
 */
export function day(time) {
  return dated(time, longDay);
}

/**
 * Make a list of terms; rows whose description is null are left out.
 */
export function terms(rows, attributes = {}) {
  const kept = rows.filter(([, description]) => description !== null);
  return element(
    'dl',
    attributes,
    kept.map(([term, description]) =>
      element('div', {}, element('dt', {}, term), element('dd', {}, description)),
    ),
  );
}

function dated(time, write) {
  const date = new Date(time);
  if (Number.isNaN(date.valueOf())) return shown(time);
  return element('time', { datetime: date.toISOString() }, write(date));
}

function longDay(date) {
  return date.toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' });
}

function escaped(text) {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0);
    const hex = code.toString(16);
    if (SHORT.has(character)) return SHORT.get(character);
    if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  });
}

function unit(character, at) {
  return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
}
