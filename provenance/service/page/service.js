/**
 * The service's HTTP interface, as this page uses it.
 *
 * Addresses are relative to the page, so that the service may stand below any path. An image is sent as bare
 * bytes: its name stays in the browser. The key is kept for this tab alone.
 */

const KEY = 'provenance-key';
const MAX_WAIT_S = 3_600;
const FINAL = [400, 404, 405, 411, 413, 415, 422]; // the same request would be answered alike
const TITLES = { 200: 'The answer cannot be read', 415: 'This is no image of a kind that is judged here' };
const DEFAULT_WAIT_S = { 429: 5, 503: 5 };

/**
 * Why there is no answer.
 *
 * @property status HTTP status, or 0 if the service was not reached.
 * @property hint What can be done about it, or "".
 * @property request The service's name for the request, or "".
 * @property wait Seconds to wait before another attempt, or null.
 * @property final Whether another attempt would end alike.
 */
export class Refusal extends Error {
  constructor(
    status,
    { title, detail = '', hint = '', request = '', wait = null, final = FINAL.includes(status) },
  ) {
    super(title);
    Object.assign(this, { status, detail, hint, request, wait, final });
  }
}

/**
 * Remember a key for as long as this tab lives; "" forgets it.
 */
export function keep(key) {
  held = key;
  try {
    if (key === '') sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, key);
  } catch {
    // Storage may be switched off: then the key lives as long as the page.
  }
}

/**
 * Tell whether there is a key to send.
 */
export function hasKey() {
  return held !== '';
}

/**
 * Ask which policies there are, which one holds by default, whom the service trusts, and its limits.
 */
export async function policies() {
  return read(await exchange('GET', 'v1/policies'));
}

/**
 * Ask for the reports that are kept on an image, the newest first; at least one.
 */
export async function reports(sha256) {
  return read(await exchange('GET', `v1/reports/${encodeURIComponent(sha256)}`)).reports;
}

/**
 * Have an image judged.
 *
 * @param file The image.
 * @param policy Name of the policy, or "" for the service's own choice.
 * @param watch `progress(sent, total)`, and `signal` to give up.
 * @returns The report; whether it was `reused` from an earlier request; whether it is `stored`.
 */
export async function judge(file, policy, watch) {
  const path = policy === '' ? 'v1/verify' : `v1/verify?policy=${encodeURIComponent(policy)}`;
  const answer = await exchange('POST', path, { body: file, ...watch });
  return {
    report: read(answer),
    reused: answer.header('Provenance-Report') === 'reused',
    stored: answer.header('Provenance-Stored') === 'yes',
  };
}

let held = '';
try {
  held = sessionStorage.getItem(KEY) || '';
} catch {
  // As above.
}

// Not fetch: it does not tell how much has been sent.
function exchange(method, path, { body = null, progress = null, signal = null } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, new URL(path, document.baseURI));
    request.setRequestHeader('Accept', 'application/json, application/problem+json');
    if (held !== '') request.setRequestHeader('Authorization', `Bearer ${held}`);
    // The kind of an image is told from its bytes; a browser goes by the name.
    if (body !== null) request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.addEventListener('load', () =>
      resolve({
        status: request.status,
        text: request.responseText,
        header: (name) => request.getResponseHeader(name),
      }),
    );
    request.addEventListener('error', () => reject(unreached(body)));
    request.addEventListener('abort', () => reject(new DOMException('given up', 'AbortError')));
    if (progress !== null)
      request.upload.addEventListener('progress', (event) => progress(event.loaded, event.total));
    signal?.addEventListener('abort', () => request.abort());
    request.send(body);
  });
}

function read(answer) {
  let content = null;
  try {
    content = JSON.parse(answer.text);
  } catch {
    // A proxy's page, most likely: its status is all that can be told.
  }
  if (answer.status === 200 && content !== null) return content;
  throw refusal(answer, content !== null && typeof content === 'object' ? content : {});
}

function refusal(answer, problem) {
  const text = (name) => (typeof problem[name] === 'string' ? problem[name] : '');
  return new Refusal(answer.status, {
    title: TITLES[answer.status] || text('title') || `The service answered ${answer.status}`,
    detail: text('detail'),
    hint: text('hint'),
    request: text('instance'),
    wait: patience(answer),
  });
}

/**
 * Read `Retry-After`, seconds or a date (RFC 9110, section 10.2.3).
 */
function patience(answer) {
  if (!(answer.status in DEFAULT_WAIT_S)) return null;
  const said = answer.header('Retry-After') || '';
  const seconds = /^\d+$/.test(said) ? Number(said) : Math.ceil((Date.parse(said) - Date.now()) / 1000);
  return Number.isNaN(seconds) ? DEFAULT_WAIT_S[answer.status] : Math.min(Math.max(seconds, 1), MAX_WAIT_S);
}

function unreached(body) {
  const hint =
    body === null ? '' : ' Check too that the file was neither moved nor changed since you chose it.';
  return new Refusal(0, {
    title: 'The service could not be reached',
    hint: `Check your connection, then try again.${hint}`,
  });
}
