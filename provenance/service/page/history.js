/**
 * What this browser has checked, newest first; never sent anywhere.
 *
 * Whatever else runs on this origin can write here too, so what is read is checked.
 */

const PLACE = 'provenance-history';
const MAX_ENTRIES = 50;
const MAX_NAME = 300;
const LATEST = 8.64e15; // the last moment that a date can hold
const HEX = /^[0-9a-f]{64}$/;
const STATES = ['absent', 'invalid', 'valid', 'trusted'];

// Holds the list only where it cannot be stored.
let memory = null;

/**
 * List the entries: {sha256, name, accepted, state, policy, digest, time}.
 */
export function entries() {
  if (memory !== null) return memory;
  try {
    const found = JSON.parse(localStorage.getItem(PLACE) || '[]');
    return Array.isArray(found) ? found.filter(isEntry).slice(0, MAX_ENTRIES) : [];
  } catch {
    return [];
  }
}

/**
 * Put a report before all others; an earlier entry on the same bytes under the same policy goes.
 *
 * @param report The report.
 * @param name What the file is called here.
 * @param time When it was judged, in milliseconds since 1970.
 */
export function add(report, name, time) {
  if (report.asset.sha256 === null) return;
  const entry = {
    sha256: report.asset.sha256,
    name: name.slice(0, MAX_NAME),
    accepted: report.accepted,
    state: report.state,
    policy: report.policy.name,
    digest: report.policy.digest,
    time,
  };
  const others = entries().filter((one) => one.sha256 !== entry.sha256 || one.digest !== entry.digest);
  write([entry, ...others].slice(0, MAX_ENTRIES));
}

/**
 * Forget everything.
 */
export function clear() {
  write([]);
}

/**
 * Call back whenever another tab changes the list.
 */
export function watch(callback) {
  addEventListener('storage', (event) => {
    if (event.key === PLACE || event.key === null) callback();
  });
}

function write(list) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(list));
  } catch {
    // Storage may be full or switched off: the list then lives as long as the page.
    memory = list;
  }
}

function isEntry(one) {
  return (
    typeof one === 'object' &&
    one !== null &&
    [one.sha256, one.digest, one.name, one.policy].every((text) => typeof text === 'string') &&
    HEX.test(one.sha256) &&
    HEX.test(one.digest) &&
    typeof one.accepted === 'boolean' &&
    STATES.includes(one.state) &&
    typeof one.time === 'number' &&
    Math.abs(one.time) <= LATEST
  );
}
