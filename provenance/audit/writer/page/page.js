'use strict';

/*
 * The page of an audit: reads the records that lie in it as JSON, and shows them.
 *
 * Whatever comes from a file is hostile. It reaches the page through `shown` or `escaped`, as text; nothing
 * here ever makes markup out of a string, and nothing is fetched.
 */

(() => {
  /** The categories of files, in the order in which they are shown. */
  const CATEGORIES = [
    { id: 'accepted', sign: '✓', meaning: 'trusted, and the policy is satisfied' },
    { id: 'rejected', sign: '≠', meaning: 'trusted, but the policy demands more' },
    { id: 'untrusted', sign: '?', meaning: 'the signer is unknown, expired or of another purpose' },
    { id: 'invalid', sign: '✕', meaning: 'a hash, a signature or a rule of C2PA does not hold' },
    { id: 'absent', sign: '–', meaning: 'no Content Credentials; says nothing of how it was made' },
    { id: 'error', sign: '!', meaning: 'could not be judged' },
  ];
  const RANKS = new Map(CATEGORIES.map((category, rank) => [category.id, rank]));

  /** What the checks and errors that this project names mean; a policy may name others. */
  const REASONS = new Map([
    ['manifest_store', 'no Content Credentials'],
    ['integrity', 'a hash or the signature does not hold, or cannot be checked'],
    ['conformance', 'what was signed breaks a rule of C2PA'],
    ['signing_credential', 'the signer is unknown, expired or of another purpose'],
    ['known_authority', 'calls itself Microsoft, and no known authority of Microsoft’s is above it'],
    ['trailing_bytes', 'bytes after the end of the image, which no signature covers'],
    ['unbound_bytes', 'bytes inside the file that no hash binds'],
    ['software_agent', 'made by a software agent that the policy does not name'],
    ['description', 'not described as the policy demands'],
    ['when', 'no time of creation close to the time-stamp'],
    ['lineage', 'not reached by trusted manifests only'],
    ['UnreadableAssetError', 'the file could not be read'],
    ['FolderAssetError', 'a folder is where the file was'],
    ['AssetTooLargeError', 'larger than allowed'],
    ['UnsupportedAssetError', 'not an image of a kind that is read'],
    ['MalformedAssetError', 'cut off or damaged where it has to be read'],
    ['EngineError', 'the C2PA engine failed'],
    ['WorkerCrashedError', 'the process that judged it ended'],
    ['DeadlineExceededError', 'took longer than allowed'],
    ['InstallationChangedError', 'the installed packages changed meanwhile'],
  ]);

  /** Why a manifest is not trusted: what it proves, and what can be done. */
  const CAUSES = new Map([
    ['hash_mismatch', {
      state: 'invalid: changed after signing',
      next: 'Get the image again from where it was made: a copy that was edited, resized or saved anew cannot pass.',
    }],
    ['signature_mismatch', {
      state: 'invalid: the claim signature does not verify with the key of its certificate',
      next: 'Every hash matches, so another key signed, or the claim or its signature was changed since. Do not rely on what it says; if the file came straight from where it was made, tell those who made it.',
    }],
    ['incomplete', {
      state: 'invalid: the credentials are incomplete, or cannot be checked',
      next: 'Do not rely on what they say. Ask for the file as it was first saved; if it is the same, tell those who made it.',
    }],
    ['rule_broken', {
      state: 'invalid: signed like this, against a rule of C2PA; hashes and signature hold',
      next: 'Another copy will not differ: tell those who made it which rule the check “conformance” names.',
    }],
    ['edit_recorded', {
      state: 'invalid: edited since, by a record on top that the rules of C2PA do not allow',
      next: 'Ask for the image as it was before the edit. The manifests below show what it was made from.',
    }],
    ['signer_unknown', {
      state: 'valid, but nobody who is trusted vouches for the signer',
      next: 'The chain of certificates is below. To trust another signer, see “provenance trust add --help”.',
    }],
    ['signer_expired', {
      state: "valid, but the signer's certificate had expired, or was not valid yet",
      next: 'The signer is known, but no trusted time-stamp shows when it signed. Ask where the image was made for one with a time-stamp; “--at” and “--tsa-anchors” settle which day and which authorities count.',
    }],
    ['signer_outside_validity', {
      state: 'valid, but signed outside the time for which the certificate holds',
      next: 'The signer is known, but its certificate did not hold at the time that the time-stamp shows. Ask where the image was made for one that was signed while it held.',
    }],
    ['signer_purpose', {
      state: 'valid, but signed with a certificate for another purpose',
      next: 'The signer is known, but its certificate is not meant for signing such images. A trust profile settles which key purposes to accept.',
    }],
    ['signer_path', {
      state: 'valid, but the certificate chain is not accepted',
      next: 'The chain ends at a known trust anchor, but not every certificate in it may be used in this way: the check “signing_credential” says why.',
    }],
    ['validators_disagree', {
      state: 'valid, but the two validators disagree on the signer',
      next: 'The validation status codes below show what each of them found.',
    }],
  ]);

  /** The columns; one without a key cannot be sorted by. */
  const COLUMNS = [
    { id: 'picture', title: 'Picture' },
    { id: 'name', title: 'File', key: 'name' },
    { id: 'verdict', title: 'Category', key: 'rank' },
    { id: 'by', title: 'Signed by', key: 'signer' },
    { id: 'at', title: 'Signed (UTC)', key: 'signedAt' },
    { id: 'made', title: 'Made by', key: 'agent' },
    { id: 'reasons', title: 'Reasons', key: 'reasonList' },
  ];
  const SORTED = COLUMNS.filter((column) => column.key !== undefined);

  /** What stands below the name of what made a file. */
  const MAKERS = {
    azure: 'Azure OpenAI',
    ingredient: 'Azure OpenAI, ingredient',
    other: 'not Azure OpenAI',
    claimed: 'by its own claim',
  };

  const SOURCE_TYPES = 'http://cv.iptc.org/newscodes/digitalsourcetype/';
  const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{DI}]|(?! )\p{Zs}/gu;
  const SHORT_ESCAPES = new Map([['\n', '\\n'], ['\r', '\\r'], ['\t', '\\t']]);
  const MAX_VALUE = 600;
  const MAX_CELL = 200;
  const MAX_ITEMS = 100;
  const MAX_REASONS = 8;
  const MAX_PRINTED = 2000;
  const MAX_HEIGHT = 15e6; // pixels: Firefox draws nothing below about 17 million
  const OVERSCAN = 8;
  const OPEN_CHUNKS = 64;
  const TYPING_MS = 80;
  const SETTLED_MS = 400;

  const byId = (id) => document.getElementById(id);
  const number = (value) => value.toLocaleString('en-US');

  // --- making elements ---------------------------------------------------------------------------

  /**
   * Make an element. Strings among the children become text.
   *
   * @param {string} tag
   * @param {Object<string, string|number>} attributes
   * @param {...(Node|string|null)} children null is left out
   */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  /** Give a character that is not seen, or that moves others, as an escape. */
  function escapeOf(character) {
    const short = SHORT_ESCAPES.get(character);
    return short ?? `\\u{${character.codePointAt(0).toString(16).toUpperCase()}}`;
  }

  /** Make hostile text safe where only text can stand, as in an attribute. */
  function escaped(text) {
    return text.replace(HIDDEN, escapeOf);
  }

  /** Shorten text in its middle, without halving a character. */
  function shortened(text, limit) {
    if (text.length <= limit) {
      return text;
    }
    const characters = Array.from(text.slice(0, 2 * limit));
    const tail = Array.from(text.slice(-limit)).slice(-Math.floor(limit / 3));
    return `${characters.slice(0, limit - tail.length).join('')}…${tail.join('')}`;
  }

  /**
   * Show hostile text: isolated, so that its direction moves nothing else, and with every character visible.
   *
   * @param {string} text
   * @param {number} limit most characters shown
   * @param {string} look classes
   */
  function shown(text, limit = MAX_VALUE, look = '') {
    const isolated = make('bdi', look ? { class: look } : {});
    const short = shortened(text, limit);
    let from = 0;
    for (const found of short.matchAll(HIDDEN)) {
      isolated.append(short.slice(from, found.index), make('span', { class: 'escape' }, escapeOf(found[0])));
      from = found.index + found[0].length;
    }
    isolated.append(short.slice(from));
    return isolated;
  }

  /** Show somebody else's text in quotes, so that it is seen where it begins and ends. */
  function quoted(text) {
    if (text === null || text === undefined) {
      return 'nothing';
    }
    const quote = make('span', {}, '“', shown(String(text)), '”');
    if (text.length > MAX_VALUE) {
      quote.append(` (shortened; ${number(text.length)} characters in all)`);
    }
    return quote;
  }

  /** Show a category or state: a sign, and the word. */
  function badge(id, word = id) {
    const category = CATEGORIES[RANKS.get(id)];
    return make(
      'span',
      { class: `badge of-${category.id}` },
      make('span', { class: 'sign', 'aria-hidden': 'true' }, category.sign),
      make('span', {}, word),
    );
  }

  /** Lay out pairs of a term and what is said of it; a pair without content is left out. */
  function facts(pairs) {
    const list = make('dl', { class: 'facts' });
    for (const [term, ...content] of pairs) {
      if (content.some((part) => part !== null)) {
        list.append(make('dt', {}, term), make('dd', {}, ...content));
      }
    }
    return list;
  }

  /** Lay out a list of which at most MAX_ITEMS entries are shown. */
  function listOf(items, look, entry) {
    const list = make('ul', { class: look }, ...items.slice(0, MAX_ITEMS).map(entry));
    if (items.length > MAX_ITEMS) {
      const more = number(items.length - MAX_ITEMS);
      list.append(make('li', {}, `… and ${more} more; the report as JSON shows all.`));
    }
    return list;
  }

  const count = (amount, one, many = `${one}s`) => `${number(amount)} ${amount === 1 ? one : many}`;

  // --- data --------------------------------------------------------------------------------------

  /** Read the JSON that an element holds. */
  function dataOf(element) {
    return JSON.parse(element.textContent);
  }

  /** Give the fields of a row their names; absent text is empty, so that it sorts and is searched. */
  function toRecord(row, index) {
    const [name, encoded, category, reasons, signer, vouched, signedAt, agent, maker, sha256, failing] = row;
    return {
      index,
      name,
      encoded,
      category,
      rank: RANKS.get(category),
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
  function readRecords() {
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
  class Attachments {
    constructor() {
      this.chunks = [...document.querySelectorAll('script.reports-data')];
      this.firsts = this.chunks.map((element) => Number(element.dataset.first));
      this.open = new Map();
    }

    /** Give what belongs to a record: `{ picture, report }`; the picture is base64 or null. */
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

  /** Show a picture in its place, or that there is none. */
  function pictureOf(picture) {
    if (picture === null) {
      return make('span', { class: 'no-thumbnail' });
    }
    return make('img', { class: 'thumbnail', alt: '', src: `data:image/webp;base64,${picture}` });
  }

  // --- choosing ----------------------------------------------------------------------------------

  /** What the reader asked for. */
  const choice = {
    query: '',
    categories: new Set(),
    reasons: new Set(),
    failing: false,
    key: 'name',
    descending: false,
  };

  const comparable = (text) => text.normalize('NFC').toLowerCase();

  /** Give the text that a record is searched in; made when it is first needed. */
  function haystackOf(record) {
    record.haystack ??= comparable(`${record.name}\n${record.signer}\n${record.agent}\n${record.sha256}`);
    return record.haystack;
  }

  /** Make a test for what the reader asked for; every word of the query has to be found. */
  function matcher() {
    const words = comparable(choice.query).split(/\s+/).filter(Boolean);
    const { categories, reasons, failing } = choice;
    return (record) =>
      (categories.size === 0 || categories.has(record.category)) &&
      (reasons.size === 0 || record.reasons.some((reason) => reasons.has(reason))) &&
      (!failing || record.failing) &&
      words.every((word) => haystackOf(record).includes(word));
  }

  /** Make an order: what has nothing in the column comes last either way, equals as they were walked. */
  function order() {
    const { key } = choice;
    const direction = choice.descending ? -1 : 1;
    return (one, other) => {
      const [a, b] = [one[key], other[key]];
      if (a === b) {
        return one.index - other.index;
      }
      if (a === '' || b === '') {
        return a === '' ? 1 : -1;
      }
      return a < b ? -direction : direction;
    };
  }

  const isFiltered = () =>
    choice.query.trim() !== '' || choice.categories.size > 0 || choice.reasons.size > 0 || choice.failing;

  // --- the list ----------------------------------------------------------------------------------

  /**
   * The list of files. Only the rows in view are in the page, and the one that has the focus; all stand at
   * their height, and tell their number.
   */
  class List {
    constructor(attachments, onOpen) {
      this.attachments = attachments;
      this.onOpen = onOpen;
      this.table = byId('list');
      this.body = byId('rows');
      this.view = [];
      this.rows = new Map();
      this.active = 0;
      this.height = 1;
      this.whole = false;
      this.lostFocus = false;
      this.listen();
    }

    listen() {
      let waiting = false;
      const soon = () => {
        if (!waiting) {
          waiting = true;
          requestAnimationFrame(() => {
            waiting = false;
            this.draw();
          });
        }
      };
      addEventListener('scroll', soon, { passive: true });
      addEventListener('resize', () => this.measure());
      this.body.addEventListener('click', (event) => this.onClick(event));
      this.body.addEventListener('keydown', (event) => this.onKey(event));
      this.body.addEventListener('focusin', (event) => this.activate(this.positionOf(event.target)));
    }

    /** Take the files to show, in order. The file that was active stays so where it is still among them. */
    show(view) {
      const record = this.view[this.active];
      this.view = view;
      this.active = Math.max(0, record === undefined ? 0 : view.indexOf(record));
      this.table.setAttribute('aria-rowcount', view.length + 1);
      this.clear();
      this.measure();
    }

    /** Learn how high a row is, which depends on the window and on the text size. */
    measure() {
      const probe = make('div', { class: 'row', 'aria-hidden': 'true' });
      this.body.append(probe);
      const height = probe.offsetHeight;
      probe.remove();
      if (height !== this.height) {
        this.height = height;
        this.clear();
      }
      this.body.style.height = `${this.reach * height}px`;
      this.draw();
    }

    /** How many files can be scrolled to. */
    get reach() {
      return Math.min(this.view.length, Math.floor(MAX_HEIGHT / this.height));
    }

    clear() {
      this.lostFocus ||= this.hasFocus;
      this.body.replaceChildren();
      this.rows.clear();
    }

    get hasFocus() {
      return this.body.contains(document.activeElement);
    }

    /** Put the rows that are in view into the page, and take the others out. */
    draw() {
      const [first, last] = this.range();
      const focused = this.hasFocus ? this.active : -1;
      for (const [position, row] of this.rows) {
        if ((position < first || position > last) && position !== focused) {
          row.remove();
          this.rows.delete(position);
        }
      }
      let next = this.body.firstElementChild;
      for (let position = first; position <= last; position += 1) {
        while (next !== null && this.positionOf(next) < position) {
          next = next.nextElementSibling;
        }
        if (!this.rows.has(position)) {
          this.body.insertBefore(this.rowAt(position), next);
        }
      }
      if (this.lostFocus) {
        this.lostFocus = false;
        this.go(this.active);
      }
    }

    range() {
      if (this.whole) {
        return [0, Math.min(this.view.length, MAX_PRINTED) - 1];
      }
      const above = -this.body.getBoundingClientRect().top;
      const first = Math.floor(above / this.height) - OVERSCAN;
      const last = Math.ceil((above + innerHeight) / this.height) + OVERSCAN;
      return [Math.max(0, first), Math.min(this.reach - 1, last)];
    }

    rowAt(position) {
      const record = this.view[position];
      const row = make(
        'div',
        { class: 'row', role: 'row', 'aria-rowindex': position + 2, 'data-position': position },
        ...this.cellsOf(record, position),
      );
      row.style.transform = `translateY(${position * this.height}px)`;
      this.rows.set(position, row);
      return row;
    }

    cellsOf(record, position) {
      const { picture } = this.attachments.of(record.index);
      const cell = (look, ...children) => make('div', { class: `cell ${look}`, role: 'cell' }, ...children);
      return [
        cell('picture', pictureOf(picture)),
        this.nameCell(record, position),
        cell('verdict-column', badge(record.category)),
        cell('by-column', ...signedBy(record)),
        cell('at-column', ...signedAt(record)),
        cell('made-column', ...madeBy(record)),
        cell('reasons-column', ...reasonsOf(record)),
      ];
    }

    nameCell(record, position) {
      const cut = record.name.lastIndexOf('/') + 1;
      const folder = record.encoded ? `${record.name.slice(0, cut)} (percent-encoded)` : record.name.slice(0, cut);
      const button = make(
        'button',
        {
          type: 'button',
          class: 'open',
          tabindex: position === this.active ? 0 : -1,
          'aria-haspopup': 'dialog',
        },
        shown(record.name.slice(cut), MAX_CELL, 'first'),
        shown(folder, MAX_CELL, 'second'),
      );
      const title = shortened(escaped(record.name), MAX_VALUE);
      return make('div', { class: 'cell name', role: 'rowheader', title }, button);
    }

    positionOf(element) {
      return Number(element.closest('.row').dataset.position);
    }

    buttonAt(position) {
      return this.rows.get(position)?.querySelector('.open');
    }

    /** Make a row the one that the tab key leads to. */
    activate(position) {
      this.buttonAt(this.active)?.setAttribute('tabindex', -1);
      this.active = position;
      this.buttonAt(position)?.setAttribute('tabindex', 0);
    }

    /** Go to a row: scroll it into view and focus it. */
    go(position) {
      const target = Math.max(0, Math.min(this.reach - 1, position));
      if (this.reach === 0) {
        return;
      }
      this.reveal(target);
      this.draw();
      this.activate(target);
      this.buttonAt(target).focus({ preventScroll: true });
    }

    reveal(position) {
      const top = this.body.getBoundingClientRect().top + position * this.height;
      const covered = byId('toolbar').offsetHeight + byId('columns').offsetHeight;
      if (top < covered) {
        scrollBy({ top: top - covered, behavior: 'instant' });
      } else if (top + this.height > innerHeight) {
        scrollBy({ top: top + this.height - innerHeight, behavior: 'instant' });
      }
    }

    onClick(event) {
      const row = event.target.closest('.row');
      // Who marks text to copy it does not ask for the details.
      if (row !== null && (getSelection().isCollapsed || event.target.closest('.open') !== null)) {
        const position = this.positionOf(row);
        this.onOpen(position);
      }
    }

    onKey(event) {
      const page = Math.max(1, Math.floor(innerHeight / this.height) - 3);
      const targets = {
        ArrowDown: this.active + 1,
        ArrowUp: this.active - 1,
        PageDown: this.active + page,
        PageUp: this.active - page,
        Home: 0,
        End: this.view.length - 1,
      };
      if (Object.hasOwn(targets, event.key) && !event.ctrlKey && !event.altKey && !event.metaKey) {
        event.preventDefault();
        this.go(targets[event.key]);
      }
    }

    /** For printing: have all rows in the page, up to a bound; or no longer. */
    setWhole(whole) {
      this.whole = whole;
      this.draw();
    }
  }

  function signedBy(record) {
    if (record.signer === '') {
      return [];
    }
    const look = record.vouched ? '' : 'claimed';
    const below = record.vouched ? null : make('span', { class: 'second' }, 'by its own claim');
    return [shown(record.signer, MAX_CELL, look), below];
  }

  function signedAt(record) {
    const [day, time] = plainTime(record.signedAt).split(' ');
    return day === '' ? [] : [make('span', {}, day), make('span', { class: 'second' }, time)];
  }

  function madeBy(record) {
    if (record.maker === null) {
      return [];
    }
    const look = record.maker === 'claimed' ? 'claimed' : '';
    const agent = record.agent === '' ? make('span', {}, 'no software agent') : shown(record.agent, MAX_CELL, look);
    return [agent, make('span', { class: 'second' }, MAKERS[record.maker])];
  }

  function reasonsOf({ reasons: [first, ...others] }) {
    return first === undefined
      ? []
      : [shown(first, MAX_CELL, 'mono'), others.length > 0 ? shown(others.join(', '), MAX_CELL, 'mono') : null];
  }

  /** Write a time of a report, which is UTC, as people read it, to the second. */
  function plainTime(time) {
    return time.slice(0, 19).replace('T', ' ');
  }

  // --- a report in words -------------------------------------------------------------------------

  const isFailed = (report, id) => report.findings.some((finding) => finding.check === id);

  /** Say what the credentials prove. */
  function stateInWords(report) {
    if (report.state === 'absent') {
      return 'absent: no Content Credentials';
    }
    return report.state === 'trusted' ? `trusted${reservation(report)}` : manifestInWords(report);
  }

  /** Say what one manifest proves. */
  function manifestInWords({ state, cause }) {
    return CAUSES.get(cause)?.state ?? state;
  }

  function reservation(report) {
    const { trailing_bytes: trailing, unbound_bytes: unbound } = report.asset;
    if (isFailed(report, 'trailing_bytes')) {
      return `, but what follows the image is not: ${count(trailing, 'byte')}`;
    }
    if (isFailed(report, 'unbound_bytes')) {
      return unbound === null
        ? ', but which bytes cannot be told'
        : `, but not all of it: ${count(unbound, 'byte')}`;
    }
    return report.accepted
      ? ': these are the bytes that a trusted signer signed'
      : ', but not what the policy demands';
  }

  /** Name who signed, as the signing certificate names itself. */
  function signerName(credential) {
    if (credential.chain.length === 0) {
      return 'nobody that can be read';
    }
    const { organization, common_name: common } = credential;
    if (organization === null || organization === common) {
      return quoted(common ?? credential.chain[0].subject);
    }
    return make('span', {}, quoted(organization), ' (', quoted(common), ')');
  }

  /** Tell whether the claim signature and all hashes hold, whoever signed. */
  function signatureHolds(report) {
    return report.checks.some(({ id, outcome }) => id === 'integrity' && outcome === 'pass');
  }

  /** Say what an edit was recorded on top of. */
  function belowInWords({ manifests, cause }) {
    if (cause !== 'edit_recorded') {
      return [null];
    }
    const parent = manifests[0].ingredients.find(({ relationship }) => relationship === 'parentOf');
    const below = manifests.find(({ label, path }) => path !== null && label === parent?.manifest);
    if (below === undefined) {
      return ['a manifest that cannot be read'];
    }
    const made = below.actions.filter((action) => action.action === 'c2pa.created');
    const claim = below.state === 'trusted' ? '' : ' by its own claim';
    const maker = made.length === 1 ? [', made by ', quoted(made[0].software_agent), claim] : [];
    return [manifestInWords(below), ', signed by ', signerName(below.credential), ...maker];
  }

  function signerInWords(report) {
    const { credential } = report;
    if (credential === null) {
      return [null];
    }
    if (!signatureHolds(report)) {
      return [signerName(credential), ' by its own claim, which does not hold'];
    }
    if (credential.anchor === null) {
      return [signerName(credential), ' by its own claim; no anchor vouches for it'];
    }
    return [signerName(credential), ', below ', shown(credential.anchor.name)];
  }

  function timeInWords(report) {
    const { credential } = report;
    if (credential === null || !signatureHolds(report)) {
      return [null];
    }
    if (credential.time_stamp === null) {
      return ['unknown: no time-stamp of a trusted authority'];
    }
    const { time, anchor } = credential.time_stamp;
    return [`${plainTime(time)} UTC, time-stamp below `, shown(anchor.name)];
  }

  /** Give the action that created the image; null if there is none, or more than one. */
  function creationOf(report) {
    const { origin } = report;
    if (origin.azure_openai_in !== null) {
      return origin;
    }
    const actions = report.manifests[0]?.active ? report.manifests[0].actions : [];
    const found = actions.filter((action) => action.action === 'c2pa.created');
    return found.length === 1 ? found[0] : null;
  }

  function makerInWords(report) {
    if (report.credential === null) {
      return [null];
    }
    const action = creationOf(report);
    if (action === null) {
      return ['not said: there is no single c2pa.created action'];
    }
    const agent = action.software_agent === null ? 'no software agent' : quoted(action.software_agent);
    if (report.state === 'invalid') {
      return [agent, ' by its own claim; invalid credentials prove nothing'];
    }
    if (report.state !== 'trusted') {
      return [agent, ' by its own claim; no trusted signer says so'];
    }
    if (report.origin.azure_openai_in === null) {
      return [agent, ' in the active manifest; not Azure OpenAI'];
    }
    const active = report.origin.azure_openai_in === 'active';
    return ['Azure OpenAI: ', agent, active ? ' in the active manifest' : ' in an ingredient, not in the active manifest'];
  }

  function descriptionInWords(report) {
    const { origin } = report;
    if (origin.azure_openai_in === null) {
      return [null];
    }
    const wording = origin.documented ? 'as documented' : 'as seen in genuine images, not as documented';
    return [origin.description === null ? 'no description' : quoted(origin.description), `, ${wording}`];
  }

  /** Say what can be done about a file that was not accepted. */
  function advice(report) {
    if (report.accepted) {
      return null;
    }
    if (report.state === 'absent') {
      return 'This says nothing about how the image was made. Copies often lose their credentials: ask for the file as it was first saved.';
    }
    if (report.state === 'valid' && isFailed(report, 'known_authority')) {
      return 'Anybody can sign in Microsoft’s name: see whether a newer version of this program knows the authority.';
    }
    if (CAUSES.has(report.cause)) {
      return CAUSES.get(report.cause).next;
    }
    if (isFailed(report, 'trailing_bytes') || isFailed(report, 'unbound_bytes')) {
      return 'Ask for the file as it was first saved: no Azure OpenAI image seen so far holds a byte that is not bound.';
    }
    return report.passes.length > 0
      ? `It passes under: ${escaped(report.passes.join(', '))}.`
      : 'It passes under no built-in policy.';
  }

  function remoteNote(report) {
    const place = report.asset.xmp_provenance;
    return report.state === 'absent' && place !== null
      ? ['XMP says that credentials are at ', quoted(place), ': removed, or remote. Nothing was fetched.']
      : [null];
  }

  /** Say what was tolerated; what holds for several manifests once. */
  function toleratedNotes({ tolerated }) {
    const manifestsBy = new Map();
    for (const { code, explanation, url } of tolerated) {
      const key = JSON.stringify([code, explanation]);
      manifestsBy.set(key, (manifestsBy.get(key) ?? new Set()).add(url));
    }
    return [...manifestsBy].slice(0, MAX_ITEMS).map(([key, { size }]) => {
      const [code, explanation] = JSON.parse(key);
      const where = size > 1 ? ` in ${number(size)} manifests` : '';
      const why = code.startsWith('signingCredential.')
        ? "the engine judges by today's date, and another one was asked for"
        : 'a known fault of the engine, not of the image';
      return ['Note', shown(code), ' (', quoted(explanation), `)${where} was tolerated: ${why}`];
    });
  }

  // --- details -----------------------------------------------------------------------------------

  const titled = (title, ...content) => make('section', {}, make('h3', {}, title), ...content);
  const sub = (title, ...content) => make('div', {}, make('h4', {}, title), ...content);
  const mono = (text) => shown(String(text), MAX_VALUE, 'mono');

  function verdictPart(record, report, picture) {
    const heading = make('h2', { id: 'details-title', tabindex: -1 }, shown(record.name, 4 * MAX_VALUE));
    const part = make(
      'div',
      {},
      heading,
      badge(record.category, `${record.category}: ${CATEGORIES[record.rank].meaning}`),
      facts([
        ['Name', record.encoded ? 'percent-encoded, because its bytes are not text' : null],
        ['Gate', record.failing ? 'counts as a failure' : null],
      ]),
    );
    return make('div', { class: 'verdict' }, make('div', {}, pictureOf(picture)), part);
  }

  function errorPart({ error }) {
    return titled(
      'Could not be judged',
      facts([
        ['Error', mono(error.type)],
        ['Message', shown(error.message)],
        ['Next', error.hint ? shown(error.hint) : null],
      ]),
    );
  }

  function profileOf({ joined, ...trust }) {
    const parts = joined?.length > 0 ? joined : [trust];
    return parts.map(({ name, version }) => (version ? `${name} ${version}` : name)).join(' + ');
  }

  function answerPart(report) {
    const { policy, trust } = report;
    const verdict = report.accepted ? 'accepted' : 'not accepted';
    const under = [
      `${verdict} under `, shown(policy.name), `, version ${policy.version}; trust profile `, shown(profileOf(trust)),
    ];
    return titled(
      'Verdict',
      facts([
        ['State', stateInWords(report)],
        ['Policy', ...under],
        ['Signed by', ...signerInWords(report)],
        ['Signed at', ...timeInWords(report)],
        ['Lies below', ...belowInWords(report)],
        ['Made by', ...makerInWords(report)],
        ['Described as', ...descriptionInWords(report)],
        ['Next', advice(report)],
        ['Note', ...remoteNote(report)],
        ...toleratedNotes(report),
      ]),
    );
  }

  function checkItem({ id, outcome, expected, actual }) {
    const words = { pass: '✓ passed', fail: '✕ failed', skipped: '– not reached' };
    const alternatives = expected.slice(0, MAX_ITEMS).flatMap((value, position) => [
      position === 0 ? null : make('span', { class: 'second' }, ' or '),
      shown(value.replaceAll(SOURCE_TYPES, '')),
    ]);
    const detail = outcome === 'skipped' ? null : facts([['Expected', ...alternatives], ['Found', quoted(actual)]]);
    const meaning = outcome === 'fail' ? make('span', { class: 'meaning' }, REASONS.get(id) ?? '') : null;
    return make(
      'li',
      { class: `check ${outcome}` },
      make('p', {}, make('span', { class: 'outcome' }, words[outcome]), mono(id), meaning),
      detail,
    );
  }

  function checksPart({ checks }) {
    const failed = checks.filter((check) => check.outcome === 'fail');
    const others = checks.filter((check) => check.outcome !== 'fail');
    const parts = [];
    if (failed.length > 0) {
      parts.push(titled(count(failed.length, 'failed check'), listOf(failed, 'checks', checkItem)));
    }
    if (others.length > 0) {
      const title = failed.length > 0 ? 'The other checks' : count(others.length, 'check');
      parts.push(folded(title, () => [listOf(others, 'checks', checkItem)]));
    }
    return parts;
  }

  function covering(report) {
    return isFailed(report, 'trailing_bytes') ? 'no signature covers' : 'a hash over the whole file covers';
  }

  function assetPart(report) {
    const { asset } = report;
    const size = asset.width && asset.height ? `${number(asset.width)} × ${number(asset.height)} pixels, ` : '';
    let trailing = 'not measured for this kind of file';
    if (asset.trailing_bytes !== null) {
      trailing = asset.trailing_bytes
        ? `${count(asset.trailing_bytes, 'byte')} after its end, which ${covering(report)}`
        : 'none';
    }
    return titled(
      'Image',
      facts([
        ['Kind', shown(asset.media_type), `, ${size}${count(asset.bytes, 'byte')}`],
        ['SHA-256', asset.sha256 === null ? null : mono(asset.sha256)],
        ['Trailing', trailing],
        ['Unbound', asset.unbound_bytes ? `${count(asset.unbound_bytes, 'byte')} that no hash covers` : null],
        ['XMP names', ...(asset.xmp_provenance === null ? [null] : [quoted(asset.xmp_provenance), '; never fetched'])],
      ]),
    );
  }

  function certificateItem(certificate) {
    const validity = `valid ${certificate.not_before.slice(0, 10)} to ${certificate.not_after.slice(0, 10)}, serial number `;
    return make(
      'li',
      {},
      make('div', {}, shown(certificate.subject)),
      make('div', { class: 'second' }, validity, mono(certificate.serial_number)),
      make('div', { class: 'second' }, 'SHA-256 ', mono(certificate.sha256)),
    );
  }

  function credentialPart(credential) {
    const { anchor, time_stamp: stamp } = credential;
    const pinOf = (pin) => [shown(pin.name), make('div', { class: 'second' }, 'SHA-256 ', mono(pin.sha256))];
    return [
      facts([
        ['Signed by', signerName(credential)],
        ['Anchor', ...(anchor === null ? ['none'] : pinOf(anchor))],
        ['Time-stamp', ...(stamp === null ? ['none that is trusted'] : [`${plainTime(stamp.time)} UTC, below `, ...pinOf(stamp.anchor)])],
      ]),
      credential.chain.length === 0
        ? null
        : sub('Certificate chain, signer first', listOf(credential.chain, 'chain', certificateItem)),
    ];
  }

  function actionItem(action) {
    const said = [
      ['by', action.software_agent],
      ['described as', action.description],
      ['at', action.when],
      ['digital source type', action.digital_source_type?.replace(SOURCE_TYPES, '') ?? null],
    ].filter(([, value]) => value !== null);
    return make('li', {}, mono(action.action), ...said.flatMap(([word, value]) => [`, ${word} `, quoted(value)]));
  }

  function statusItem(status) {
    return make(
      'li',
      {},
      make('div', {}, mono(status.code), ` by ${status.source}`),
      make('div', { class: 'second' }, shown(status.explanation)),
      make('div', { class: 'second' }, shown(status.url)),
    );
  }

  function ingredientItem(ingredient) {
    return make(
      'li',
      {},
      make('div', {}, quoted(ingredient.title), ', ', quoted(ingredient.relationship)),
      make('div', { class: 'second' }, ingredient.manifest === null ? 'without a manifest of its own' : mono(ingredient.manifest)),
      ingredient.recorded.length === 0 ? null : listOf(ingredient.recorded, 'statuses', statusItem),
    );
  }

  function manifestTitle(manifest) {
    if (manifest.state === null) {
      return [make('span', {}, 'Unreferenced manifest: it proves nothing')];
    }
    const colours = { trusted: 'accepted', valid: 'untrusted', invalid: 'invalid' };
    const kind = manifest.active ? 'Active manifest' : 'Manifest of an ingredient';
    return [make('span', {}, `${kind}: `), badge(colours[manifest.state] ?? 'absent', manifest.state)];
  }

  function manifestItem(manifest) {
    const { actions, assertions, ingredients, failures } = manifest;
    const some = (items, title, look, entry) => (items.length === 0 ? null : sub(title, listOf(items, look, entry)));
    return make(
      'div',
      { class: 'manifest' },
      make('h4', {}, ...manifestTitle(manifest)),
      facts([
        ['State', CAUSES.has(manifest.cause) ? manifestInWords(manifest) : null],
        ['Label', mono(manifest.label)],
        ['Title', manifest.title === null ? null : quoted(manifest.title)],
        ['Claim', `version ${manifest.claim_version ?? 'unknown'}, written by `, quoted(manifest.claim_generator)],
        ['Assertions', assertions.length === 0 ? null : mono(assertions.slice(0, MAX_ITEMS).join(', '))],
      ]),
      some(failures, 'What does not hold', 'statuses', statusItem),
      some(actions, 'Actions', 'actions', actionItem),
      some(ingredients, 'Ingredients', 'ingredients', ingredientItem),
      ...(manifest.credential === null ? [] : credentialPart(manifest.credential)),
    );
  }

  function manifestsPart({ manifests }) {
    if (manifests.length === 0) {
      return null;
    }
    const part = titled(count(manifests.length, 'manifest'), ...manifests.slice(0, MAX_ITEMS).map(manifestItem));
    if (manifests.length > MAX_ITEMS) {
      part.append(`… and ${number(manifests.length - MAX_ITEMS)} more; the report as JSON shows all.`);
    }
    return part;
  }

  /** Fold away what few will read; it is made when it is unfolded. */
  function folded(title, content) {
    const part = make('details', { class: 'folded' }, make('summary', {}, title));
    part.addEventListener('toggle', () => part.append(...content()), { once: true });
    return part;
  }

  function statusesPart(report) {
    const { failure, informational, success } = report.validation;
    const groups = [
      ['Failures', failure],
      ['Tolerated', report.tolerated],
      ['Informational', informational],
      ['Success', success],
    ].filter(([, statuses]) => statuses.length > 0);
    const amount = groups.reduce((sum, [, statuses]) => sum + statuses.length, 0);
    if (amount === 0) {
      return null;
    }
    return folded(count(amount, 'validation status code'), () =>
      groups.map(([title, statuses]) => sub(title, listOf(statuses, 'statuses', statusItem))));
  }

  /** Show the report itself; characters that are not seen stand as escapes of JSON. */
  function rawPart(report) {
    const inJson = (character) =>
      Array.from({ length: character.length }, (_, unit) => character.charCodeAt(unit))
        .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
        .join('');
    const isLayout = (character) => character === '\n';
    return folded('Report as JSON', () => {
      const text = JSON.stringify(report, null, 2);
      const safe = text.replace(HIDDEN, (character) => (isLayout(character) ? character : inJson(character)));
      return [make('pre', { class: 'raw', tabindex: 0, role: 'region', 'aria-label': 'Report as JSON' }, safe)];
    });
  }

  function detailsOf(record, { picture, report }) {
    const verdict = verdictPart(record, report, picture);
    const parts = report.error
      ? [verdict, errorPart(report), rawPart(report)]
      : [
          verdict,
          answerPart(report),
          ...checksPart(report),
          assetPart(report),
          manifestsPart(report),
          statusesPart(report),
          rawPart(report),
        ];
    return parts.filter((part) => part !== null);
  }

  /** The sheet with one file's details. */
  class Sheet {
    constructor(list, attachments, onChange) {
      this.list = list;
      this.attachments = attachments;
      this.onChange = onChange;
      this.dialog = byId('details');
      this.position = null;
      this.shownLast = null;
      byId('close').addEventListener('click', () => this.dialog.close());
      byId('previous').addEventListener('click', () => this.step(-1));
      byId('next').addEventListener('click', () => this.step(1));
      this.dialog.addEventListener('close', () => this.onClose());
      this.dialog.addEventListener('keydown', (event) => this.onKey(event));
      this.dialog.addEventListener('click', (event) => {
        if (event.target === this.dialog) { // what lies in it covers it: this was the backdrop
          this.dialog.close();
        }
      });
    }

    /** The record that is shown, or null. */
    get record() {
      return this.position === null ? null : this.list.view[this.position];
    }

    /** Show the file at a place of the list. */
    open(position) {
      this.position = position;
      this.list.activate(position);
      const { record } = this;
      this.shownLast = record;
      const { view } = this.list;
      const body = byId('details-body');
      body.replaceChildren(...detailsOf(record, this.attachments.of(record.index)));
      body.scrollTop = 0;
      byId('place').textContent = `${number(position + 1)} of ${number(view.length)}`;
      byId('previous').disabled = position === 0;
      byId('next').disabled = position === view.length - 1;
      if (!this.dialog.open) {
        this.dialog.showModal();
      }
      byId('details-title').focus();
      this.onChange();
    }

    step(by) {
      const position = this.position + by;
      if (position >= 0 && position < this.list.view.length) {
        this.open(position);
      }
    }

    onKey(event) {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by !== undefined && !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        this.step(by);
      }
    }

    onClose() {
      if (this.dialog.open) { // opened again before this was told
        return;
      }
      const position = this.list.view.indexOf(this.shownLast);
      this.position = null;
      byId('details-body').replaceChildren();
      // The browser has put the focus where it was before; and this is told a moment after it was closed, when
      // the reader may be elsewhere already.
      if (document.activeElement === document.body || this.list.hasFocus) {
        this.list.go(position < 0 ? this.list.active : position);
      }
      this.onChange();
    }
  }

  // --- the address -------------------------------------------------------------------------------

  /** Write what is chosen into the address, so that it can be kept and passed on. */
  function writeAddress(record) {
    const parts = new URLSearchParams();
    const set = (name, value) => value && parts.set(name, value);
    set('q', choice.query.trim());
    set('category', [...choice.categories].join(','));
    choice.reasons.forEach((reason) => parts.append('reason', reason));
    set('failing', choice.failing ? '1' : '');
    if (choice.key !== 'name' || choice.descending) {
      parts.set('sort', `${choice.descending ? '-' : ''}${choice.key}`);
    }
    set('file', record?.name);
    const hash = parts.toString();
    const wanted = hash === '' ? '' : `#${hash}`;
    if (wanted !== location.hash) {
      history.replaceState(null, '', wanted === '' ? location.pathname + location.search : wanted);
    }
  }

  /** Take what is chosen from the address; gives the name of the file to open, or null. */
  function readAddress() {
    const parts = new URLSearchParams(location.hash.slice(1));
    const sort = parts.get('sort') ?? 'name';
    const key = sort.replace(/^-/, '');
    choice.query = parts.get('q') ?? '';
    choice.categories = new Set((parts.get('category') ?? '').split(',').filter((id) => RANKS.has(id)));
    choice.reasons = new Set(parts.getAll('reason'));
    choice.failing = parts.get('failing') === '1';
    choice.key = SORTED.some((column) => column.key === key) ? key : 'name';
    choice.descending = sort.startsWith('-');
    return parts.get('file');
  }

  // --- what stands around the list ---------------------------------------------------------------

  function showHeading(heading, amount) {
    const digest = (text) => make('span', { class: 'digest mono' }, shown(text));
    const pairs = [
      ['Policy', shown(heading.policy), `, version ${heading.policy_version}`],
      ['Policy digest', digest(heading.policy_digest)],
      ['Trust profile', shown(heading.trust_versions)],
      ['Trust digest', digest(heading.trust_digest)],
      ['C2PA engine', shown(heading.engine)],
      ['Made with', 'azure-image-provenance ', shown(heading.tool_version)],
    ];
    for (const [term, ...content] of pairs) {
      byId('heading').append(make('div', {}, make('dt', {}, term), make('dd', {}, ...content)));
    }
    byId('files').textContent = count(amount, 'file');
    document.title = `Audit: ${count(amount, 'file')} under ${escaped(heading.policy)}`;
  }

  function showNotices(ending, amount) {
    const notice = (...content) => byId('notices').append(make('p', { class: 'notice' }, ...content));
    byId('loading').remove();
    if (ending.files !== amount) {
      notice(make('strong', {}, 'This page is damaged: '), `${number(ending.files)} files were written, ${number(amount)} are here.`);
    }
    if (!ending.complete) {
      notice(make('strong', {}, 'This audit is incomplete: '), 'it was interrupted before every file was reached. Nothing is known of the files that are missing here.');
    }
  }

  /** Count how often each value comes up, most frequent first. */
  function ranked(values) {
    const counts = new Map();
    for (const value of values) {
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  }

  /** Make a button that stays pressed. */
  function toggle(look, onPress, ...content) {
    const button = make('button', { type: 'button', class: look, 'aria-pressed': 'false' }, ...content);
    button.addEventListener('click', onPress);
    return button;
  }

  function flip(set, value) {
    if (!set.delete(value)) {
      set.add(value);
    }
  }

  function percent(part, whole) {
    const exact = whole === 0 ? 0 : (100 * part) / whole;
    if (part === 0 || part === whole) {
      return `${Math.round(exact)} %`;
    }
    return exact < 0.1 ? '< 0.1 %' : `${Math.min(exact, 99.9).toFixed(1)} %`;
  }

  /** Show how many files there are of each category; gives the buttons by category. */
  function showCategories(records, refresh) {
    const counts = new Map(ranked(records.map((record) => record.category)));
    const buttons = new Map();
    for (const { id, meaning } of CATEGORIES) {
      const amount = counts.get(id) ?? 0;
      const press = () => {
        flip(choice.categories, id);
        refresh();
      };
      const button = toggle(
        'category',
        press,
        make('span', { class: 'number' }, number(amount)),
        make('span', { class: 'part' }, percent(amount, records.length)),
        make('span', { class: 'label' }, badge(id)),
        make('span', { class: 'meaning' }, meaning),
      );
      buttons.set(id, button);
      byId('categories').append(button);
      if (amount > 0) {
        const share = make('span', { class: `bar-${id}` });
        share.style.flexGrow = amount;
        byId('share').append(share);
      }
    }
    return buttons;
  }

  /** Show why files were not accepted, most frequent reason first; gives the buttons by reason. */
  function showReasons(records, refresh) {
    const reasons = ranked(records.flatMap((record) => record.reasons));
    const buttons = new Map();
    const most = reasons[0]?.[1] ?? 1;
    for (const [position, [id, amount]] of reasons.entries()) {
      const bar = make('span', { class: 'bar', 'aria-hidden': 'true' });
      bar.style.width = `${(100 * amount) / most}%`;
      const press = () => {
        flip(choice.reasons, id);
        refresh();
      };
      const words = make('span', { class: 'meaning' }, REASONS.get(id) ?? '');
      const amounts = make('span', { class: 'number' }, number(amount));
      const button = toggle('reason', press, shown(id, MAX_CELL, 'id mono'), amounts, words, bar);
      buttons.set(id, button);
      const item = make('li', {}, button);
      item.hidden = position >= MAX_REASONS;
      byId('reasons').append(item);
    }
    byId('reasons-panel').hidden = reasons.length === 0;
    byId('reasons-panel').open = matchMedia('(min-width: 46rem)').matches;
    offerMore(reasons.length);
    return buttons;
  }

  function offerMore(amount) {
    const more = byId('more-reasons');
    more.hidden = amount <= MAX_REASONS;
    more.textContent = `Show all ${number(amount)}`;
    more.addEventListener('click', () => {
      const items = [...byId('reasons').children];
      items.forEach((item) => { item.hidden = false; });
      more.hidden = true;
      items[MAX_REASONS].firstElementChild.focus();
    });
  }

  function showSkipped(skipped) {
    if (skipped.length === 0) {
      return;
    }
    const entry = ([why, amount]) => make('li', {}, shown(why), make('span', {}, number(amount)));
    byId('skipped').append(make('h2', {}, 'Left out, not judged'), listOf(skipped, 'skipped', entry));
  }

  /** Offer to show what the gate counts as failures; gives the button, or null if there are none. */
  function showGate(records, refresh) {
    const failing = records.filter((record) => record.failing).length;
    if (failing === 0) {
      return null;
    }
    const press = () => {
      choice.failing = !choice.failing;
      refresh();
    };
    const button = toggle('gate', press, `${count(failing, 'file')} counted as failures by the gate`);
    byId('gate').append(button);
    return button;
  }

  /** Make the heads of the columns; gives each one by the key it sorts by. */
  function showColumns(sortBy) {
    const heads = new Map();
    const row = make('div', { role: 'row', 'aria-rowindex': 1 });
    for (const { id, title, key } of COLUMNS) {
      const head = make('div', { class: `column ${id}-column`, role: 'columnheader' });
      if (key === undefined) {
        head.append(make('span', { class: 'unseen' }, title));
      } else {
        const arrow = make('span', { class: 'arrow', 'aria-hidden': 'true' });
        const button = make('button', { type: 'button' }, `${title} `, arrow);
        button.addEventListener('click', () => sortBy(key));
        head.append(button);
        heads.set(key, head);
        byId('sort-key').append(make('option', { value: key }, `Sort: ${title}`));
      }
      row.append(head);
    }
    byId('columns').append(row);
    return heads;
  }

  // --- the page ----------------------------------------------------------------------------------

  /** The whole page: what is chosen, and all that follows it. */
  class Page {
    constructor() {
      this.records = readRecords();
      const ending = dataOf(byId('ending-data'));
      showNotices(ending, this.records.length);
      showHeading(dataOf(byId('heading-data')), this.records.length);
      const attachments = new Attachments();
      const refresh = () => this.refresh();
      this.list = new List(attachments, (position) => this.sheet.open(position));
      this.sheet = new Sheet(this.list, attachments, () => this.settle());
      this.categories = showCategories(this.records, refresh);
      this.reasons = showReasons(this.records, refresh);
      this.gate = showGate(this.records, refresh);
      this.heads = showColumns((key) => this.sortBy(key));
      showSkipped(ending.skipped);
      this.sorted = { key: null, descending: null, records: this.records };
      this.listen();
      byId('main').hidden = false;
      this.follow();
    }

    listen() {
      let typing = 0;
      byId('query').addEventListener('input', () => {
        clearTimeout(typing);
        typing = setTimeout(() => {
          choice.query = byId('query').value;
          this.refresh();
        }, TYPING_MS);
      });
      byId('query').addEventListener('keydown', (event) => this.onQueryKey(event));
      byId('clear').addEventListener('click', () => this.clear());
      byId('sort-key').addEventListener('change', () => this.sortBy(byId('sort-key').value));
      byId('sort-direction').addEventListener('click', () => this.sortBy(choice.key));
      byId('skip').addEventListener('click', (event) => {
        event.preventDefault();
        this.list.go(this.list.active);
      });
      document.addEventListener('keydown', (event) => this.onKey(event));
      addEventListener('hashchange', () => this.follow());
      addEventListener('beforeprint', () => this.print(true));
      addEventListener('afterprint', () => this.print(false));
    }

    onKey(event) {
      const typing = event.target.closest?.('input, select, textarea');
      if (event.key === '/' && !typing && !this.sheet.dialog.open && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        byId('query').focus();
        byId('query').select();
      }
    }

    onQueryKey(event) {
      if (event.key === 'ArrowDown' || event.key === 'Enter') {
        event.preventDefault();
        choice.query = byId('query').value;
        this.refresh();
        this.list.go(0);
      }
    }

    /** Sort by a column; by the same one again, the other way round. */
    sortBy(key) {
      choice.descending = choice.key === key && !choice.descending;
      choice.key = key;
      this.refresh();
    }

    clear() {
      choice.query = '';
      choice.categories.clear();
      choice.reasons.clear();
      choice.failing = false;
      byId('query').value = '';
      this.refresh();
      byId('query').focus();
    }

    /** Do as the address says. */
    follow() {
      const name = readAddress();
      byId('query').value = choice.query;
      if (this.sheet.dialog.open) {
        this.sheet.dialog.close();
      }
      this.refresh();
      const position = name === null ? -1 : this.list.view.findIndex((record) => record.name === name);
      if (position >= 0) {
        this.sheet.open(position);
      }
    }

    /** Show what is chosen. */
    refresh() {
      const view = this.inOrder().filter(matcher());
      this.list.show(view);
      this.mark();
      this.tell(view.length);
      this.keepInView();
      this.settle();
    }

    inOrder() {
      const { key, descending } = choice;
      if (this.sorted.key !== key || this.sorted.descending !== descending) {
        this.sorted = { key, descending, records: [...this.records].sort(order()) };
      }
      return this.sorted.records;
    }

    /** Where the list was scrolled far down and is short now, go back to its beginning. */
    keepInView() {
      const top = this.list.body.getBoundingClientRect().top;
      const covered = byId('toolbar').offsetHeight + byId('columns').offsetHeight;
      if (top < covered) {
        scrollBy({ top: top - covered, behavior: 'instant' });
        this.list.draw();
      }
    }

    /** Mark what is chosen on the buttons and the columns. */
    mark() {
      for (const [id, button] of this.categories) {
        button.setAttribute('aria-pressed', choice.categories.has(id));
      }
      for (const [id, button] of this.reasons) {
        button.setAttribute('aria-pressed', choice.reasons.has(id));
      }
      this.gate?.setAttribute('aria-pressed', choice.failing);
      for (const [key, head] of this.heads) {
        const isSorted = key === choice.key;
        const direction = choice.descending ? 'descending' : 'ascending';
        head.setAttribute('aria-sort', isSorted ? direction : 'none');
        head.querySelector('.arrow').textContent = isSorted ? (choice.descending ? '▼' : '▲') : '';
      }
      byId('sort-key').value = choice.key;
      byId('clear').hidden = !isFiltered();
    }

    /** Say how many files are shown; aloud once nothing has changed for a moment. */
    tell(amount) {
      const all = this.records.length;
      const words = amount === all ? count(all, 'file') : `${number(amount)} of ${count(all, 'file')}`;
      byId('count').textContent = words;
      byId('nothing').hidden = amount > 0;
      byId('nothing').textContent = all === 0 ? 'No files were audited.' : 'No file matches.';
      const { reach } = this.list;
      byId('rest').hidden = reach >= amount;
      byId('rest').textContent = `The list ends after ${number(reach)} files: search or filter to see the others.`;
      clearTimeout(this.telling);
      const column = SORTED.find(({ key }) => key === choice.key).title;
      const direction = choice.descending ? 'descending' : 'ascending';
      this.telling = setTimeout(() => {
        byId('status').textContent = `${words} shown, sorted by ${column}, ${direction}`;
      }, SETTLED_MS);
    }

    /** Have on paper what is chosen, or as much of it as a browser prints with ease. */
    print(begins) {
      const amount = this.list.view.length;
      const panel = byId('reasons-panel');
      this.unfolded = begins ? panel.open : this.unfolded;
      panel.open = begins || this.unfolded;
      this.list.setWhole(begins);
      this.tell(amount);
      if (begins && amount > MAX_PRINTED) {
        byId('rest').hidden = false;
        byId('rest').textContent = `Only the first ${number(MAX_PRINTED)} files are printed: search or filter for the others.`;
      }
    }

    /** Keep the address true, once nothing has changed for a moment: browsers bound how often it may change. */
    settle() {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => writeAddress(this.sheet.record), SETTLED_MS);
    }
  }

  new Page();
})();
