/**
 * The manifests of an image as a tree of ingredients, and certificate chains.
 *
 * A manifest that nothing references is drawn apart: it proves nothing.
 */

import { leftOut, MAX_ROWS, statuses } from './status.js';
import { day, element, icon, moment, quoted, shown, terms } from './text.js';
import { manifestInWords, signerName, sourceType, STATES } from './verdict.js';

const MAX_INDENTED = 5;
const MAX_SUBJECT = 600;

const RELATIONSHIPS = new Map([
  [null, 'of unknown relationship'],
  ['parentOf', 'what it was made from'],
  ['componentOf', 'a part of it'],
  ['inputTo', 'an input to what made it'],
]);

/**
 * Draw the active manifest with its ingredients, then the manifests that nothing references.
 */
export function manifests(report) {
  const reached = new Map();
  for (const manifest of report.manifests) {
    if (manifest.path !== null) reached.set(JSON.stringify(manifest.path), manifest);
  }
  const known = new Set(
    report.manifests.filter((manifest) => manifest.path !== null).map(({ label }) => label),
  );
  const [active] = reached.values();
  const drawn = active === undefined ? [] : [reading(active, { reached, known, drawn: new Set() })];
  const rest = report.manifests.filter((manifest) => manifest.path === null);
  if (rest.length > 0) {
    drawn.push(
      element(
        'section',
        { class: 'unreferenced' },
        element('h5', {}, 'Referenced by nothing'),
        element('p', {}, 'What no other manifest refers to proves nothing, whatever it says.'),
        rest
          .slice(0, MAX_ROWS)
          .map((manifest) => element('section', { class: 'manifest' }, contents(manifest))),
        element('ul', {}, leftOut(rest)),
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
  const certificates = credential.chain.map((certificate, at) =>
    element(
      'li',
      {},
      element(
        'p',
        {},
        element('strong', {}, place(certificate, at, credential)),
        ': ',
        shown(certificate.subject, MAX_SUBJECT),
      ),
      terms([
        ['Valid', [day(certificate.not_before), ' to ', day(certificate.not_after)]],
        ['SHA-256', element('code', { class: 'hash' }, certificate.sha256)],
        ['Serial number', element('code', { class: 'hash' }, certificate.serial_number)],
      ]),
    ),
  );
  return [
    certificates.length > 0
      ? element('ol', { class: 'chain' }, certificates)
      : element('p', {}, 'No certificate that can be read.'),
    terms([
      [
        'Trust anchor',
        anchor === null
          ? 'none: this service trusts nobody in this chain'
          : [shown(anchor.name), ', SHA-256 ', element('code', { class: 'hash' }, anchor.sha256)],
      ],
      [
        'Time-stamp',
        stamp === null
          ? 'none that is trusted'
          : [
              moment(stamp.time),
              ', below ',
              shown(stamp.anchor.name),
              ', SHA-256 ',
              element('code', { class: 'hash' }, stamp.anchor.sha256),
            ],
      ],
    ]),
  ];
}

function place(certificate, at, credential) {
  if (at === 0) return 'Signer';
  return certificate.sha256 === credential.anchor?.sha256 ? 'Trust anchor' : 'Issuer of the one before';
}

function reading(manifest, store) {
  store.drawn.add(manifest.label);
  const kind = manifest.active ? 'Active manifest' : 'Manifest of the ingredient';
  const ingredients = manifest.ingredients.slice(0, MAX_ROWS).map((one) => ingredient(one, manifest, store));
  return element(
    'section',
    { class: 'manifest', 'data-state': manifest.state },
    element(
      'h5',
      {},
      icon(STATES[manifest.state].icon),
      element('span', {}, `${kind}: ${manifestInWords(manifest)}`),
    ),
    contents(manifest),
    manifest.failures.length > 0
      ? element(
          'ul',
          { class: 'statuses', 'aria-label': 'What failed' },
          statuses(manifest.failures, 'failure'),
        )
      : null,
    ingredients.length > 0
      ? element('ul', { class: 'ingredients' }, ingredients, leftOut(manifest.ingredients))
      : null,
  );
}

function ingredient(one, parent, store) {
  const title = one.title === null ? [] : [' ', ...quoted(one.title)];
  const relationship = RELATIONSHIPS.get(one.relationship) ?? quoted(one.relationship);
  const deep = parent.path.length > MAX_INDENTED;
  return element(
    'li',
    { class: deep ? 'deep' : null },
    element('p', {}, element('strong', {}, 'Ingredient'), title, ', ', relationship),
    one.recorded.length > 0
      ? element(
          'ul',
          { class: 'statuses', 'aria-label': 'What was recorded when it was added' },
          statuses(one.recorded, 'recorded'),
        )
      : null,
    below(one, parent, store),
  );
}

function below(one, parent, store) {
  if (one.manifest === null) return element('p', {}, 'It has no Content Credentials of its own.');
  const found = store.reached.get(JSON.stringify([...parent.path, one.manifest]));
  // A manifest that is an ingredient twice, at each of many levels, would double the tree at each.
  if (found !== undefined && !store.drawn.has(one.manifest)) return reading(found, store);
  const where = store.known.has(one.manifest) ? 'shown elsewhere in this tree' : 'not in this image';
  return element('p', {}, 'Its manifest ', ...quoted(one.manifest), ` is ${where}.`);
}

function contents(manifest) {
  const { credential } = manifest;
  return [
    terms([
      ['Label', shown(manifest.label)],
      ['Title', manifest.title === null ? null : quoted(manifest.title)],
      [
        'Claim',
        [`version ${manifest.claim_version ?? 'unknown'}, written by `, ...quoted(manifest.claim_generator)],
      ],
      ['Signed by', credential === null ? null : signerName(credential)],
      ['Signed on', credential === null ? null : stamped(credential)],
      [
        'Actions',
        manifest.actions.length > 0
          ? element('ul', {}, manifest.actions.slice(0, MAX_ROWS).map(action), leftOut(manifest.actions))
          : null,
      ],
      ['Assertions', manifest.assertions.length > 0 ? listed(manifest.assertions) : null],
    ]),
    credential === null || manifest.active
      ? null
      : element(
          'details',
          {},
          element('summary', {}, 'Certificate chain of this manifest'),
          chain(credential),
        ),
  ].filter((part) => part !== null);
}

function stamped(credential) {
  return credential.time_stamp === null
    ? ['unknown: no time-stamp of a trusted authority']
    : [moment(credential.time_stamp.time)];
}

function action(one) {
  const parts = [
    [' by ', one.software_agent],
    [', described as ', one.description],
    [', at ', one.when],
    [', digital source type ', sourceType(one.digital_source_type)],
  ];
  const said = parts.flatMap(([words, value]) => (value === null ? [] : [words, ...quoted(value)]));
  return element('li', {}, shown(one.action), ...said);
}

function listed(labels) {
  return element(
    'ul',
    { class: 'inline' },
    labels.slice(0, MAX_ROWS).map((label) => element('li', {}, shown(label))),
    leftOut(labels),
  );
}
