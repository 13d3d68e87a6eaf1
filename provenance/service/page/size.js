/**
 * Sizes of files for people.
 */

import { count } from './shared/text.js';

/**
 * Write a number of bytes.
 */
export function bytes(size) {
  if (size < 1024) return count(size, 'byte');
  const power = Math.min(3, Math.floor(Math.log2(size) / 10));
  return `${(size / 1024 ** power).toLocaleString('en', { maximumFractionDigits: 1 })} ${' KMG'[power]}iB`;
}
