/**
 * What lies in the page as JSON: a row for each file, and its report and picture.
 */

import { CATEGORIES, dataOf } from './parts.js';

const OPEN_CHUNKS = 64;

/** Name the fields of a row; absent text is empty, so that it sorts and is searched. */
function toRecord(row, index) {
  const [name, encoded, category, reasons, signer, vouched, signedAt, agent, maker, sha256, failing] = row;
  return {
    index,
    name,
    encoded,
    category,
    rank: CATEGORIES.indexOf(category),
    reasons,
    reasonList: reasons.join(', '),
    signer: signer ?? '',
    vouched,
    signedAt: signedAt ?? '',
    agent: agent ?? '',
    maker,
    sha256: sha256 ?? '',
    failing,
    haystack: null,
  };
}

/** Read all records; what they were read from is let go. */
export function readRecords() {
  const records = [];
  for (const element of document.querySelectorAll('script.rows-data')) {
    for (const row of dataOf(element)) {
      records.push(toRecord(row, records.length));
    }
    element.remove();
  }
  return records;
}

/** Reports and pictures: read chunk by chunk when they are asked for, because they are most of the page. */
export class Attachments {
  constructor() {
    this.chunks = [...document.querySelectorAll('script.reports-data')];
    this.firsts = this.chunks.map((element) => Number(element.dataset.first));
    this.open = new Map();
  }

  /** Return what belongs to a record: `{ picture, report }`; the picture is base64 or null. */
  of(index) {
    const chunk = this.chunkOf(index);
    const [picture, report] = this.read(chunk)[index - this.firsts[chunk]];
    return { picture, report };
  }

  chunkOf(index) {
    let low = 0;
    let high = this.firsts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.firsts[middle] <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  read(chunk) {
    const content = this.open.get(chunk) ?? dataOf(this.chunks[chunk]);
    this.open.delete(chunk);
    this.open.set(chunk, content); // now the one used last
    if (this.open.size > OPEN_CHUNKS) {
      this.open.delete(this.open.keys().next().value);
    }
    return content;
  }
}
