/**
 * The list of files, which may be very long.
 */

import { badge, byId, pictureOf } from './parts.js';
import { element, shown, visible } from './shared/text.js';

/** Most rows that are printed: more, and a browser takes minutes. */
export const MAX_PRINTED = 2000;

/** Most characters of a text in a cell. */
export const MAX_CELL = 200;

const MAX_TITLE = 600;
const MAX_HEIGHT = 15e6; // pixels: Firefox draws nothing below about 17 million
const OVERSCAN = 8;

/** What stands below the name of what made a file. */
const MAKERS = {
  azure: 'Azure OpenAI',
  ingredient: 'Azure OpenAI, ingredient',
  other: 'not Azure OpenAI',
  claimed: 'by its own claim',
};

/**
 * The list of files. Only the rows in view are in the page, and the one that has the focus; all stand at
 * their height, and tell their number.
 */
export class List {
  constructor(attachments, onOpen) {
    this.attachments = attachments;
    this.onOpen = onOpen;
    this.table = byId('list');
    this.body = byId('rows');
    this.view = [];
    this.rows = new Map();
    this.active = 0;
    this.height = 1;
    this.whole = false;
    this.lostFocus = false;
    this.listen();
  }

  listen() {
    let waiting = false;
    const soon = () => {
      if (!waiting) {
        waiting = true;
        requestAnimationFrame(() => {
          waiting = false;
          this.draw();
        });
      }
    };
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', () => this.measure());
    this.body.addEventListener('click', (event) => this.onClick(event));
    this.body.addEventListener('keydown', (event) => this.onKey(event));
    this.body.addEventListener('focusin', (event) => this.activate(this.positionOf(event.target)));
  }

  /** Show files, in order. The file that was active stays so where it is still among them. */
  show(view) {
    const record = this.view[this.active];
    this.view = view;
    this.active = Math.max(0, record === undefined ? 0 : view.indexOf(record));
    this.table.setAttribute('aria-rowcount', view.length + 1);
    this.clear();
    this.measure();
  }

  /** Measure how high a row is, which depends on the window and on the text size. */
  measure() {
    const probe = element('div', { class: 'row', 'aria-hidden': 'true' });
    this.body.append(probe);
    const height = probe.offsetHeight;
    probe.remove();
    if (height !== this.height) {
      this.height = height;
      this.clear();
    }
    this.body.style.height = `${this.reach * height}px`;
    this.draw();
  }

  /** How many files can be scrolled to. */
  get reach() {
    return Math.min(this.view.length, Math.floor(MAX_HEIGHT / this.height));
  }

  clear() {
    this.lostFocus ||= this.hasFocus;
    this.body.replaceChildren();
    this.rows.clear();
  }

  get hasFocus() {
    return this.body.contains(document.activeElement);
  }

  /** Put the rows that are in view into the page, and take the others out. */
  draw() {
    const [first, last] = this.range();
    const focused = this.hasFocus ? this.active : -1;
    for (const [position, row] of this.rows) {
      if ((position < first || position > last) && position !== focused) {
        row.remove();
        this.rows.delete(position);
      }
    }
    let next = this.body.firstElementChild;
    for (let position = first; position <= last; position += 1) {
      while (next !== null && this.positionOf(next) < position) {
        next = next.nextElementSibling;
      }
      if (!this.rows.has(position)) {
        this.body.insertBefore(this.rowAt(position), next);
      }
    }
    if (this.lostFocus) {
      this.lostFocus = false;
      this.go(this.active);
    }
  }

  range() {
    if (this.whole) {
      return [0, Math.min(this.view.length, MAX_PRINTED) - 1];
    }
    const above = -this.body.getBoundingClientRect().top;
    const first = Math.floor(above / this.height) - OVERSCAN;
    const last = Math.ceil((above + innerHeight) / this.height) + OVERSCAN;
    return [Math.max(0, first), Math.min(this.reach - 1, last)];
  }

  rowAt(position) {
    const record = this.view[position];
    const row = element(
      'div',
      { class: 'row', role: 'row', 'aria-rowindex': position + 2, 'data-position': position },
      ...this.cellsOf(record, position),
    );
    row.style.transform = `translateY(${position * this.height}px)`;
    this.rows.set(position, row);
    return row;
  }

  cellsOf(record, position) {
    const { picture } = this.attachments.of(record.index);
    const cell = (look, ...children) => element('div', { class: `cell ${look}`, role: 'cell' }, ...children);
    return [
      cell('picture', pictureOf(picture)),
      this.nameCell(record, position),
      cell('verdict-column', badge(record.category)),
      cell('by-column', ...signerCell(record)),
      cell('at-column', ...timeCell(record)),
      cell('made-column', ...makerCell(record)),
      cell('reasons-column', ...reasonsCell(record)),
    ];
  }

  nameCell(record, position) {
    const cut = record.name.lastIndexOf('/') + 1;
    const folder = record.encoded ? `${record.name.slice(0, cut)} (percent-encoded)` : record.name.slice(0, cut);
    const button = element(
      'button',
      {
        type: 'button',
        class: 'open',
        tabindex: position === this.active ? 0 : -1,
        'aria-haspopup': 'dialog',
      },
      shown(record.name.slice(cut), MAX_CELL, 'first'),
      shown(folder, MAX_CELL, 'second'),
    );
    const title = visible(record.name, MAX_TITLE);
    return element('div', { class: 'cell name', role: 'rowheader', title }, button);
  }

  positionOf(inside) {
    return Number(inside.closest('.row').dataset.position);
  }

  buttonAt(position) {
    return this.rows.get(position)?.querySelector('.open');
  }

  /** Make a row the one that the tab key leads to. */
  activate(position) {
    this.buttonAt(this.active)?.setAttribute('tabindex', -1);
    this.active = position;
    this.buttonAt(position)?.setAttribute('tabindex', 0);
  }

  /** Go to a row: scroll it into view and focus it. */
  go(position) {
    const target = Math.max(0, Math.min(this.reach - 1, position));
    if (this.reach === 0) {
      return;
    }
    this.reveal(target);
    this.draw();
    this.activate(target);
    this.buttonAt(target).focus({ preventScroll: true });
  }

  reveal(position) {
    const top = this.body.getBoundingClientRect().top + position * this.height;
    const covered = byId('toolbar').offsetHeight + byId('columns').offsetHeight;
    if (top < covered) {
      scrollBy({ top: top - covered, behavior: 'instant' });
    } else if (top + this.height > innerHeight) {
      scrollBy({ top: top + this.height - innerHeight, behavior: 'instant' });
    }
  }

  onClick(event) {
    const row = event.target.closest('.row');
    // Who marks text to copy it does not ask for the details.
    if (row !== null && (getSelection().isCollapsed || event.target.closest('.open') !== null)) {
      const position = this.positionOf(row);
      this.onOpen(position);
    }
  }

  onKey(event) {
    const page = Math.max(1, Math.floor(innerHeight / this.height) - 3);
    const targets = {
      ArrowDown: this.active + 1,
      ArrowUp: this.active - 1,
      PageDown: this.active + page,
      PageUp: this.active - page,
      Home: 0,
      End: this.view.length - 1,
    };
    if (Object.hasOwn(targets, event.key) && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      this.go(targets[event.key]);
    }
  }

  /** Draw all rows, up to a bound, for printing; or no longer. */
  setWhole(whole) {
    this.whole = whole;
    this.draw();
  }
}

function signerCell({ signer, vouched }) {
  if (signer === '') return [];
  if (vouched) return [shown(signer, MAX_CELL)];
  return [shown(signer, MAX_CELL, 'claimed'), second(MAKERS.claimed)];
}

function timeCell({ signedAt }) {
  const [day, time] = signedAt.slice(0, 19).split('T');
  return day === '' ? [] : [element('span', {}, day), second(time)];
}

function makerCell({ agent, maker }) {
  if (maker === null) return [];
  const look = maker === 'claimed' ? 'claimed' : null;
  const name = agent === '' ? element('span', {}, 'no software agent') : shown(agent, MAX_CELL, look);
  return [name, second(MAKERS[maker])];
}

function reasonsCell({ reasons: [first, ...others] }) {
  const ids = [first, others.join(', ')].filter(Boolean);
  return ids.map((id) => shown(id, MAX_CELL, 'mono'));
}

function second(words) {
  return element('span', { class: 'second' }, words);
}
