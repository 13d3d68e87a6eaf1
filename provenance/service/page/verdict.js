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
  valid: { icon: 'untrusted', words: 'valid, but the signer is not trusted' },
  trusted: { icon: 'trusted', words: 'trusted' },
};

/**
 * Say what the credentials prove.
 */
export function stateInWords(report) {
  if (report.state === 'absent') return 'absent: no Content Credentials';
  if (report.state === 'invalid') {
    const changed = report.validation.failure.some((status) => status.code.endsWith('.mismatch'));
    return changed ? 'invalid: changed after signing' : 'invalid: the credentials are damaged';
  }
  if (report.state === 'valid') return STATES.valid.words;
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
  if (report.state === 'valid') return 'Nothing was changed after signing, but anyone can sign in any name.';
  return null;
}

/**
 * Say what to do next; null for an accepted image.
 *
 * @param report The report.
 * @param source How the image came here: "paste", or anything else.
 */
export function advice(report, source) {
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
    return ['The certificate chain below shows who signed. Those who run this service settle whom to trust.'];
  }
  if (failed(report, 'trailing_bytes') || failed(report, 'unbound_bytes')) {
    return [`${again}: no Azure OpenAI image seen so far holds a byte that is not bound.`];
  }
  if (report.passes.length > 0) {
    return [
      'It passes under ',
      shown(report.passes.join(', ')),
      ': choose that policy above and check again.',
    ];
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
