/** What a tile shows besides the picture: its name, the mark in the corner, the words, the progress line. */

import { element, setText } from '../dom.js';
import { lateness, timeOfDay } from '../phrases.js';

/**
 * @typedef {import('../types.js').Words} Words
 * @typedef {import('../types.js').Metrics} Metrics
 *
 * @typedef {object} Deeds what the words may offer to do
 * @property {() => void} retry
 * @property {(path: string) => string} resolve a path of the gateway to its URL
 */

export class Face {
  #root;
  #deeds;
  #title = element('p', { class: 'title' });
  #detail = element('p', { class: 'detail' });
  #words = element('div', { class: 'words' }, this.#title, this.#detail);
  #bar = element('div');
  #progress = element('div', { class: 'progress', hidden: '' }, this.#bar);
  #mark = element('p', { class: 'plate mark', hidden: '' });
  #label = element('b');
  #aside = element('span');
  #name = element('p', { class: 'plate name' }, this.#label, this.#aside);
  /** @type {HTMLElement | null} */
  #action = null;

  /**
   * @param {HTMLElement} root carries `data-picture` for the style
   * @param {Deeds} deeds
   */
  constructor(root, deeds) {
    this.#root = root;
    this.#deeds = deeds;
  }

  /** @returns {HTMLElement[]} in the order they are stacked */
  get elements() {
    return [this.#words, this.#progress, this.#name, this.#mark];
  }

  /** @param {string} name */
  set name(name) {
    setText(this.#label, name);
  }

  /**
   * @param {Words} words
   * @param {number} progress 0 to 1
   */
  draw(words, progress) {
    this.#root.dataset.picture = words.picture;
    setText(this.#title, words.title);
    setText(this.#detail, words.title ? words.detail : '');
    this.#words.hidden = !words.title;
    setText(this.#mark, words.mark);
    this.#mark.hidden = !words.mark;
    this.#mark.classList.toggle('alert', words.needsPerson);
    // Where there is no sentence, the mark explains itself under the pointer.
    this.#mark.classList.toggle('hint', Boolean(words.detail) && !words.title);
    this.#mark.title = words.title ? '' : words.detail;
    this.#progress.hidden = !words.waiting;
    this.#bar.style.transform = `scaleX(${progress})`;
    this.#drawAction(words);
  }

  /**
   * Beside the name: how old the picture is when it is old, how late it is when a demo camera lets us measure that.
   *
   * @param {number} nowMs
   * @param {number | null} lastPictureAt
   * @param {Pick<Metrics, 'latencyMs' | 'latencySource'>} metrics
   */
  drawAside(nowMs, lastPictureAt, { latencyMs, latencySource }) {
    let text = '';
    if (this.#root.dataset.picture !== 'clear') {
      if (lastPictureAt !== null) text = `picture of ${timeOfDay(lastPictureAt, nowMs, { seconds: true })}`;
    } else if (latencySource === 'picture' && latencyMs !== null) text = lateness(latencyMs);
    setText(this.#aside, text);
  }

  /** @param {Words} words */
  #drawAction({ action }) {
    if ((this.#action?.dataset.action ?? null) === action) return;
    this.#action?.remove();
    this.#action = null;
    if (action === null) return;
    if (action === 'retry') {
      this.#action = element('button', { class: 'action', type: 'button' }, 'Try again now');
      this.#action.addEventListener('click', () => this.#deeds.retry());
    } else {
      const [path, text] = action === 'sign-in' ? ['login', 'Sign in'] : ['.', 'All cameras'];
      this.#action = element('a', { class: 'action', href: this.#deeds.resolve(path) }, text);
    }
    this.#action.dataset.action = action;
    this.#words.append(this.#action);
  }
}
