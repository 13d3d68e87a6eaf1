/**
 * One image on the page: its card, from waiting over sending to a verdict or the reason why there is none.
 *
 * What comes of an image that could not be judged is never called rejected.
 */

import { details, summary } from './report.js';
import { element, icon, shown, terms } from './shared/text.js';
import { bytes } from './size.js';

const MAX_WORDS = 600;
const MAX_PREVIEW_BYTES = 64 * 1024 * 1024;

const EXPLANATIONS = {
  403: 'The key may not do this. Use another one, or ask those who run this service.',
  404: 'The service keeps no report on this image, or not any longer: choose the file again.',
};

let made = 0;

/**
 * The card of one image.
 *
 * @property element What to put into the page.
 * @property name What the image is called, as text that may be hostile.
 */
export class Card {
  /**
   * @param name What the image is called.
   * @param file The image, or null where only a report is asked for.
   * @param remove Called when the card is to go.
   */
  constructor(name, file, remove) {
    made += 1;
    this.name = name;
    this.title = element('h3', { id: `result-${made}`, tabindex: '-1' }, shown(name));
    this.body = element('div', { class: 'body' });
    this.more = element('div', { class: 'more' });
    this.buttons = element('span', {});
    this.element = element(
      'article',
      { class: 'card', 'aria-labelledby': this.title.id },
      element(
        'div',
        { class: 'summary' },
        preview(name, file),
        element('div', { class: 'said' }, this.title, this.body),
      ),
      this.more,
      element('p', { class: 'actions' }, this.buttons, this.button('Remove', remove)),
    );
  }

  /**
   * Move to the card, so that what comes next is read from there.
   */
  focus() {
    this.title.focus();
  }

  /**
   * Say that the image has not been sent yet, and why.
   */
  waiting(words) {
    this.#draw(
      'waiting',
      [element('p', { class: 'verdict' }, icon('waiting'), element('span', {}, words))],
      [],
      [],
    );
  }

  /**
   * Show how much has been sent.
   *
   * @param words What is going on before anything is sent.
   * @param cancel Called when it is to stop.
   * @returns A function that takes the bytes sent and their total.
   */
  sending(words, cancel) {
    const said = element('span', {}, words);
    const bar = element('progress', { 'aria-label': 'Progress' });
    const status = element('p', { class: 'verdict' }, icon('waiting'), said);
    this.#draw('sending', [status, bar], [], [this.button('Cancel', cancel)]);
    return (sent, total) => {
      const share = total > 0 ? sent / total : 1;
      said.textContent = share < 1 ? `Sending: ${Math.floor(share * 100)} % of ${bytes(total)}` : 'Judging…';
      if (share < 1) bar.value = share;
      else bar.removeAttribute('value');
    };
  }

  /**
   * Show a verdict.
   *
   * @param report The report.
   * @param source How the image came here.
   * @param offered Names of the policies that may be chosen; null if they are not known.
   * @param remark What else there is to say about the report; may be empty.
   * @param unfolded Whether the checks are unfolded at once.
   * @param again Called when the image is to be judged anew; null where that cannot be.
   */
  verdict(report, { source, offered, remark, unfolded, again }) {
    const said = [...summary(report, source, offered), element('p', { class: 'small' }, remark)];
    const buttons = again === null ? [] : [this.button('Check again', again)];
    this.#draw(report.accepted ? 'accepted' : 'rejected', said, details(report, unfolded), buttons);
    this.element.dataset.state = report.state;
  }

  /**
   * Show why there is no verdict.
   *
   * @param refusal Why; a `Refusal`.
   * @param retry Called when it is to be tried again; null where that cannot help.
   * @param useKey Called when another key is to be used.
   * @param explanation What it means for this image; null where its status says enough.
   */
  refused(refusal, { retry, useKey, explanation: special = null }) {
    const { status, message, detail, hint, request, wait } = refusal;
    const usual = EXPLANATIONS[status] ?? (status >= 429 ? 'That says nothing about the image.' : '');
    const explanation = special ?? usual;
    const said = [
      element('p', { class: 'verdict' }, icon('error'), element('strong', {}, 'Not judged')),
      element('p', { class: 'state' }, shown(message)),
      detail === '' || detail === message ? null : element('p', {}, shown(detail, MAX_WORDS)),
      explanation === '' ? null : element('p', {}, explanation),
      hint === ''
        ? null
        : element('p', { class: 'advice' }, element('strong', {}, 'Next: '), shown(hint, MAX_WORDS)),
      terms(
        [
          ['Status', status === 0 ? null : String(status)],
          ['Request', request === '' ? null : shown(request)],
        ],
        { class: 'facts small' },
      ),
    ];
    const buttons = [];
    if (retry !== null) buttons.push(this.#retry(retry, wait));
    if (status === 403) buttons.push(this.button('Use another key…', useKey));
    this.#draw('refused', said, [], buttons);
  }

  /**
   * Make a button.
   */
  button(words, press) {
    const one = element('button', { type: 'button' }, words);
    one.addEventListener('click', () => press());
    return one;
  }

  // It can be reached while it counts down, so that those who do not see it learn what it waits for.
  #retry(retry, wait) {
    const until = Date.now() + (wait ?? 0) * 1000;
    const left = () => Math.ceil((until - Date.now()) / 1000);
    const one = this.button('Try again', () => {
      if (left() <= 0) retry();
    });
    const count = () => {
      const seconds = left();
      one.setAttribute('aria-disabled', String(seconds > 0));
      one.textContent = seconds > 0 ? `Try again in ${seconds} s` : 'Try again';
      if (seconds > 0) setTimeout(count, 250);
    };
    count();
    return one;
  }

  #draw(phase, said, more, buttons) {
    this.element.dataset.phase = phase;
    delete this.element.dataset.state;
    this.element.setAttribute('aria-busy', String(phase === 'sending'));
    this.body.replaceChildren(...said.filter((part) => part !== null));
    this.more.replaceChildren(...more);
    this.buttons.replaceChildren(...buttons);
  }
}

// Drawn from the bytes in this browser; a picture it cannot draw is no news about the image.
function preview(name, file) {
  const figure = element('div', { class: 'preview' });
  if (file === null || file.size > MAX_PREVIEW_BYTES) {
    figure.append(element('span', {}, 'no preview'));
    return figure;
  }
  const url = URL.createObjectURL(file);
  const image = element('img', { src: url, alt: '' });
  image.addEventListener('load', () => URL.revokeObjectURL(url));
  image.addEventListener('error', () => {
    URL.revokeObjectURL(url);
    figure.replaceChildren(element('span', {}, 'no preview'));
  });
  figure.append(image);
  return figure;
}
