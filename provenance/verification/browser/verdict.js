/**
 * A verdict in words: what the credentials prove, whether it is enough, who says so, and what to do next.
 *
 * The words are those of the command. A signature shows who signed which bytes: "absent" never means that no
 * AI was used, "trusted" never that a picture is true, and what an image without trusted credentials says of
 * itself is given as a claim. Everything here yields lists of texts and elements.
 */

import { quoted, shown } from './text.js';

const SOURCE_TYPES = 'http://cv.iptc.org/newscodes/digitalsourcetype/';

/** Symbols of the states, and the states of ingredients in words. */
export const STATES = {
  absent: { icon: 'absent', words: 'absent' },
  invalid: { icon: 'invalid', words: 'invalid' },
  valid: { icon: 'untrusted', words: 'valid, but not trusted' },
  trusted: { icon: 'trusted', words: 'trusted' },
};

/**
 * Why a manifest is not trusted, in words: what it proves, what else there is to know, and what to do.
 */
const CAUSES = {
  hash_mismatch: [
    'invalid: changed after signing',
    null,
    'Get the image again from where it was made: a copy that was edited, resized or saved anew cannot pass.',
  ],
  signature_mismatch: [
    'invalid: the claim signature does not verify with the key of its certificate',
    'Every hash matches, so another key signed, or the claim or its signature was changed since.',
    'Do not rely on what it says; if the file came straight from where it was made, tell those who made it.',
  ],
  incomplete: [
    'invalid: the credentials are incomplete, or cannot be checked',
    null,
    'Do not rely on what they say. Ask for the file as it was first saved; if it is the same, tell those who made it.',
  ],
  rule_broken: [
    'invalid: signed like this, against a rule of C2PA; hashes and signature hold',
    null,
    'Another copy will not differ: tell those who made it which rule the check “Rules of C2PA kept” names.',
  ],
  edit_recorded: [
    'invalid: edited since, by a record on top that the rules of C2PA do not allow',
    null,
    'Ask for the image as it was before the edit. The manifests below show what it was made from.',
  ],
  signer_unknown: [
    'valid, but nobody who is trusted vouches for the signer',
    'But anyone can sign in any name.',
    'The certificate chain below shows who signed. Those who run this service settle whom to trust.',
  ],
  signer_expired: [
    "valid, but the signer's certificate had expired, or was not valid yet",
    'The signer is known, but no trusted time-stamp shows when it signed.',
    'Ask where the image was made for one with a time-stamp of an authority that this service trusts.',
  ],
  signer_outside_validity: [
    'valid, but signed outside the time for which the certificate holds',
    'The signer is known, but its certificate did not hold at the time that the time-stamp shows.',
    'Ask where the image was made for one that was signed while the certificate held.',
  ],
  signer_purpose: [
    'valid, but signed with a certificate for another purpose',
    'The signer is known, but its certificate is not meant for signing such images.',
    'Those who run this service settle which key purposes to accept.',
  ],
  signer_path: [
    'valid, but the certificate chain is not accepted',
    'The chain ends at a known trust anchor, but not every certificate in it may be used in this way.',
    'The check “Trusted signer” below says why. Those who run this service settle which chains to accept.',
  ],
  validators_disagree: [
    'valid, but the two validators disagree on the signer',
    'Only one of them trusts it.',
    'What each of them found stands below.',
  ],
};

/**
 * Say what one manifest that was reached proves.
 */
export function manifestInWords({ state, cause }) {
  return cause in CAUSES ? CAUSES[cause][0] : STATES[state].words;
}

/**
 * Say what the credentials prove.
 */
export function stateInWords(report) {
  if (report.state === 'absent') return 'absent: no Content Credentials';
  if (report.state === 'trusted') return `trusted${reservation(report)}`;
  return manifestInWords(report);
}

/**
 * Name who signed, as the signing certificate names itself.
 */
export function signerName(credential) {
  const [leaf] = credential.chain;
  if (leaf === undefined) return ['nobody that can be read'];
  const { organization, common_name: name } = credential;
  if (organization === null || organization === name) return quoted(name || leaf.subject);
  return [...quoted(organization), ' (', ...quoted(name), ')'];
}

/**
 * Say who signed the active manifest; null if there is none.
 */
export function signedBy(report) {
  const { credential } = report;
  if (credential === null) return null;
  const name = signerName(credential);
  if (!signatureHolds(report)) return [...name, ' by its own claim, which does not hold'];
  if (credential.anchor === null)
    return [...name, ' by its own claim; no trust anchor of this service vouches for it'];
  return [...name, ', below ', shown(credential.anchor.name)];
}

/**
 * Tell whether the claim signature and all hashes hold, whoever signed.
 */
export function signatureHolds(report) {
  return report.checks.some(({ id, outcome }) => id === 'integrity' && outcome === 'pass');
}

/**
 * Say what an edit was recorded on top of; null where none was.
 */
export function liesBelow({ manifests, cause }) {
  if (cause !== 'edit_recorded') return null;
  const [active] = manifests;
  const parent = active.ingredients.find(({ relationship }) => relationship === 'parentOf');
  const below = manifests.find(({ label, path }) => path !== null && label === parent?.manifest);
  if (below === undefined) return ['a manifest that cannot be read'];
  const made = created(below);
  const claim = below.state === 'trusted' ? '' : ' by its own claim';
  const maker = made === null ? [] : [', made by ', ...quoted(made.software_agent), claim];
  return [manifestInWords(below), ', signed by ', ...signerName(below.credential), ...maker];
}

/**
 * Say what made the image; null if there is no active manifest.
 */
export function madeBy(report) {
  if (report.credential === null) return null;
  const { origin, state } = report;
  const action = origin.azure_openai_in === null ? created(report.manifests[0]) : origin;
  if (action === null) return ['not said: there is no single c2pa.created action'];
  const agent = action.software_agent === null ? ['no software agent'] : quoted(action.software_agent);
  if (state === 'invalid') return [...agent, ' by its own claim; invalid credentials prove nothing'];
  if (state !== 'trusted') return [...agent, ' by its own claim; no trusted signer says so'];
  if (origin.azure_openai_in === null) return [...agent, ' in the active manifest; not Azure OpenAI'];
  if (origin.azure_openai_in === 'active') return ['Azure OpenAI: ', ...agent, ' in the active manifest'];
  return ['Azure OpenAI: ', ...agent, ' in an ingredient, not in the active manifest'];
}

/**
 * Say how the image is described; null if nothing says so.
 */
export function describedAs(report) {
  const { origin, manifests } = report;
  if (origin.azure_openai_in !== null) {
    const wording = origin.documented ? 'as documented' : 'as seen in genuine images, not as documented';
    return [...description(origin), ', ', wording];
  }
  const action = report.credential === null ? null : created(manifests[0]);
  if (action === null || action.description === null) return null;
  return report.state === 'trusted'
    ? quoted(action.description)
    : [...quoted(action.description), ' by its own claim'];
}

/**
 * Say what a verdict does not mean where it is easily misread; else null.
 */
export function reminder(report) {
  if (report.state === 'absent') {
    return 'This says nothing about how the image was made: it may or may not come from an AI.';
  }
  const more = CAUSES[report.cause]?.[1] ?? null;
  if (report.state === 'valid') return `Nothing was changed after signing. ${more ?? ''}`.trim();
  return more;
}

/**
 * Say what to do next; null for an accepted image.
 *
 * @param report The report.
 * @param source How the image came here: "paste", or anything else.
 * @param offered Names of the policies that may be chosen; null if they are not known.
 */
export function advice(report, source, offered) {
  if (report.accepted) return null;
  if (report.state === 'absent') {
    return source === 'paste'
      ? ['A picture that is copied and pasted is often drawn anew: choose the file as it was first saved.']
      : ['Copies often lose their credentials: ask for the file as it was first saved.'];
  }
  if (report.state === 'valid' && failed(report, 'known_authority')) {
    return ["Anybody can sign in Microsoft's name: a newer version of this service may know the authority."];
  }
  if (report.cause in CAUSES) return [CAUSES[report.cause][2]];
  if (failed(report, 'trailing_bytes') || failed(report, 'unbound_bytes')) {
    return [
      'Ask for the file as it was first saved: no Azure OpenAI image seen so far holds a byte that is not bound.',
    ];
  }
  const passes = report.passes.filter((name) => offered === null || offered.includes(name));
  if (passes.length > 0) {
    return ['It passes under ', shown(passes.join(', ')), ': choose that policy above and check again.'];
  }
  if (report.passes.length > 0) {
    return ['It passes under ', shown(report.passes.join(', ')), ', which this service does not offer.'];
  }
  return ['It passes under no built-in policy. The manifests below show all it says.'];
}

/**
 * Shorten a digital source type of IPTC's vocabulary to its name there.
 */
export function sourceType(text) {
  return text === null ? null : text.replaceAll(SOURCE_TYPES, '');
}

function reservation(report) {
  const { trailing_bytes: trailing, unbound_bytes: unbound } = report.asset;
  if (failed(report, 'trailing_bytes')) {
    return `, but what follows the image is not: ${trailing.toLocaleString('en')} bytes`;
  }
  if (failed(report, 'unbound_bytes')) {
    if (unbound === null) return ', but which bytes cannot be told';
    return `, but not all of it: ${unbound.toLocaleString('en')} bytes`;
  }
  if (!report.accepted) return ', but not what the policy demands';
  return ': these are the bytes that a trusted signer signed';
}

function failed(report, check) {
  return report.findings.some((finding) => finding.check === check);
}

function created(manifest) {
  const found =
    manifest === undefined ? [] : manifest.actions.filter((action) => action.action === 'c2pa.created');
  return found.length === 1 ? found[0] : null;
}

function description(action) {
  return action.description === null ? ['no description'] : quoted(action.description);
}
