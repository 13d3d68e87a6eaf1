/**
 * A report as a card: the verdict and a summary first, everything behind it folded away below.
 *
 * The card takes a report as the service gave it: its shape is trusted, the texts in it are not.
 */

import { chain, hash, manifests, stateIcon, statuses } from './shared/manifest.js';
import { checks, file } from './shared/report.js';
import {
  count,
  element,
  icon,
  json,
  MAX_ROWS,
  profileOf,
  quoted,
  sentence,
  shown,
  terms,
  wordsFor,
} from './shared/text.js';
import { advice, creation, facts, notes, otherPolicies, stateInWords } from './shared/verdict.js';
import { bytes } from './size.js';

/** The only form of report this page reads. */
export const SCHEMA = 'azure-image-provenance/report/1';

const MAX_RAW = 200_000;

/**
 * Draw the verdict: accepted or not, what the credentials prove, who signed, when, and what made the image.
 *
 * @param report The report.
 * @param source How the image came here: "paste", or anything else.
 * @param offered Names of the policies that may be chosen; null if they are not known.
 */
export function summary(report, source, offered) {
  const said = meaning(report);
  const next = report.accepted ? null : nextStep(report, source, offered);
  return [
    element(
      'p',
      { class: 'verdict' },
      icon(report.accepted ? 'pass' : 'fail'),
      element('span', {}, element('strong', {}, outcome(report)), ' under ', shown(report.policy.name)),
    ),
    element('p', { class: 'state' }, stateIcon(report.state), element('span', {}, stateInWords(report))),
    terms([...facts(report), ['Described as', claimedDescription(report)]], { class: 'facts' }),
    said === '' ? null : element('p', {}, said),
    next === null ? null : element('p', { class: 'advice' }, element('strong', {}, 'Next: '), next),
  ];
}

/**
 * Say whether an image was accepted, beginning with a capital letter.
 */
export function outcome({ accepted }) {
  const { title } = wordsFor('verdicts', accepted ? 'accepted' : 'rejected');
  return title.charAt(0).toUpperCase() + title.slice(1);
}

/**
 * Say in one plain sentence what `summary` draws, for those who hear it.
 */
export function spoken(report) {
  return `${outcome(report).toLowerCase()} under ${report.policy.name}. ${stateInWords(report)}.`;
}

/**
 * Draw everything behind the verdict.
 *
 * @param report The report.
 * @param unfolded Whether the checks are unfolded at once.
 */
export function details(report, unfolded) {
  const failures = report.findings.length;
  const failed = `${failures === 0 ? 'none' : failures} of ${report.checks.length} failed`;
  const { credential } = report;
  return [
    remarks(report),
    folded('Checks', failed, checks(report.checks), unfolded),
    folded('File', bytes(report.asset.bytes), terms([...file(report), ...judgedBy(report)])),
    report.manifests.length > 0
      ? folded('Manifests and ingredients', count(report.manifests.length, 'manifest'), manifests(report, 'h5'))
      : null,
    credential === null
      ? null
      : folded('Certificate chain', count(credential.chain.length, 'certificate'), chain(credential)),
    folded('What validation found', '', findings(report)),
    folded('Raw report', 'JSON', raw(report)),
  ].filter((part) => part !== null);
}

// What a verdict does not mean, where it is easily misread.
function meaning(report) {
  const words = [wordsFor('states', report.state), wordsFor('causes', report.cause)];
  return words.flatMap((entry) => entry?.meaning ?? []).join(' ');
}

function nextStep(report, source, offered) {
  if (report.state === 'absent' && source === 'paste') return sentence('pasted');
  const words = advice(report);
  if (words !== null) return words.next;
  const choices = report.passes.filter((name) => offered === null || offered.includes(name));
  if (choices.length > 0 || report.passes.length === 0) return otherPolicies(choices);
  return sentence('passes_elsewhere', { names: shown(report.passes.join(', ')) });
}

function claimedDescription(report) {
  const { credential, manifests: all, origin, state } = report;
  if (credential === null || origin.azure_openai_in !== null) return null;
  const said = creation(all[0])?.description ?? null;
  if (said === null) return null;
  return state === 'trusted' ? quoted(said) : sentence('described_claimed', { description: quoted(said) });
}

function remarks(report) {
  const place = report.asset.xmp_provenance;
  const isBeside = report.state !== 'absent' && place !== null;
  const said = isBeside ? [sentence('xmp_beside', { place: quoted(place) })] : [];
  said.push(...notes(report).slice(0, MAX_ROWS));
  if (said.length === 0) return null;
  const rows = said.map((words) => element('li', {}, element('strong', {}, 'Note: '), words));
  return element('ul', { class: 'notes' }, rows);
}

function judgedBy({ policy, trust, engine }) {
  return [
    ['Policy', [shown(policy.name), ` version ${policy.version}, `, hash(policy.digest)]],
    ['Trust profile', [shown(profileOf(trust)), ', ', hash(trust.digest)]],
    ['Engine', shown(engine)],
  ];
}

function findings({ validation }) {
  const drawn = ['failure', 'informational', 'success'].map((kind) => statuses(validation[kind], kind));
  if (drawn.every((list) => list === null)) {
    return element('p', {}, 'Nothing: there are no credentials to validate.');
  }
  return [element('p', {}, 'About the manifest store and the active manifest:'), drawn];
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

function folded(title, amount, content, open = false) {
  return element(
    'details',
    { open },
    element(
      'summary',
      {},
      element('h4', {}, title),
      amount === '' ? null : element('span', { class: 'count' }, amount),
    ),
    content,
  );
}
