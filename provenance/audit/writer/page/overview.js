/**
 * What stands around the list: what the audit was made with, counts, reasons, and the heads of the columns.
 */

import { choice, COLUMNS } from './choice.js';
import { MAX_CELL } from './list.js';
import { badge, byId, CATEGORIES } from './parts.js';
import { count, element, listed, number, shown, visible, wordsFor } from './shared/text.js';

const MAX_REASONS = 8;

export function showHeading(heading, amount) {
  const digest = (text) => element('span', { class: 'digest mono' }, shown(text));
  const pairs = [
    ['Policy', shown(heading.policy), `, version ${heading.policy_version}`],
    ['Policy digest', digest(heading.policy_digest)],
    ['Trust profile', shown(heading.trust_versions)],
    ['Trust digest', digest(heading.trust_digest)],
    ['C2PA engine', shown(heading.engine)],
    ['Made with', 'azure-image-provenance ', shown(heading.tool_version)],
  ];
  for (const [term, ...content] of pairs) {
    byId('heading').append(element('div', {}, element('dt', {}, term), element('dd', {}, ...content)));
  }
  byId('files').textContent = count(amount, 'file');
  document.title = `Audit: ${count(amount, 'file')} under ${visible(heading.policy)}`;
}

export function showNotices(ending, amount) {
  const notice = (...content) => byId('notices').append(element('p', { class: 'notice' }, ...content));
  byId('loading').remove();
  if (ending.files !== amount) {
    const amounts = `${number(ending.files)} files were written, ${number(amount)} are here.`;
    notice(element('strong', {}, 'This page is damaged: '), amounts);
  }
  if (!ending.complete) {
    notice(
      element('strong', {}, 'This audit is incomplete: '),
      'it was interrupted before every file was reached. Nothing is known of the files that are missing here.',
    );
  }
}

/** Count how often each value comes up, most frequent first. */
function ranked(values) {
  const counts = new Map();
  for (const value of values) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** Make a button that stays pressed. */
function toggle(look, onPress, ...content) {
  const button = element('button', { type: 'button', class: look, 'aria-pressed': 'false' }, ...content);
  button.addEventListener('click', onPress);
  return button;
}

function flip(set, value) {
  if (!set.delete(value)) {
    set.add(value);
  }
}

function percent(part, whole) {
  const exact = whole === 0 ? 0 : (100 * part) / whole;
  if (part === 0 || part === whole) {
    return `${Math.round(exact)} %`;
  }
  return exact < 0.1 ? '< 0.1 %' : `${Math.min(exact, 99.9).toFixed(1)} %`;
}

/** Show how many files there are of each category; returns the buttons by category. */
export function showCategories(records, refresh) {
  const counts = new Map(ranked(records.map((record) => record.category)));
  const buttons = new Map();
  for (const id of CATEGORIES) {
    const amount = counts.get(id) ?? 0;
    const press = () => {
      flip(choice.categories, id);
      refresh();
    };
    const button = toggle(
      'category',
      press,
      element('span', { class: 'number' }, number(amount)),
      element('span', { class: 'part' }, percent(amount, records.length)),
      element('span', { class: 'label' }, badge(id)),
      element('span', { class: 'meaning' }, wordsFor('categories', id).meaning),
    );
    buttons.set(id, button);
    byId('categories').append(button);
    if (amount > 0) {
      const share = element('span', { class: `bar-${id}` });
      share.style.flexGrow = amount;
      byId('share').append(share);
    }
  }
  return buttons;
}

/** Show why files were not accepted, most frequent reason first; returns the buttons by reason. */
export function showReasons(records, refresh) {
  const reasons = ranked(records.flatMap((record) => record.reasons));
  const buttons = new Map();
  const most = reasons[0]?.[1] ?? 1;
  for (const [position, [id, amount]] of reasons.entries()) {
    const bar = element('span', { class: 'bar', 'aria-hidden': 'true' });
    bar.style.width = `${(100 * amount) / most}%`;
    const press = () => {
      flip(choice.reasons, id);
      refresh();
    };
    const { title } = wordsFor('checks', id) ?? wordsFor('errors', id) ?? {};
    const words = element('span', { class: 'meaning' }, title ?? '');
    const amounts = element('span', { class: 'number' }, number(amount));
    const button = toggle('reason', press, shown(id, MAX_CELL, 'id mono'), amounts, words, bar);
    buttons.set(id, button);
    const item = element('li', {}, button);
    item.hidden = position >= MAX_REASONS;
    byId('reasons').append(item);
  }
  byId('reasons-panel').hidden = reasons.length === 0;
  byId('reasons-panel').open = matchMedia('(min-width: 46rem)').matches;
  offerMore(reasons.length);
  return buttons;
}

function offerMore(amount) {
  const more = byId('more-reasons');
  more.hidden = amount <= MAX_REASONS;
  more.textContent = `Show all ${number(amount)}`;
  more.addEventListener('click', () => {
    const items = [...byId('reasons').children];
    items.forEach((item) => { item.hidden = false; });
    more.hidden = true;
    items[MAX_REASONS].firstElementChild.focus();
  });
}

export function showSkipped(skipped) {
  if (skipped.length === 0) return;
  const entry = ([why, amount]) => element('li', {}, shown(why), element('span', {}, number(amount)));
  byId('skipped').append(element('h2', {}, 'Left out, not judged'), listed(skipped, { class: 'skipped' }, entry));
}

/** Offer to show what the gate counts as failures; returns the button, or null if there are none. */
export function showGate(records, refresh) {
  const failing = records.filter((record) => record.failing).length;
  if (failing === 0) {
    return null;
  }
  const press = () => {
    choice.failing = !choice.failing;
    refresh();
  };
  const button = toggle('gate', press, `${count(failing, 'file')} counted as failures by the gate`);
  byId('gate').append(button);
  return button;
}

/** Make the heads of the columns; returns each one by the key it sorts by. */
export function showColumns(sortBy) {
  const heads = new Map();
  const row = element('div', { role: 'row', 'aria-rowindex': 1 });
  for (const { id, title, key } of COLUMNS) {
    const head = element('div', { class: `column ${id}-column`, role: 'columnheader' });
    if (key === undefined) {
      head.append(element('span', { class: 'unseen' }, title));
    } else {
      const arrow = element('span', { class: 'arrow', 'aria-hidden': 'true' });
      const button = element('button', { type: 'button' }, `${title} `, arrow);
      button.addEventListener('click', () => sortBy(key));
      head.append(button);
      heads.set(key, head);
      byId('sort-key').append(element('option', { value: key }, `Sort: ${title}`));
    }
    row.append(head);
  }
  byId('columns').append(row);
  return heads;
}
