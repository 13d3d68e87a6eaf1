/**
 * What stands behind a verdict: the checks, and the file.
 */

import { hash } from './manifest.js';
import { count, element, icon, number, quoted, sentence, shown, terms, wordsFor } from './text.js';
import { failed, sourceType } from './verdict.js';

const MAX_FOUND = 600;

// Where what was found is told in the library's own words; else it may hold words of the image.
const OWN_WORDS = {
  pass: ['manifest_store', 'integrity', 'conformance', 'signing_credential', 'trailing_bytes', 'unbound_bytes'],
  fail: ['known_authority', 'trailing_bytes', 'unbound_bytes'],
};
const COUNTED = new Map([
  ['trailing_bytes', 'trailing'],
  ['unbound_bytes', 'unbound'],
]);
const OUTCOMES = { pass: 'Passed', fail: 'Failed', skipped: 'Not reached' };

/**
 * Draw checks: what each is called, its outcome, and what was expected and found.
 */
export function checks(list) {
  return element(
    'ul',
    { class: 'checks' },
    list.map((check) =>
      element(
        'li',
        { class: `check ${check.outcome}` },
        icon(check.outcome),
        element(
          'div',
          {},
          element(
            'p',
            {},
            element('strong', {}, wordsFor('checks', check.id)?.name ?? shown(check.id)),
            element('span', { class: 'outcome' }, OUTCOMES[check.outcome]),
            element('code', {}, shown(check.id)),
          ),
          terms([
            ['Expected', alternatives(check.expected)],
            ['Found', found(check)],
          ]),
        ),
      ),
    ),
  );
}

/**
 * List what is known of the file, as rows of a list of terms.
 */
export function file(report) {
  const { asset } = report;
  const unsigned = failed(report, 'trailing_bytes');
  const covering = unsigned ? 'no signature covers' : 'a hash over the whole file covers';
  const place = asset.xmp_provenance;
  return [
    ['Kind', [shown(asset.media_type), ', told from its bytes']],
    ['Size', count(asset.bytes, 'byte')],
    ['Pixels', asset.width && asset.height ? `${number(asset.width)} × ${number(asset.height)}` : null],
    ['SHA-256', asset.sha256 === null ? null : hash(asset.sha256)],
    ['Trailing bytes', counted(asset.trailing_bytes, `after the image's end, which ${covering}`)],
    ['Unbound bytes', counted(asset.unbound_bytes, 'that no hash covers')],
    ['XMP names', place === null ? null : [quoted(place), '; never fetched']],
  ];
}

function found({ id, outcome, actual }) {
  if (outcome === 'skipped') return 'not looked at';
  if (COUNTED.has(id) && actual === 'none') return `no ${COUNTED.get(id)} byte`;
  if (COUNTED.has(id) && /^\d+$/.test(actual)) return count(Number(actual), 'byte');
  return OWN_WORDS[outcome].includes(id) && actual !== null ? shown(actual) : quoted(actual, MAX_FOUND);
}

function alternatives(expected) {
  return expected.map((value, at) => [at === 0 ? '' : ' or ', shown(sourceType(value), MAX_FOUND)]);
}

function counted(amount, which) {
  if (amount === null) return sentence('unmeasured');
  return amount === 0 ? 'none' : `${count(amount, 'byte')} ${which}`;
}
