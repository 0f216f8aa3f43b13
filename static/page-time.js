/**
 * A clock that stands still while this page is too busy to do anything, so that a slow page is not taken for a bad network.
 *
 * What keeps a page from running its timers keeps it from hearing answers, too.  Runs like any other clock while nobody
 * needs it.
 */

import { nowMs } from './now.js';

const TICK_MS = 100;
/** Timers are late by that much on a page that has time. */
const USUAL_MS = 25;

export class PageTime {
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  #tickedAt = 0;
  #lostMs = 0;

  /** @param {boolean} isOn whether to look how busy the page is */
  set isOn(isOn) {
    if (isOn === (this.#ticker !== undefined)) return;
    if (isOn) {
      this.#tickedAt = nowMs();
      this.#ticker = setInterval(() => this.#tick(), TICK_MS);
      return;
    }
    this.#tick();
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  }

  /** @returns {number} milliseconds; only their differences mean anything */
  get nowMs() {
    const now = nowMs();
    return (this.#ticker === undefined ? now : Math.min(now, this.#dueAt)) - this.#lostMs;
  }

  /**
   * Like `setTimeout`, but by this clock.
   *
   * @param {() => void} act
   * @param {number} withinMs
   * @param {AbortSignal} signal takes it back
   */
  after(act, withinMs, signal) {
    if (signal.aborted) return;
    const dueAt = this.nowMs + withinMs;
    const over = new AbortController();
    const timer = setTimeout(() => {
      over.abort();
      const leftMs = dueAt - this.nowMs;
      if (leftMs > 0) this.after(act, leftMs, signal);
      else act();
    }, withinMs);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true, signal: over.signal });
  }

  get #dueAt() {
    return this.#tickedAt + TICK_MS + USUAL_MS;
  }

  #tick() {
    const now = nowMs();
    this.#lostMs += Math.max(0, now - this.#dueAt);
    this.#tickedAt = now;
  }
}

/** Of this page, for all its players. */
export const pageTime = new PageTime();
