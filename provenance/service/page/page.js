/**
 * The page: images come in here, take their turn, and leave as cards.
 */

import { Card } from './card.js';
import * as history from './history.js';
import { Queue } from './queue.js';
import { outcome, SCHEMA, spoken } from './report.js';
import * as service from './service.js';
import { element, icon, moment, profileOf, shown, terms, visible, wordsFor } from './shared/text.js';
import { WORDS } from './shared/words.js';
import { bytes } from './size.js';

const MAX_AT_ONCE = 50;
const MAX_ANNOUNCED = 10;
const KEY = /^[\x21-\x7e]+$/;
const NO_READING =
  'Your key may check images, but not open results that the service has kept. To see this result, choose the ' +
  'file again, or ask those who run this service for a key that may read reports too.';

const part = (id) => document.getElementById(id);
const cards = part('cards');
const files = part('files');
const policy = part('policy');

const queue = new Queue(attempt, (job, words) => job.card.waiting(words));
const jobs = new Set();
let limit = null;
let isKeyNeeded = false;
let described = [];

start();

function start() {
  files.addEventListener('change', () => {
    take([...files.files], 'choice');
    files.value = ''; // so that the same file can be chosen again
  });
  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.toggle('dropping', event.dataTransfer.types.includes('Files'));
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) document.body.classList.remove('dropping');
  });
  addEventListener('drop', dropped);
  addEventListener('paste', (event) => {
    if (event.clipboardData.files.length > 0) take([...event.clipboardData.files], 'paste');
  });
  policy.addEventListener('change', describePolicy);
  part('key').querySelector('form').addEventListener('submit', useKey);
  part('key-forget').addEventListener('click', forgetKey);
  part('results-clear').addEventListener('click', removeAll);
  part('history-clear').addEventListener('click', forgetHistory);
  history.watch(drawHistory);
  drawHistory();
  explain();
  loadPolicies();
}

// --- images come in -----------------------------------------------------------------------------------

function dropped(event) {
  event.preventDefault();
  document.body.classList.remove('dropping');
  const items = [...event.dataTransfer.items].filter((item) => item.kind === 'file');
  const folders = items.filter((item) => item.webkitGetAsEntry()?.isDirectory);
  const images = items.filter((item) => !folders.includes(item)).map((item) => item.getAsFile());
  take(
    images.filter((file) => file !== null),
    'drop',
  );
  if (items.length === 0) notify('Only files can be dropped here. Save the image first, then drop the file.');
  else if (folders.length > 0) notify('Folders are not read: drop the images that are in them.');
}

function take(images, source) {
  const chosen = images.slice(0, MAX_AT_ONCE);
  const rest = images.length - chosen.length;
  notify(rest > 0 ? `Only the first ${MAX_AT_ONCE} are checked; ${rest} are left out.` : '');
  const batch = { size: chosen.length, outcomes: [] };
  const added = chosen.map((file) => imageJob(file, source, batch));
  show(added);
  added.forEach((job) => enqueue(job));
  if (queue.isHeld && added.length > 0) part('key-input').focus();
}

function imageJob(file, source, batch) {
  const name = source === 'paste' ? `pasted: ${file.name}` : file.name || 'without a name';
  const job = { source, batch, name, again: true };
  job.card = new Card(name, file, () => remove(job));
  job.starting = 'Sending…';
  job.run = async (watch) => remarked(await service.judge(file, job.policy, watch));
  job.tooLarge = () => limit !== null && file.size > limit;
  return job;
}

function storedJob(entry) {
  const job = {
    source: 'history',
    batch: { size: 1, outcomes: [] },
    name: entry.name,
    again: false,
  };
  job.card = new Card(entry.name, null, () => remove(job));
  job.starting = 'Looking for the report…';
  job.run = async () => {
    const { report, created_at: time } = pick(await service.reports(entry.sha256), entry);
    return { report, remark: ['The service has kept this report since ', moment(time), '.'] };
  };
  job.tooLarge = () => false;
  return job;
}

function remarked({ report, reused, stored }) {
  const remark = [
    reused ? 'The same bytes were judged before; this is that verdict. ' : '',
    stored ? '' : 'The service could not keep this report: download it below if you need it later.',
  ];
  return { report, remark };
}

/**
 * Choose the report that an entry of the list was made from, or else the newest.
 */
function pick(found, entry) {
  return found.find(({ report }) => report.policy.digest === entry.digest) ?? found[0];
}

// --- one after the other ------------------------------------------------------------------------------

function enqueue(job, options) {
  job.policy = policy.value;
  queue.add(job, options);
}

async function attempt(job) {
  if (job.tooLarge()) {
    refuse(job, tooLarge());
    return;
  }
  const control = new AbortController();
  job.cancel = () => control.abort();
  const progress = job.card.sending(job.starting, job.cancel);
  try {
    conclude(job, await job.run({ progress, signal: control.signal }));
  } catch (error) {
    if (!job.isGone) fail(job, error);
  }
}

function conclude(job, { report, remark }) {
  if (report?.schema !== SCHEMA) {
    refuse(job, unreadable());
    return;
  }
  job.card.verdict(report, {
    source: job.source,
    offered: described.length === 0 ? null : described.map(({ name }) => name),
    remark,
    unfolded: job.batch.size === 1,
    again: job.again ? () => repeat(job) : null,
  });
  if (job.source !== 'history') history.add(report, job.name, Date.now());
  drawHistory();
  announce(`${job.name}: ${spoken(report)}`);
  finish(job, report.accepted ? 'accepted' : 'rejected');
}

function fail(job, error) {
  if (error.name === 'AbortError') {
    refuse(job, new service.Refusal(0, { title: 'You stopped it' }));
  } else if (!(error instanceof service.Refusal)) {
    refuse(job, unreadable());
    reportError(error);
  } else if (error.status === 401) {
    queue.add(job, { first: true });
    askForKey();
  } else {
    if (error.wait !== null) queue.delay(error.wait);
    refuse(job, error);
  }
}

function refuse(job, refusal) {
  job.wantsKey = refusal.status === 403;
  job.card.refused(refusal, {
    retry: refusal.final ? null : () => repeat(job),
    useKey: () => showKey('Enter a key that may do this.', { focus: true }),
    explanation: job.wantsKey && job.source === 'history' ? NO_READING : null,
  });
  announce(`${job.name}: not judged. ${refusal.message}.`);
  finish(job, 'not judged');
}

function finish(job, outcome) {
  const { batch } = job;
  job.isDone = true;
  batch.outcomes.push(outcome);
  if (batch.outcomes.length < batch.size) return;
  const focusIsFree = document.activeElement === document.body || document.activeElement === files;
  const beside = job.card.element.contains(document.activeElement);
  if (batch.size === 1) {
    if (focusIsFree || beside) job.card.focus();
    return;
  }
  announce(tally(batch));
  part('results-title').textContent = `Results: ${tally(batch)}`;
  if (focusIsFree) part('results-title').focus();
}

function tally({ outcomes }) {
  const count = (word) => outcomes.filter((outcome) => outcome === word).length;
  const words = ['accepted', 'rejected', 'not judged', 'removed'].filter((word) => count(word) > 0);
  return words.map((word) => `${count(word)} ${word}`).join(', ');
}

function repeat(job) {
  job.card.focus();
  job.batch = { size: 1, outcomes: [] };
  job.isDone = false;
  job.wantsKey = false;
  enqueue(job, { first: true });
}

function remove(job) {
  const next = job.card.element.nextElementSibling ?? job.card.element.previousElementSibling;
  job.isGone = true;
  jobs.delete(job);
  queue.remove(job);
  job.cancel?.();
  if (!job.isDone) finish(job, 'removed');
  job.card.element.remove();
  countCards();
  (next === null ? files : next.querySelector('h3')).focus();
}

function removeAll() {
  jobs.forEach(remove);
}

function show(added) {
  added.forEach((job) => jobs.add(job));
  cards.prepend(...added.map((job) => job.card.element));
  countCards();
}

function countCards() {
  part('results').hidden = jobs.size === 0;
  part('results-clear').hidden = jobs.size < 2;
  part('results-title').textContent = 'Results';
}

// --- policies and the key -----------------------------------------------------------------------------

async function loadPolicies() {
  part('key-forget').hidden = !service.hasKey();
  try {
    const answer = await service.policies();
    described = answer.policies;
    limit = answer.limits.max_bytes;
    isKeyNeeded = answer.key_needed;
    policy.replaceChildren(
      ...described.map((one) =>
        element('option', { value: one.name, selected: one.name === answer.default }, visible(one.name)),
      ),
    );
    part('files-most').textContent = `At most ${bytes(limit)} each. `;
    part('trust').replaceChildren('Whom this service trusts: profile ', shown(profileOf(answer.trust)), '.');
    describePolicy();
    if (isKeyNeeded && !service.hasKey()) askForKey();
  } catch (error) {
    if (!(error instanceof service.Refusal)) throw error;
    notify('The policies of this service could not be read; its own choice is used.');
  }
}

function describePolicy() {
  const chosen = described.find((one) => one.name === policy.value);
  part('policy-summary').replaceChildren(chosen?.summary ? shown(chosen.summary) : '');
}

function askForKey() {
  queue.hold();
  const reason = service.hasKey()
    ? 'The service does not accept the key it was sent.'
    : 'Enter an API key to go on.';
  showKey(reason, { focus: queue.length > 0 });
}

function showKey(reason, { focus }) {
  part('key-reason').textContent = reason;
  part('key').hidden = false;
  announce(reason);
  if (focus) part('key-input').focus();
}

function useKey(event) {
  event.preventDefault();
  const input = part('key-input');
  const key = input.value.trim();
  if (!KEY.test(key)) {
    showKey('That is no key: a key has neither spaces nor special characters.', { focus: true });
    return;
  }
  service.keep(key);
  input.value = '';
  part('key').hidden = true;
  files.focus();
  loadPolicies();
  const refused = [...jobs].filter((job) => job.wantsKey);
  refused.reverse().forEach(repeat); // each comes before all others
  queue.release();
}

function forgetKey() {
  service.keep('');
  part('key-forget').hidden = true;
  notify('The key is forgotten.');
  if (isKeyNeeded) askForKey();
}

// --- history ------------------------------------------------------------------------------------------

function drawHistory() {
  const list = history.entries();
  part('history').hidden = list.length === 0;
  part('history-list').replaceChildren(...list.map(historyRow));
}

function historyRow(entry) {
  const open = element('button', { type: 'button', class: 'link' }, shown(entry.name, 120));
  open.addEventListener('click', () => reopen(entry));
  const time = new Date(entry.time);
  return element(
    'li',
    { 'data-state': entry.state },
    icon(entry.accepted ? 'pass' : 'fail'),
    element(
      'div',
      {},
      element('p', {}, open),
      element(
        'p',
        { class: 'small' },
        `${outcome(entry)} under `,
        shown(entry.policy, 60),
        `: ${wordsFor('states', entry.state).title}. Checked `,
        element(
          'time',
          { datetime: time.toISOString() },
          time.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' }),
        ),
        '. SHA-256 ',
        element('code', {}, `${entry.sha256.slice(0, 12)}…`),
      ),
    ),
  );
}

function reopen(entry) {
  const job = storedJob(entry);
  show([job]);
  job.card.focus();
  enqueue(job);
}

function forgetHistory() {
  history.clear();
  drawHistory();
  notify('The list of this browser is cleared.');
  files.focus();
}

// --- what is said -------------------------------------------------------------------------------------

function explain() {
  const entries = [...Object.values(WORDS.states), ...Object.values(WORDS.verdicts)];
  part('words').append(terms(entries.map(({ title, glossary }) => [title, glossary])));
}

function notify(words) {
  part('notice').textContent = words;
}

function announce(words) {
  const log = part('announcer');
  log.append(element('p', {}, visible(words)));
  while (log.children.length > MAX_ANNOUNCED) log.firstChild.remove();
}

function tooLarge() {
  return new service.Refusal(0, {
    title: `The image is larger than ${bytes(limit)}`,
    detail: 'It was not sent: this service takes no larger one.',
    final: true,
  });
}

function unreadable() {
  return new service.Refusal(200, {
    title: 'The answer is not a report that this page can read',
    hint: 'Load this page again: the service may have been renewed since.',
  });
}
