/**
 * A verdict in words: what the credentials prove, who says so, what made the image, and what to do next.
 *
 * The words are those of the command. A signature shows who signed which bytes: "absent" never means that no
 * AI was used, "trusted" never that a picture is true, and what an image without trusted credentials says of
 * itself is given as a claim. A report's shape is trusted here, the texts in it are not.
 */

import { count, moment, number, quoted, sentence, shown, wordsFor } from './text.js';

const SOURCE_TYPES = 'http://cv.iptc.org/newscodes/digitalsourcetype/';

/**
 * Say what one manifest that was reached proves.
 */
export function manifestInWords({ state, cause }) {
  return wordsFor('causes', cause)?.sentence ?? wordsFor('states', state).title;
}

/**
 * Say what the credentials prove.
 */
export function stateInWords(report) {
  if (report.state === 'absent') return wordsFor('states', 'absent').sentence;
  return report.state === 'trusted' ? trusted(report).join('') : manifestInWords(report);
}

/**
 * Name who signed, as the signing certificate names itself.
 */
export function signerName({ chain, organization, common_name: name }) {
  if (chain.length === 0) return sentence('signer_unreadable');
  if (organization && name && organization !== name) {
    return sentence('signer', { organization: quoted(organization), name: quoted(name) });
  }
  return quoted(organization || name || chain[0].subject);
}

/**
 * List who signed and when, what lies below an edit, what made the image and how it is described, as rows of
 * a list of terms; what there is nothing to say of is null.
 */
export function facts(report) {
  return [
    ['Signed by', signedBy(report)],
    ['Signed at', signedAt(report)],
    ['Lies below', liesBelow(report)],
    ['Made by', madeBy(report)],
    ['Described as', describedAs(report)],
  ];
}

/**
 * Say what was set aside or left alone; what holds for several manifests once.
 */
export function notes(report) {
  const place = report.asset.xmp_provenance;
  const isRemote = report.state === 'absent' && place !== null;
  const manifestsBy = new Map();
  for (const { code, explanation, url } of report.tolerated) {
    const key = JSON.stringify([code, explanation]);
    manifestsBy.set(key, (manifestsBy.get(key) ?? new Set()).add(url));
  }
  const tolerated = [...manifestsBy].map(([key, { size }]) => {
    const [code, explanation] = JSON.parse(key);
    const why = code.startsWith('signingCredential.') ? 'tolerated_day' : 'tolerated_fault';
    return sentence(size > 1 ? 'tolerated_several' : 'tolerated', {
      code: shown(code),
      explanation: quoted(explanation),
      count: number(size),
      why: sentence(why),
    });
  });
  return isRemote ? [sentence('xmp_remote', { place: quoted(place) }), ...tolerated] : tolerated;
}

/**
 * Find the words for what can be done about an image that was not accepted; null where only a policy demands
 * more.
 *
 * @returns Words with `next` and perhaps `meaning`.
 */
export function advice(report) {
  if (report.state === 'absent') return wordsFor('states', 'absent');
  if (report.state === 'valid' && failed(report, 'known_authority')) {
    return wordsFor('checks', 'known_authority');
  }
  const isUnbound = failed(report, 'trailing_bytes') || failed(report, 'unbound_bytes');
  return wordsFor('causes', report.cause) ?? (isUnbound ? { next: sentence('unbound_next') } : null);
}

/**
 * Say which policies would accept an image that only its own rejects, given their names.
 */
export function otherPolicies(names) {
  if (names.length === 0) return sentence('passes_nowhere');
  return sentence('passes', { names: shown(names.join(', ')) });
}

/**
 * Tell whether a check failed.
 */
export function failed(report, check) {
  return report.findings.some((finding) => finding.check === check);
}

/**
 * Find the only action that created an image; null if there is none, or more than one.
 */
export function creation(manifest) {
  const found = manifest.actions.filter(({ action }) => action === 'c2pa.created');
  return found.length === 1 ? found[0] : null;
}

/**
 * Shorten a digital source type of IPTC's vocabulary to its name there.
 */
export function sourceType(text) {
  return text === null ? null : text.replaceAll(SOURCE_TYPES, '');
}

function trusted(report) {
  const { trailing_bytes: trailing, unbound_bytes: unbound } = report.asset;
  if (failed(report, 'trailing_bytes')) return sentence('trusted_trailing', { bytes: count(trailing, 'byte') });
  if (failed(report, 'unbound_bytes')) {
    if (unbound === null) return sentence('trusted_untold');
    return sentence('trusted_unbound', { amount: number(unbound) });
  }
  return sentence(report.accepted ? 'trusted' : 'trusted_not_accepted');
}

/** Tell whether the claim signature and all hashes hold, whoever signed. */
function signatureHolds(report) {
  return report.checks.some(({ id, outcome }) => id === 'integrity' && outcome === 'pass');
}

function signedBy(report) {
  const { credential } = report;
  if (credential === null) return null;
  const signer = signerName(credential);
  if (!signatureHolds(report)) return sentence('signed_broken', { signer });
  if (credential.anchor === null) return sentence('signed_unvouched', { signer });
  return sentence('signed', { signer, anchor: shown(credential.anchor.name) });
}

function signedAt(report) {
  const { credential } = report;
  if (credential === null || !signatureHolds(report)) return null;
  const stamp = credential.time_stamp;
  if (stamp === null) return sentence('undated');
  return sentence('dated', { time: moment(stamp.time), anchor: shown(stamp.anchor.name) });
}

function liesBelow({ manifests, cause }) {
  if (cause !== 'edit_recorded') return null;
  const parent = manifests[0].ingredients.find(({ relationship }) => relationship === 'parentOf');
  const below = manifests.find(({ label, path }) => path !== null && label === parent?.manifest);
  if (below === undefined) return sentence('below_unreadable');
  const agent = creation(below)?.software_agent ?? null;
  const named = below.state === 'trusted' ? 'below_made' : 'below_claimed';
  return sentence(agent === null ? 'below' : named, {
    state: manifestInWords(below),
    signer: signerName(below.credential),
    agent: quoted(agent),
  });
}

function madeBy(report) {
  const { credential, manifests, origin, state } = report;
  if (credential === null) return null;
  const where = origin.azure_openai_in;
  const action = where === null ? creation(manifests[0]) : origin;
  if (action === null) return sentence('made_unsaid');
  if (action.software_agent === null) return sentence('made_unnamed');
  const agent = quoted(action.software_agent);
  if (state === 'invalid') return sentence('made_invalid', { agent });
  if (state !== 'trusted') return sentence('made_claimed', { agent });
  if (where === null) return sentence('made_other', { agent });
  return sentence(where === 'active' ? 'made_azure' : 'made_ingredient', { agent });
}

function describedAs({ origin }) {
  if (origin.azure_openai_in === null) return null;
  const description =
    origin.description === null ? sentence('description_missing') : quoted(origin.description);
  return sentence(origin.documented ? 'described_documented' : 'described_seen', { description });
}
