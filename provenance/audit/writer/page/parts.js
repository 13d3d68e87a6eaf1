/**
 * Elements that several parts of the page draw.
 */

import { element, wordsFor } from './shared/text.js';
import { WORDS } from './shared/words.js';

/** The categories of files, in the order in which they are shown. */
export const CATEGORIES = Object.keys(WORDS.categories);

/**
 * Find a part of the page.
 */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Read the JSON that an element holds.
 */
export function dataOf(holder) {
  return JSON.parse(holder.textContent);
}

/**
 * Show a category: its sign, and the word.
 */
export function badge(id, word = id) {
  return element(
    'span',
    { class: `badge of-${id}` },
    element('span', { class: 'sign', 'aria-hidden': 'true' }, wordsFor('categories', id).sign),
    element('span', {}, word),
  );
}

/**
 * Show a picture in its place, or that there is none.
 *
 * @param picture Its bytes in base64, or null.
 */
export function pictureOf(picture) {
  if (picture === null) return element('span', { class: 'no-thumbnail' });
  return element('img', { class: 'thumbnail', alt: '', src: `data:image/webp;base64,${picture}` });
}
