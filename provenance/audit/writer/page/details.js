/**
 * All that is known of one file.
 */

import { badge, byId, pictureOf } from './parts.js';
import { chain, manifests, statuses } from './shared/manifest.js';
import { checks, file } from './shared/report.js';
import { count, element, json, number, profileOf, shown, terms, wordsFor } from './shared/text.js';
import { advice, facts, notes, otherPolicies, stateInWords } from './shared/verdict.js';

const MAX_NAME = 2400;
const MAX_SAID = 600;
const MAX_NOTES = 100;

/** The sheet with one file's details. */
export class Sheet {
  constructor(list, attachments, onChange) {
    this.list = list;
    this.attachments = attachments;
    this.onChange = onChange;
    this.dialog = byId('details');
    this.position = null;
    this.shownLast = null;
    byId('close').addEventListener('click', () => this.dialog.close());
    byId('previous').addEventListener('click', () => this.step(-1));
    byId('next').addEventListener('click', () => this.step(1));
    this.dialog.addEventListener('close', () => this.onClose());
    this.dialog.addEventListener('keydown', (event) => this.onKey(event));
    this.dialog.addEventListener('click', (event) => {
      if (event.target === this.dialog) { // what lies in it covers it: this was the backdrop
        this.dialog.close();
      }
    });
  }

  /** The record that is shown, or null. */
  get record() {
    return this.position === null ? null : this.list.view[this.position];
  }

  /** Show the file at a place of the list. */
  open(position) {
    this.position = position;
    this.list.activate(position);
    const { record } = this;
    this.shownLast = record;
    const { view } = this.list;
    const body = byId('details-body');
    body.replaceChildren(...detailsOf(record, this.attachments.of(record.index)));
    body.scrollTop = 0;
    byId('place').textContent = `${number(position + 1)} of ${number(view.length)}`;
    byId('previous').disabled = position === 0;
    byId('next').disabled = position === view.length - 1;
    if (!this.dialog.open) {
      this.dialog.showModal();
    }
    byId('details-title').focus();
    this.onChange();
  }

  step(by) {
    const position = this.position + by;
    if (position >= 0 && position < this.list.view.length) {
      this.open(position);
    }
  }

  onKey(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by !== undefined && !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      this.step(by);
    }
  }

  onClose() {
    if (this.dialog.open) { // opened again before this was told
      return;
    }
    const position = this.list.view.indexOf(this.shownLast);
    this.position = null;
    byId('details-body').replaceChildren();
    // The browser has put the focus where it was before; and this is told a moment after it was closed, when
    // the reader may be elsewhere already.
    if (document.activeElement === document.body || this.list.hasFocus) {
      this.list.go(position < 0 ? this.list.active : position);
    }
    this.onChange();
  }
}

function detailsOf(record, { picture, report }) {
  const parts = report.error ? [errorPart(report)] : judgedParts(report);
  return [verdictPart(record, picture), ...parts, rawPart(report)].filter((part) => part !== null);
}

function judgedParts(report) {
  const { credential } = report;
  const amount = report.manifests.length;
  return [
    answerPart(report),
    ...checkParts(report.checks),
    titled('Image', terms(file(report))),
    amount === 0 ? null : titled(count(amount, 'manifest'), manifests(report, 'h4')),
    credential === null ? null : folded('Certificate chain', () => chain(credential)),
    statusesPart(report),
  ];
}

function verdictPart(record, picture) {
  const { category, encoded, failing, name } = record;
  return element(
    'div',
    { class: 'verdict' },
    element('div', {}, pictureOf(picture)),
    element(
      'div',
      {},
      element('h2', { id: 'details-title', tabindex: -1 }, shown(name, MAX_NAME)),
      badge(category, `${category}: ${wordsFor('categories', category).meaning}`),
      terms([
        ['Name', encoded ? 'percent-encoded, because its bytes are not text' : null],
        ['Gate', failing ? 'counts as a failure' : null],
      ]),
    ),
  );
}

function errorPart({ error }) {
  return titled(
    'Could not be judged',
    terms([
      ['Error', shown(error.type, MAX_SAID, 'mono')],
      ['Message', shown(error.message, MAX_SAID)],
      ['Next', error.hint ? shown(error.hint, MAX_SAID) : null],
    ]),
  );
}

function answerPart(report) {
  const { accepted, policy, trust } = report;
  const trusting = [`, version ${policy.version}; trust profile `, shown(profileOf(trust))];
  return titled(
    'Verdict',
    terms([
      ['State', stateInWords(report)],
      ['Policy', [accepted ? 'accepted' : 'not accepted', ' under ', shown(policy.name), trusting]],
      ...facts(report),
      ['Next', accepted ? null : nextStep(report)],
      ...notes(report).slice(0, MAX_NOTES).map((note) => ['Note', note]),
    ]),
  );
}

function nextStep(report) {
  const words = advice(report);
  return words === null ? otherPolicies(report.passes) : [words.meaning, words.next].filter(Boolean).join(' ');
}

function checkParts(list) {
  const failed = list.filter(({ outcome }) => outcome === 'fail');
  const others = list.filter(({ outcome }) => outcome !== 'fail');
  const title = failed.length > 0 ? 'The other checks' : count(others.length, 'check');
  return [
    failed.length === 0 ? null : titled(count(failed.length, 'failed check'), checks(failed)),
    others.length === 0 ? null : folded(title, () => [checks(others)]),
  ];
}

function statusesPart({ tolerated, validation }) {
  const { failure, informational, success } = validation;
  const groups = Object.entries({ failure, tolerated, informational, success });
  const amount = groups.reduce((sum, [, list]) => sum + list.length, 0);
  if (amount === 0) return null;
  return folded(count(amount, 'validation status code'), () =>
    groups.map(([kind, list]) => statuses(list, kind)).filter((list) => list !== null));
}

function rawPart(report) {
  const look = { class: 'raw', tabindex: 0, role: 'region', 'aria-label': 'Report as JSON' };
  return folded('Report as JSON', () => [element('pre', look, json(report))]);
}

function titled(title, ...content) {
  return element('section', {}, element('h3', {}, title), content);
}

/** Fold away what few will read; it is made when it is unfolded. */
function folded(title, content) {
  const part = element('details', { class: 'folded' }, element('summary', {}, title));
  part.addEventListener('toggle', () => part.append(...content()), { once: true });
  return part;
}
