/**
 * The manifests of an image as a tree of ingredients, certificate chains, and validation status codes.
 *
 * A manifest that nothing references is drawn apart: it proves nothing.
 */

import { day, element, icon, listed, moment, quoted, sentence, shown, terms } from './text.js';
import { manifestInWords, signerName, sourceType } from './verdict.js';

const MAX_INDENTED = 5;
const MAX_TEXT = 600;

const STATE_ICONS = { absent: 'absent', invalid: 'invalid', valid: 'untrusted', trusted: 'trusted' };
const STATUS_ICONS = { failure: 'fail', success: 'pass' };
const SOURCES = {
  engine: 'by the engine',
  validator: 'by the validator',
  recorded: 'when the ingredient was added',
};
const RELATIONSHIPS = new Map([
  [null, 'of unknown relationship'],
  ['parentOf', 'what it was made from'],
  ['componentOf', 'a part of it'],
  ['inputTo', 'an input to what made it'],
]);

/**
 * Draw the symbol of a state.
 */
export function stateIcon(state) {
  return icon(STATE_ICONS[state]);
}

/**
 * Draw the active manifest with its ingredients, then the manifests that nothing references.
 *
 * @param report The report.
 * @param heading Name of the elements that hold the headings, such as "h4".
 */
export function manifests(report, heading) {
  const reached = report.manifests.filter(({ path }) => path !== null);
  const rest = report.manifests.filter(({ path }) => path === null);
  const store = {
    heading,
    reached: new Map(reached.map((manifest) => [JSON.stringify(manifest.path), manifest])),
    known: new Set(reached.map(({ label }) => label)),
    drawn: new Set(),
  };
  const drawn = reached.length === 0 ? [] : [reading(reached[0], store)];
  if (rest.length > 0) {
    drawn.push(
      element(
        'section',
        { class: 'unreferenced' },
        element(heading, {}, 'Referenced by nothing'),
        element('p', {}, 'What no other manifest refers to proves nothing, whatever it says.'),
        listed(rest, {}, (manifest) => element('li', { class: 'manifest' }, contents(manifest))),
      ),
    );
  }
  return drawn;
}

/**
 * Draw a certificate chain, the signer first, and what it was followed up to.
 */
export function chain(credential) {
  const { anchor, time_stamp: stamp } = credential;
  const pinned = ({ name, sha256 }) => [shown(name), ', SHA-256 ', hash(sha256)];
  const certificates = credential.chain.map((certificate, at) =>
    element(
      'li',
      {},
      element(
        'p',
        {},
        element('strong', {}, place(certificate, at, credential)),
        ': ',
        shown(certificate.subject, MAX_TEXT),
      ),
      terms([
        ['Valid', [day(certificate.not_before), ' to ', day(certificate.not_after)]],
        ['SHA-256', hash(certificate.sha256)],
        ['Serial number', hash(certificate.serial_number)],
      ]),
    ),
  );
  return [
    certificates.length > 0
      ? element('ol', { class: 'chain' }, certificates)
      : element('p', {}, 'No certificate that can be read.'),
    terms([
      ['Trust anchor', anchor === null ? sentence('unanchored') : pinned(anchor)],
      [
        'Time-stamp',
        stamp === null ? sentence('unstamped') : [moment(stamp.time), ', below ', pinned(stamp.anchor)],
      ],
    ]),
  ];
}

/**
 * Draw validation status codes.
 *
 * @param list The codes, as a report has them.
 * @param kind "failure", "informational", "success", "tolerated", or "recorded" where a report does not tell.
 * @param look Attributes of the list.
 * @returns A list, or null if there are no codes.
 */
export function statuses(list, kind, look = {}) {
  return listed(list, { class: 'statuses', ...look }, (status) =>
    element(
      'li',
      { class: `status ${kind}` },
      icon(STATUS_ICONS[kind] ?? 'skipped'),
      element(
        'span',
        {},
        element('strong', {}, shown(status.code)),
        ` (${kind}${kind === 'recorded' ? ' ' : ', '}${SOURCES[kind === 'recorded' ? kind : status.source]})`,
        status.explanation === '' ? null : [': ', shown(status.explanation, MAX_TEXT)],
        status.url === ''
          ? null
          : element('span', { class: 'about' }, 'about ', shown(status.url.split('/').at(-1))),
      ),
    ),
  );
}

/**
 * Show a digest or a serial number.
 */
export function hash(hex) {
  return element('code', { class: 'hash' }, hex);
}

function place(certificate, at, credential) {
  if (at === 0) return 'Signer';
  return certificate.sha256 === credential.anchor?.sha256 ? 'Trust anchor' : 'Issuer of the one before';
}

function reading(manifest, store) {
  store.drawn.add(manifest.label);
  const kind = manifest.active ? 'Active manifest' : 'Manifest of the ingredient';
  return element(
    'section',
    { class: 'manifest', 'data-state': manifest.state },
    element(
      store.heading,
      {},
      stateIcon(manifest.state),
      element('span', {}, `${kind}: ${manifestInWords(manifest)}`),
    ),
    contents(manifest),
    statuses(manifest.failures, 'failure', { 'aria-label': 'What failed' }),
    listed(manifest.ingredients, { class: 'ingredients' }, (one) => ingredient(one, manifest, store)),
  );
}

function ingredient(one, parent, store) {
  const title = one.title === null ? [] : [' ', quoted(one.title)];
  const relationship = RELATIONSHIPS.get(one.relationship) ?? quoted(one.relationship);
  return element(
    'li',
    { class: parent.path.length > MAX_INDENTED ? 'deep' : null },
    element('p', {}, element('strong', {}, 'Ingredient'), title, ', ', relationship),
    statuses(one.recorded, 'recorded', { 'aria-label': 'What was recorded when it was added' }),
    below(one, parent, store),
  );
}

function below(one, parent, store) {
  if (one.manifest === null) return element('p', {}, 'It has no Content Credentials of its own.');
  const found = store.reached.get(JSON.stringify([...parent.path, one.manifest]));
  // A manifest that is an ingredient twice, at each of many levels, would double the tree at each.
  if (found !== undefined && !store.drawn.has(one.manifest)) return reading(found, store);
  const where = store.known.has(one.manifest) ? 'shown elsewhere in this tree' : 'not in this image';
  return element('p', {}, 'Its manifest ', quoted(one.manifest), ` is ${where}.`);
}

function contents(manifest) {
  const { credential } = manifest;
  return [
    terms([
      ['Label', shown(manifest.label)],
      ['Title', manifest.title === null ? null : quoted(manifest.title)],
      [
        'Claim',
        [`version ${manifest.claim_version ?? 'unknown'}, written by `, quoted(manifest.claim_generator)],
      ],
      ['Signed by', credential === null ? null : signerName(credential)],
      ['Signed at', credential === null ? null : stamped(credential)],
      ['Actions', listed(manifest.actions, {}, action)],
      ['Assertions', listed(manifest.assertions, { class: 'inline' }, assertion)],
    ]),
    credential === null || manifest.active
      ? null
      : element(
          'details',
          {},
          element('summary', {}, 'Certificate chain of this manifest'),
          chain(credential),
        ),
  ];
}

function assertion(label) {
  return element('li', {}, shown(label));
}

function stamped({ time_stamp: stamp }) {
  return stamp === null ? sentence('undated') : moment(stamp.time);
}

function action(one) {
  const parts = [
    [' by ', one.software_agent],
    [', described as ', one.description],
    [', at ', one.when],
    [', digital source type ', sourceType(one.digital_source_type)],
  ];
  const said = parts.flatMap(([words, value]) => (value === null ? [] : [words, quoted(value)]));
  return element('li', {}, shown(one.action), said);
}
