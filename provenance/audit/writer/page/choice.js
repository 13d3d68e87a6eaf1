/**
 * What the reader asked for: a search, filters and an order; kept in the address, so that it can be passed on.
 */

import { CATEGORIES } from './parts.js';

/** The columns; one without a key cannot be sorted by. */
export const COLUMNS = [
  { id: 'picture', title: 'Picture' },
  { id: 'name', title: 'File', key: 'name' },
  { id: 'verdict', title: 'Category', key: 'rank' },
  { id: 'by', title: 'Signed by', key: 'signer' },
  { id: 'at', title: 'Signed (UTC)', key: 'signedAt' },
  { id: 'made', title: 'Made by', key: 'agent' },
  { id: 'reasons', title: 'Reasons', key: 'reasonList' },
];
export const SORTED = COLUMNS.filter((column) => column.key !== undefined);

/** What the reader asked for. */
export const choice = {
  query: '',
  categories: new Set(),
  reasons: new Set(),
  failing: false,
  key: 'name',
  descending: false,
};

const comparable = (text) => text.normalize('NFC').toLowerCase();

/** Return the text that a record is searched in; made when it is first needed. */
function haystackOf(record) {
  record.haystack ??= comparable(`${record.name}\n${record.signer}\n${record.agent}\n${record.sha256}`);
  return record.haystack;
}

/** Make a test for what the reader asked for; every word of the query has to be found. */
export function matcher() {
  const words = comparable(choice.query).split(/\s+/).filter(Boolean);
  const { categories, reasons, failing } = choice;
  return (record) =>
    (categories.size === 0 || categories.has(record.category)) &&
    (reasons.size === 0 || record.reasons.some((reason) => reasons.has(reason))) &&
    (!failing || record.failing) &&
    words.every((word) => haystackOf(record).includes(word));
}

/** Make an order: what has nothing in the column comes last either way, equals as they were walked. */
export function order() {
  const { key } = choice;
  const direction = choice.descending ? -1 : 1;
  return (one, other) => {
    const [a, b] = [one[key], other[key]];
    if (a === b) {
      return one.index - other.index;
    }
    if (a === '' || b === '') {
      return a === '' ? 1 : -1;
    }
    return a < b ? -direction : direction;
  };
}

export const isFiltered = () =>
  choice.query.trim() !== '' || choice.categories.size > 0 || choice.reasons.size > 0 || choice.failing;

/** Write what is chosen into the address, so that it can be kept and passed on. */
export function writeAddress(record) {
  const parts = new URLSearchParams();
  const set = (name, value) => value && parts.set(name, value);
  set('q', choice.query.trim());
  set('category', [...choice.categories].join(','));
  choice.reasons.forEach((reason) => parts.append('reason', reason));
  set('failing', choice.failing ? '1' : '');
  if (choice.key !== 'name' || choice.descending) {
    parts.set('sort', `${choice.descending ? '-' : ''}${choice.key}`);
  }
  set('file', record?.name);
  const hash = parts.toString();
  const wanted = hash === '' ? '' : `#${hash}`;
  if (wanted !== location.hash) {
    history.replaceState(null, '', wanted === '' ? location.pathname + location.search : wanted);
  }
}

/** Read what is chosen from the address; returns the name of the file to open, or null. */
export function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const sort = parts.get('sort') ?? 'name';
  const key = sort.replace(/^-/, '');
  choice.query = parts.get('q') ?? '';
  choice.categories = new Set((parts.get('category') ?? '').split(',').filter((id) => CATEGORIES.includes(id)));
  choice.reasons = new Set(parts.getAll('reason'));
  choice.failing = parts.get('failing') === '1';
  choice.key = SORTED.some((column) => column.key === key) ? key : 'name';
  choice.descending = sort.startsWith('-');
  return parts.get('file');
}
