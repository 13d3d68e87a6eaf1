/**
 * The page of an audit: reads the records that lie in it as JSON, and shows them.
 *
 * Whatever comes from a file is hostile. It reaches the page as text; nothing here ever makes markup out of a
 * string, and nothing is fetched.
 */

import { choice, isFiltered, matcher, order, readAddress, SORTED, writeAddress } from './choice.js';
import { Sheet } from './details.js';
import { List, MAX_PRINTED } from './list.js';
import {
  showCategories,
  showColumns,
  showGate,
  showHeading,
  showNotices,
  showReasons,
  showSkipped,
} from './overview.js';
import { byId, dataOf } from './parts.js';
import { Attachments, readRecords } from './records.js';
import { count, number } from './shared/text.js';

const TYPING_MS = 80;
const SETTLED_MS = 400;

/** The whole page: what is chosen, and all that follows it. */
class Page {
  constructor() {
    this.records = readRecords();
    const ending = dataOf(byId('ending-data'));
    showNotices(ending, this.records.length);
    showHeading(dataOf(byId('heading-data')), this.records.length);
    const attachments = new Attachments();
    const refresh = () => this.refresh();
    this.list = new List(attachments, (position) => this.sheet.open(position));
    this.sheet = new Sheet(this.list, attachments, () => this.settle());
    this.categories = showCategories(this.records, refresh);
    this.reasons = showReasons(this.records, refresh);
    this.gate = showGate(this.records, refresh);
    this.heads = showColumns((key) => this.sortBy(key));
    showSkipped(ending.skipped);
    this.sorted = { key: null, descending: null, records: this.records };
    this.listen();
    byId('main').hidden = false;
    this.follow();
  }

  listen() {
    let typing = 0;
    byId('query').addEventListener('input', () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        choice.query = byId('query').value;
        this.refresh();
      }, TYPING_MS);
    });
    byId('query').addEventListener('keydown', (event) => this.onQueryKey(event));
    byId('clear').addEventListener('click', () => this.clear());
    byId('sort-key').addEventListener('change', () => this.sortBy(byId('sort-key').value));
    byId('sort-direction').addEventListener('click', () => this.sortBy(choice.key));
    byId('skip').addEventListener('click', (event) => {
      event.preventDefault();
      this.list.go(this.list.active);
    });
    document.addEventListener('keydown', (event) => this.onKey(event));
    addEventListener('hashchange', () => this.follow());
    addEventListener('beforeprint', () => this.print(true));
    addEventListener('afterprint', () => this.print(false));
  }

  onKey(event) {
    const typing = event.target.closest?.('input, select, textarea');
    if (event.key === '/' && !typing && !this.sheet.dialog.open && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      byId('query').focus();
      byId('query').select();
    }
  }

  onQueryKey(event) {
    if (event.key === 'ArrowDown' || event.key === 'Enter') {
      event.preventDefault();
      choice.query = byId('query').value;
      this.refresh();
      this.list.go(0);
    }
  }

  /** Sort by a column; by the same one again, the other way round. */
  sortBy(key) {
    choice.descending = choice.key === key && !choice.descending;
    choice.key = key;
    this.refresh();
  }

  clear() {
    choice.query = '';
    choice.categories.clear();
    choice.reasons.clear();
    choice.failing = false;
    byId('query').value = '';
    this.refresh();
    byId('query').focus();
  }

  /** Show what the address says. */
  follow() {
    const name = readAddress();
    byId('query').value = choice.query;
    if (this.sheet.dialog.open) {
      this.sheet.dialog.close();
    }
    this.refresh();
    const position = name === null ? -1 : this.list.view.findIndex((record) => record.name === name);
    if (position >= 0) {
      this.sheet.open(position);
    }
  }

  /** Show what is chosen. */
  refresh() {
    const view = this.inOrder().filter(matcher());
    this.list.show(view);
    this.mark();
    this.tell(view.length);
    this.keepInView();
    this.settle();
  }

  inOrder() {
    const { key, descending } = choice;
    if (this.sorted.key !== key || this.sorted.descending !== descending) {
      this.sorted = { key, descending, records: [...this.records].sort(order()) };
    }
    return this.sorted.records;
  }

  /** Where the list was scrolled far down and is short now, go back to its beginning. */
  keepInView() {
    const top = this.list.body.getBoundingClientRect().top;
    const covered = byId('toolbar').offsetHeight + byId('columns').offsetHeight;
    if (top < covered) {
      scrollBy({ top: top - covered, behavior: 'instant' });
      this.list.draw();
    }
  }

  /** Mark what is chosen on the buttons and the columns. */
  mark() {
    for (const [id, button] of this.categories) {
      button.setAttribute('aria-pressed', choice.categories.has(id));
    }
    for (const [id, button] of this.reasons) {
      button.setAttribute('aria-pressed', choice.reasons.has(id));
    }
    this.gate?.setAttribute('aria-pressed', choice.failing);
    for (const [key, head] of this.heads) {
      const isSorted = key === choice.key;
      const direction = choice.descending ? 'descending' : 'ascending';
      head.setAttribute('aria-sort', isSorted ? direction : 'none');
      head.querySelector('.arrow').textContent = isSorted ? (choice.descending ? '▼' : '▲') : '';
    }
    byId('sort-key').value = choice.key;
    byId('clear').hidden = !isFiltered();
  }

  /** Write how many files are shown; aloud once nothing has changed for a moment. */
  tell(amount) {
    const all = this.records.length;
    const words = amount === all ? count(all, 'file') : `${number(amount)} of ${count(all, 'file')}`;
    byId('count').textContent = words;
    byId('nothing').hidden = amount > 0;
    byId('nothing').textContent = all === 0 ? 'No files were audited.' : 'No file matches.';
    const { reach } = this.list;
    byId('rest').hidden = reach >= amount;
    byId('rest').textContent = `The list ends after ${number(reach)} files: search or filter to see the others.`;
    clearTimeout(this.telling);
    const column = SORTED.find(({ key }) => key === choice.key).title;
    const direction = choice.descending ? 'descending' : 'ascending';
    this.telling = setTimeout(() => {
      byId('status').textContent = `${words} shown, sorted by ${column}, ${direction}`;
    }, SETTLED_MS);
  }

  /** Draw for paper what is chosen, or as much of it as a browser prints with ease. */
  print(begins) {
    const amount = this.list.view.length;
    const panel = byId('reasons-panel');
    this.unfolded = begins ? panel.open : this.unfolded;
    panel.open = begins || this.unfolded;
    this.list.setWhole(begins);
    this.tell(amount);
    if (begins && amount > MAX_PRINTED) {
      byId('rest').hidden = false;
      byId('rest').textContent = `Only the first ${number(MAX_PRINTED)} files are printed: search or filter for the others.`;
    }
  }

  /** Keep the address true, once nothing has changed for a moment: browsers bound how often it may change. */
  settle() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => writeAddress(this.sheet.record), SETTLED_MS);
  }
}

new Page();
