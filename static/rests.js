/**
 * How long a rung that failed is left alone: longer each time it fails again.  Pure; times are of any steady clock.
 */

/** The first rest of a rung that failed; it doubles each time. */
export const FIRST_REST_MS = 5000;
/** The longest rest, in the first minutes and afterwards: a network that changes is seen within a minute. */
export const LONGEST_REST_MS = 45_000;
/** A link that carries too little will not carry more a moment later. */
export const LOSS_REST_MS = 30_000;

const MOST_DOUBLINGS = 8;

export class Rests {
  /** @type {Map<string, {failures: number, untilMs: number}>} */
  #rests = new Map();

  /**
   * @param {string} rung that failed
   * @param {number} nowMs
   * @param {number} [leastMs]
   */
  begin(rung, nowMs, leastMs = FIRST_REST_MS) {
    const failures = this.#rests.get(rung)?.failures ?? 0;
    const growingMs = FIRST_REST_MS * 2 ** Math.min(failures, MOST_DOUBLINGS);
    const restMs = Math.min(LONGEST_REST_MS, Math.max(leastMs, growingMs));
    this.#rests.set(rung, { failures: failures + 1, untilMs: nowMs + restMs });
  }

  /** @param {string} rung that needs no rest any more: its next one is a first one again */
  forget(rung) {
    this.#rests.delete(rung);
  }

  forgetAll() {
    this.#rests.clear();
  }

  /**
   * @param {string} rung
   * @returns {number | null} when its rest ends, or ended; null if it has not failed
   */
  untilMs(rung) {
    return this.#rests.get(rung)?.untilMs ?? null;
  }
}
