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
 * What is said where the signer leads to a trust anchor, and its certificate still does not hold: the state,
 * what it means, and what to do.
 */
const FAULTS = {
  expired: [
    'valid, but the certificate had expired',
    'The signer is known, but its certificate had expired, and no trusted time-stamp shows when it signed.',
    'Ask where the image was made for one with a time-stamp of an authority that this service trusts.',
  ],
  outdated: [
    'valid, but signed outside the time for which the certificate holds',
    'The signer is known, but its certificate did not hold at the time that the time-stamp shows.',
    'Ask where the image was made for one that was signed while the certificate held.',
  ],
  purpose: [
    'valid, but signed with a certificate for another purpose',
    'The signer is known, but its certificate is not meant for signing such images.',
    'Those who run this service settle which key purposes to accept.',
  ],
  chain: [
    'valid, but the certificate chain is not accepted',
    'The chain ends at a known trust anchor, but not every certificate in it may be used in this way.',
    'The check "Trusted signer" below says why. Those who run this service settle which chains to accept.',
  ],
};

/**
 * Say what a manifest whose signature holds proves, if the signer is not trusted.
 *
 * @param credential Its signing credential; may be null.
 * @param failures The status codes that failed.
 */
export function validInWords(credential, failures) {
  const found = fault(credential, failures);
  return found === null ? 'valid, but the signer is not trusted' : found[0];
}

/**
 * Say what the credentials prove.
 */
export function stateInWords(report) {
  if (report.state === 'absent') return 'absent: no Content Credentials';
  if (report.state === 'invalid') {
    const changed = report.validation.failure.some((status) => status.code.endsWith('.mismatch'));
    return changed ? 'invalid: changed after signing' : 'invalid: the credentials are damaged';
  }
  if (report.state === 'valid') return validInWords(report.credential, report.validation.failure);
  return `trusted${reservation(report)}`;
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
  const { credential, state } = report;
  if (credential === null) return null;
  const name = signerName(credential);
  if (state === 'invalid') return [...name, ' by its own claim, which does not hold'];
  if (credential.anchor === null)
    return [...name, ' by its own claim; no trust anchor of this service vouches for it'];
  return [...name, ', below ', shown(credential.anchor.name)];
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
  if (report.state === 'valid') {
    const found = fault(report.credential, report.validation.failure);
    const why = found === null ? 'But anyone can sign in any name.' : found[1];
    return `Nothing was changed after signing. ${why}`;
  }
  return null;
}

/**
 * Say what to do next; null for an accepted image.
 *
 * @param report The report.
 * @param source How the image came here: "paste", or anything else.
 * @param offered Names of the policies that may be chosen; null if they are not known.
 */
export function advice(report, source, offered) {
  const again = 'Get the image again from where it was made';
  if (report.accepted) return null;
  if (report.state === 'absent') {
    return source === 'paste'
      ? ['A picture that is copied and pasted is often drawn anew: choose the file as it was first saved.']
      : ['Copies often lose their credentials: ask for the file as it was first saved.'];
  }
  if (report.state === 'invalid') {
    return [`${again}: a copy that was edited, resized or saved anew cannot pass.`];
  }
  if (report.state === 'valid') {
    const found = fault(report.credential, report.validation.failure);
    if (found !== null) return [found[2]];
    return ['The certificate chain below shows who signed. Those who run this service settle whom to trust.'];
  }
  if (failed(report, 'trailing_bytes') || failed(report, 'unbound_bytes')) {
    return [`${again}: no Azure OpenAI image seen so far holds a byte that is not bound.`];
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
  const trailing = report.asset.trailing_bytes;
  if (trailing) return `, but what follows the image is not: ${trailing.toLocaleString('en')} bytes`;
  if (failed(report, 'unbound_bytes')) return ', but what stands between the boxes of the file is not';
  if (!report.accepted) return ', but not what the policy demands';
  return ': these are the bytes that a trusted signer signed';
}

// The validator looks at the time only where nothing else is wrong with the chain.
function fault(credential, failures) {
  if (credential === null || credential.anchor === null) return null;
  const ours = failures.filter(({ source }) => source === 'validator');
  if (ours.some(({ code }) => code === 'signingCredential.expired')) {
    return credential.time_stamp === null ? FAULTS.expired : FAULTS.outdated;
  }
  const invalid = ours.find(({ code }) => code === 'signingCredential.invalid');
  if (invalid === undefined) return null;
  return /^key purposes [^;]*$/.test(invalid.explanation) ? FAULTS.purpose : FAULTS.chain;
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
