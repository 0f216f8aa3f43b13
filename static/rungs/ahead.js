/** Fetches the modules of rungs that may come next: when they are needed, the network may be too bad to. */

import { isLoaded, loadRung } from './maker.js';

const FIRST_AFTER_MS = 150;
const MORE_AFTER_MS = 2000;

export class LoadingAhead {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * One after the other, until `stop`.
   *
   * @param {() => readonly string[]} rungs in the order of need
   */
  start(rungs) {
    this.#plan(rungs, FIRST_AFTER_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * @param {() => readonly string[]} rungs
   * @param {number} afterMs
   */
  #plan(rungs, afterMs) {
    clearTimeout(this.#timer);
    const timer = setTimeout(() => void this.#load(rungs, timer), afterMs);
    this.#timer = timer;
  }

  /**
   * @param {() => readonly string[]} rungs
   * @param {ReturnType<typeof setTimeout>} timer that fired
   */
  async #load(rungs, timer) {
    const next = rungs().find((rung) => !isLoaded(rung));
    if (next === undefined) return;
    try {
      await loadRung(next);
    } catch {
      // Tried again when it is needed.
      return;
    }
    if (timer === this.#timer) this.#plan(rungs, MORE_AFTER_MS);
  }
}
