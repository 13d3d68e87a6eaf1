/**
 * Elements and texts of a page; everything that is shown is made here, and nothing is parsed as HTML.
 *
 * Text out of images, file names and answers is hostile: what could hide in it, or change the order or the
 * place of other text, is shown as an escape, as the command does.
 */

import { WORDS } from './words.js';

/** Most rows drawn of any list; the report as JSON has all. */
export const MAX_ROWS = 100;

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
 * Draw one of the page's symbols; what it means always stands beside it in words.
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

/**
 * Draw a list of which at most MAX_ROWS entries are drawn, and say how many are not.
 *
 * @param items What is listed.
 * @param look Attributes of the list.
 * @param draw Draws one entry.
 * @returns The list, or null if there is nothing to list.
 */
export function listed(items, look, draw) {
  if (items.length === 0) return null;
  const rest = items.length - MAX_ROWS;
  return element(
    'ul',
    look,
    items.slice(0, MAX_ROWS).map(draw),
    rest > 0
      ? element('li', { class: 'left-out' }, sentence('left_out', { count: number(rest) }))
      : null,
  );
}

/**
 * Look up the words for something; null if there are none.
 */
export function wordsFor(section, id) {
  return Object.hasOwn(WORDS[section], id) ? WORDS[section][id] : null;
}

/**
 * Put facts into the places of a sentence.
 *
 * @param name Of the sentence.
 * @param facts What to put, by the names of the places: texts and elements, or lists of them.
 * @returns A list of texts and elements.
 */
export function sentence(name, facts = {}) {
  return WORDS.sentences[name].split(/\{(\w+)\}/).map((part, at) => (at % 2 === 0 ? part : facts[part]));
}

/**
 * Show somebody else's text: isolated from the text around it, its middle left out where it is very long.
 */
export function shown(text, limit = LIMIT, look = null) {
  const made = element('bdi', { class: look });
  let plain = '';
  for (const piece of spelled(String(text), limit)) {
    if (isEscape(piece)) {
      made.append(plain, element('span', { class: 'escape' }, piece));
      plain = '';
    } else {
      plain += piece;
    }
  }
  made.append(plain);
  return made;
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
 * @param limit Most characters; of longer text the middle is left out.
 */
export function visible(text, limit = LIMIT) {
  return spelled(String(text), limit).join('');
}

/**
 * Write a value as indented JSON that means the same and hides nothing.
 */
export function json(value) {
  const unseen = (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, at) => unit(character, at)).join('');
  return JSON.stringify(value, null, 2).replace(UNSEEN, unseen);
}

/**
 * Write a number for people.
 */
export function number(value) {
  return value.toLocaleString('en');
}

/**
 * Write how many there are of something.
 */
export function count(amount, one, many = `${one}s`) {
  return `${number(amount)} ${amount === 1 ? one : many}`;
}

/**
 * Write a moment in UTC, for people and for programs.
 */
export function moment(time) {
  return dated(time, (iso) => `${iso.slice(0, 19).replace('T', ' ')} UTC`);
}

/**
 * Write a day in UTC, for people and for programs.
 */
export function day(time) {
  return dated(time, (iso) => iso.slice(0, 10));
}

/**
 * Name a trust profile with its version, or each of those that were joined.
 */
export function profileOf({ joined, ...trust }) {
  const parts = joined?.length > 0 ? joined : [trust];
  return parts.map(({ name, version }) => (version ? `${name} ${version}` : name)).join(' + ');
}

function dated(time, write) {
  const date = new Date(time);
  if (Number.isNaN(date.valueOf())) return shown(time);
  const iso = date.toISOString();
  return element('time', { datetime: iso }, write(iso));
}

/** Split text into what is shown of it: characters, each that is not seen as its escape. */
function spelled(text, limit) {
  if (text.length <= limit) {
    const all = spell(text);
    if (all.reduce((sum, piece) => sum + piece.length, 0) <= limit) return all;
  }
  const tail = Math.floor(limit / 3);
  const head = fitting(spell(text.slice(0, limit)), limit - tail);
  return [...head, '…', ...fitting(spell(text.slice(-limit)).reverse(), tail).reverse()];
}

function spell(text) {
  const pieces = [];
  let from = 0;
  for (const { 0: character, index } of text.matchAll(UNSEEN)) {
    pieces.push(...text.slice(from, index), escape(character));
    from = index + character.length;
  }
  pieces.push(...text.slice(from));
  return pieces;
}

function fitting(pieces, room) {
  let used = 0;
  return pieces.filter((piece) => (used += piece.length) <= room);
}

function isEscape(piece) {
  return piece.length > 1 && piece.startsWith('\\');
}

function escape(character) {
  const code = character.codePointAt(0);
  const hex = code.toString(16);
  if (SHORT.has(character)) return SHORT.get(character);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

function unit(character, at) {
  return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
}
