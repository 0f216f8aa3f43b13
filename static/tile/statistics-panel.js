/** The statistics overlay of one tile: numbers, a minute of latency, what was tried, and all of it as text. */

import { element, setText, wear } from '../dom.js';
import { drawSparkline } from './sparkline.js';
import { statisticsSheet } from './statistics-look.js';
import { asText, historyLines, lines } from './statistics-text.js';

/** @typedef {import('../stats.js').Statistics} Statistics */

const REFRESH_MS = 1000;
const COPIED_FOR_MS = 2000;
const RUNS_SHOWN = 6;
/** Where there is room for a tile's width and no more. */
const ON_A_PHONE = '(max-width: 30rem), (max-height: 30rem)';

/**
 * @param {string} text
 * @param {HTMLElement} near where a selection may be made: the clipboard API needs a secure page, and a LAN is none
 * @returns {Promise<boolean>}
 */
async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = element('textarea', { readonly: '', class: 'spoken' });
    field.value = text;
    near.append(field);
    field.select();
    const copied = document.execCommand('copy');
    field.remove();
    return copied;
  }
}

export class StatisticsPanel {
  #read;
  #root;
  #canvas = element('canvas', { role: 'img', 'aria-label': 'Latency over the last minute' });
  #list = element('dl');
  #history = element('ol');
  #copy = element('button', { type: 'button' }, 'Copy as text');
  #close = element('button', { type: 'button' }, 'Close');
  /** @type {Map<string, HTMLElement>} */
  #values = new Map();
  #timer;

  /**
   * @param {string} title
   * @param {() => void} closed by its own button
   * @param {() => {statistics: Statistics, latencies: readonly (number | null)[]}} read
   */
  constructor(title, closed, read) {
    this.#read = read;
    this.#root = element(
      'section',
      { class: 'statistics', 'aria-label': `Statistics of ${title}`, tabindex: '0' },
      element('header', {}, element('h2', {}, title), this.#copy, this.#close),
      this.#canvas,
      this.#list,
      element('h3', {}, 'What was tried'),
      this.#history,
    );
    this.#copy.addEventListener('click', () => void this.#copyAll());
    this.#close.addEventListener('click', closed);
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MS);
  }

  /** @param {Node} place in a shadow tree */
  show(place) {
    place.appendChild(this.#root);
    wear(place, statisticsSheet);
    if (matchMedia(ON_A_PHONE).matches && 'showPopover' in this.#root) {
      this.#root.popover = 'manual';
      this.#root.showPopover();
    }
    this.#refresh();
  }

  close() {
    clearInterval(this.#timer);
    this.#root.remove();
  }

  #refresh() {
    const { statistics, latencies } = this.#read();
    for (const [label, value] of lines(statistics)) setText(this.#valueOf(label), value);
    const history = historyLines(statistics, RUNS_SHOWN);
    if (this.#history.childElementCount !== history.length) {
      this.#history.replaceChildren(...history.map(() => element('li')));
    }
    history.forEach((line, index) => setText(this.#history.children[index], line));
    const style = getComputedStyle(this.#root);
    drawSparkline(this.#canvas, latencies, {
      line: style.getPropertyValue('--accent'),
      base: style.getPropertyValue('--quiet'),
    });
  }

  /** @param {string} label */
  #valueOf(label) {
    let value = this.#values.get(label);
    if (!value) {
      value = element('dd');
      this.#values.set(label, value);
      this.#list.append(element('dt', {}, label), value);
    }
    return value;
  }

  async #copyAll() {
    const text = asText(this.#read().statistics, { at: new Date(), browser: navigator.userAgent });
    const copied = await copyText(text, this.#root);
    setText(this.#copy, copied ? 'Copied' : 'Your browser won’t copy');
    setTimeout(() => setText(this.#copy, 'Copy as text'), COPIED_FOR_MS);
  }
}
