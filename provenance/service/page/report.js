/**
 * A report as a card: the verdict and a summary first, everything behind it folded away below.
 *
 * The card takes a report as the service gave it: its shape is trusted, the texts in it are not.
 */

import { chain, manifests } from './manifest.js';
import { MAX_ROWS, statuses } from './status.js';
import { bytes, element, icon, json, moment, profileOf, quoted, shown, terms } from './text.js';
import {
  advice,
  describedAs,
  liesBelow,
  madeBy,
  reminder,
  signatureHolds,
  signedBy,
  sourceType,
  stateInWords,
  STATES,
} from './verdict.js';

/** The only form of report this page reads. */
export const SCHEMA = 'azure-image-provenance/report/1';

const MAX_RAW = 200_000;
const MAX_FOUND = 600;

const CHECKS = new Map([
  ['manifest_store', 'Content Credentials present'],
  ['integrity', 'Hashes and signature hold'],
  ['conformance', 'Rules of C2PA kept'],
  ['signing_credential', 'Trusted signer'],
  ['known_authority', 'Authority known where the signer calls itself Microsoft'],
  ['trailing_bytes', 'Nothing after the image'],
  ['unbound_bytes', 'Every byte bound by a hash'],
  ['software_agent', 'Made by an expected service'],
  ['description', 'Described as expected'],
  ['when', 'Time close to the time-stamp'],
  ['lineage', 'Trusted manifests on the way'],
  ['policy', 'Policy'],
]);

// Where what was found is told in the library's own words; else it may hold words of the image.
const OWN_WORDS = {
  pass: ['manifest_store', 'integrity', 'conformance', 'signing_credential', 'trailing_bytes', 'unbound_bytes'],
  fail: ['known_authority', 'trailing_bytes', 'unbound_bytes'],
  skipped: [],
};

const COUNTED = new Map([
  ['trailing_bytes', 'trailing'],
  ['unbound_bytes', 'unbound'],
]);

const OUTCOMES = {
  pass: { icon: 'pass', words: 'Passed' },
  fail: { icon: 'fail', words: 'Failed' },
  skipped: { icon: 'skipped', words: 'Not reached' },
};

/**
 * Draw the verdict: accepted or not, what the credentials prove, who signed, when, and what made the image.
 *
 * @param report The report.
 * @param source How the image came here: "paste", or anything else.
 * @param offered Names of the policies that may be chosen; null if they are not known.
 */
export function summary(report, source, offered) {
  const word = report.accepted ? 'Accepted' : 'Rejected';
  const meaning = reminder(report);
  const next = advice(report, source, offered);
  return [
    element(
      'p',
      { class: 'verdict' },
      icon(report.accepted ? 'pass' : 'fail'),
      element('span', {}, element('strong', {}, word), ' under ', shown(report.policy.name)),
    ),
    element(
      'p',
      { class: 'state' },
      icon(STATES[report.state].icon),
      element('span', {}, stateInWords(report)),
    ),
    terms(
      [
        ['Signed by', signedBy(report)],
        ['Signed on', signedOn(report)],
        ['Lies below', liesBelow(report)],
        ['Made by', madeBy(report)],
        ['Described as', describedAs(report)],
      ],
      { class: 'facts' },
    ),
    meaning === null ? null : element('p', {}, meaning),
    next === null ? null : element('p', { class: 'advice' }, element('strong', {}, 'Next: '), next),
  ];
}

/**
 * Say in one plain sentence what `summary` draws, for those who hear it.
 */
export function spoken(report) {
  const word = report.accepted ? 'accepted' : 'rejected';
  return `${word} under ${report.policy.name}. ${stateInWords(report)}.`;
}

/**
 * Draw everything behind the verdict.
 *
 * @param report The report.
 * @param unfolded Whether the checks are unfolded at once.
 */
export function details(report, unfolded) {
  const failures = report.findings.length;
  const count = `${failures === 0 ? 'none' : failures} of ${report.checks.length} failed`;
  const parts = [
    ['Checks', count, checks(report), unfolded],
    ['File', bytes(report.asset.bytes), file(report), false],
  ];
  if (report.manifests.length > 0) {
    const { length } = report.manifests;
    parts.push([
      'Manifests and ingredients',
      `${length} ${length === 1 ? 'manifest' : 'manifests'}`,
      manifests(report),
      false,
    ]);
  }
  if (report.credential !== null) {
    const { length } = report.credential.chain;
    parts.push([
      'Certificate chain',
      `${length} ${length === 1 ? 'certificate' : 'certificates'}`,
      chain(report.credential),
      false,
    ]);
  }
  parts.push(
    ['What validation found', '', findings(report), false],
    ['Raw report', 'JSON', raw(report), false],
  );
  return [...notes(report), ...parts.map((part) => folded(...part))];
}

function signedOn(report) {
  const { credential } = report;
  if (credential === null || !signatureHolds(report)) return null;
  const stamp = credential.time_stamp;
  if (stamp === null) return ['unknown: no time-stamp of a trusted authority'];
  return [moment(stamp.time), ', time-stamp below ', shown(stamp.anchor.name)];
}

function notes(report) {
  const place = report.asset.xmp_provenance;
  const said = [];
  if (place !== null) {
    const why = report.state === 'absent' ? 'removed, or remote' : 'which is a claim of the file';
    said.push(['XMP says that credentials are at ', ...quoted(place), `: ${why}. Nothing was fetched.`]);
  }
  said.push(...toleratedNotes(report).slice(0, MAX_ROWS));
  if (said.length === 0) return [];
  const rows = said.map((parts) => element('li', {}, element('strong', {}, 'Note: '), parts));
  return [element('ul', { class: 'notes' }, rows)];
}

// What holds for several manifests is said once.
function toleratedNotes({ tolerated }) {
  const manifestsBy = new Map();
  for (const { code, explanation, url } of tolerated) {
    const key = JSON.stringify([code, explanation]);
    manifestsBy.set(key, (manifestsBy.get(key) ?? new Set()).add(url));
  }
  return [...manifestsBy].map(([key, { size }]) => {
    const [code, explanation] = JSON.parse(key);
    const where = size > 1 ? ` in ${size.toLocaleString('en')} manifests` : '';
    return [shown(code), ' (', ...quoted(explanation), `)${where} was tolerated: ${whyTolerated(code)}.`];
  });
}

function whyTolerated(code) {
  return code.startsWith('signingCredential.')
    ? "the engine judges by today's date, and another one was asked for"
    : 'a known fault of the engine, not of the image';
}

function checks(report) {
  const rows = report.checks.map((check) => {
    const outcome = OUTCOMES[check.outcome];
    return element(
      'li',
      { class: `check ${check.outcome}` },
      icon(outcome.icon),
      element(
        'div',
        {},
        element(
          'p',
          {},
          element('strong', {}, CHECKS.get(check.id) ?? shown(check.id)),
          element('span', { class: 'outcome' }, outcome.words),
          element('code', {}, check.id),
        ),
        terms([
          ['Expected', alternatives(check.expected)],
          ['Found', found(check)],
        ]),
      ),
    );
  });
  return [element('ul', { class: 'checks' }, rows)];
}

function found({ id, outcome, actual }) {
  if (outcome === 'skipped') return 'not looked at';
  if (COUNTED.has(id) && actual === 'none') return `no ${COUNTED.get(id)} byte`;
  if (COUNTED.has(id) && /^\d+$/.test(actual)) {
    return `${Number(actual).toLocaleString('en')} ${actual === '1' ? 'byte' : 'bytes'}`;
  }
  return OWN_WORDS[outcome].includes(id) && actual !== null ? [shown(actual)] : quoted(actual, MAX_FOUND);
}

function alternatives(expected) {
  return expected.flatMap((value, at) => [at === 0 ? '' : ' or ', shown(sourceType(value), MAX_FOUND)]);
}

function file(report) {
  const { asset, policy, trust } = report;
  const pixels =
    asset.width && asset.height
      ? `${asset.width.toLocaleString('en')} × ${asset.height.toLocaleString('en')}`
      : null;
  const unsigned = report.findings.some(({ check }) => check === 'trailing_bytes');
  const covering = unsigned ? 'no signature covers' : 'a hash over the whole file covers';
  const trailing = counted(asset.trailing_bytes, `bytes after the image's end, which ${covering}`);
  const unbound = counted(asset.unbound_bytes, 'bytes that no hash covers');
  return [
    terms([
      ['Kind', [shown(asset.media_type), ', told from its bytes']],
      ['Size', [`${asset.bytes.toLocaleString('en')} bytes`]],
      ['Pixels', pixels],
      ['SHA-256', asset.sha256 === null ? null : hash(asset.sha256)],
      ['Trailing bytes', trailing],
      ['Unbound bytes', unbound],
      [
        'XMP names',
        asset.xmp_provenance === null ? null : [...quoted(asset.xmp_provenance), '; never fetched'],
      ],
      ['Policy', [shown(policy.name), ` version ${policy.version}, `, hash(policy.digest)]],
      ['Trust profile', [shown(profileOf(trust)), ', ', hash(trust.digest)]],
      ['Engine', [shown(report.engine)]],
    ]),
  ];
}

function counted(count, words) {
  if (count === null) return 'not measured for this kind of file';
  return count === 0 ? 'none' : `${count.toLocaleString('en')} ${words}`;
}

function hash(hex) {
  return element('code', { class: 'hash' }, hex);
}

function findings(report) {
  const { failure, informational, success } = report.validation;
  const rows = [
    ...statuses(failure, 'failure'),
    ...statuses(informational, 'informational'),
    ...statuses(success, 'success'),
  ];
  if (rows.length === 0) return [element('p', {}, 'Nothing: there are no credentials to validate.')];
  return [
    element('p', {}, 'About the manifest store and the active manifest:'),
    element('ul', { class: 'statuses' }, rows),
  ];
}

function raw(report) {
  const text = json(report);
  const drawn = element('pre', { tabindex: '0', role: 'group', 'aria-label': 'Raw report' });
  drawn.textContent =
    text.length > MAX_RAW ? `${text.slice(0, MAX_RAW)}\n… the rest is in what is copied or downloaded` : text;
  const said = element('span', { role: 'status' });
  const copy = element('button', { type: 'button' }, 'Copy');
  copy.addEventListener('click', async () => {
    said.textContent = (await copied(text, drawn))
      ? 'Copied.'
      : 'Your browser does not allow copying: select the text.';
  });
  const download = element('button', { type: 'button' }, 'Download');
  download.addEventListener('click', () =>
    save(text, `${(report.asset.sha256 || 'image').slice(0, 16)}.provenance.json`),
  );
  return [element('p', { class: 'actions' }, copy, download, said), drawn];
}

async function copied(text, drawn) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS there is no clipboard for pages: leave what can be copied by hand selected.
    getSelection().selectAllChildren(drawn);
    return false;
  }
}

function save(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  element('a', { href: url, download: name }).click();
  // The download has begun by then; the browser keeps the bytes until it ends.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function folded(title, count, content, open) {
  return element(
    'details',
    { open },
    element(
      'summary',
      {},
      element('h4', {}, title),
      count === '' ? null : element('span', { class: 'count' }, count),
    ),
    content,
  );
}
