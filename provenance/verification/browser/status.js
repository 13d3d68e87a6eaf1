/**
 * Validation status codes as rows of a list.
 */

import { element, icon, shown } from './text.js';

/** Most rows drawn of any list; the raw report has all. */
export const MAX_ROWS = 100;

const MAX_EXPLANATION = 600;
const ICONS = { failure: 'fail', success: 'pass' };
const SOURCES = {
  engine: 'by the engine',
  validator: 'by the validator',
  recorded: 'when the ingredient was added',
};

/**
 * Draw status codes.
 *
 * @param list The codes, as a report has them.
 * @param kind "failure", "informational", "success", or "recorded" where a report does not tell.
 */
export function statuses(list, kind) {
  const drawn = list
    .slice(0, MAX_ROWS)
    .map((status) =>
      element(
        'li',
        { class: `status ${kind}` },
        icon(ICONS[kind] || 'skipped'),
        element(
          'span',
          {},
          element('strong', {}, shown(status.code)),
          kind === 'recorded' ? ` (recorded ${SOURCES.recorded})` : ` (${kind}, ${SOURCES[status.source]})`,
          status.explanation === '' ? null : [': ', shown(status.explanation, MAX_EXPLANATION)],
          status.url === ''
            ? null
            : element('span', { class: 'about' }, 'about ', shown(status.url.split('/').at(-1))),
        ),
      ),
    );
  return [...drawn, ...leftOut(list)];
}

/**
 * Say how many rows of a long list are not drawn.
 */
export function leftOut(list) {
  const rest = list.length - MAX_ROWS;
  return rest > 0
    ? [element('li', { class: 'left-out' }, `… and ${rest.toLocaleString('en')} more, in the raw report`)]
    : [];
}
