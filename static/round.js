/**
 * One round through the rungs while nothing is to be seen: who joins in next, and when the next round begins.  Pure; times
 * are of any steady clock.
 */

/** How long a rung tries alone before the next joins in. */
export const WARM_AFTER_MS = 400;
/** The same where a first picture takes longer by nature. */
const WARM_AFTER = Object.freeze(/** @type {Record<string, number>} */ ({ 'll-hls': 2000, hls: 4000 }));
/** A rung that is connected has this much longer: where all is slow, more tries make it slower. */
export const NEAR_MS = 1000;
/** Between rounds in which nothing worked. */
const REST_MS = Object.freeze([500, 1000, 2000, 4000, 8000, 15_000]);

export class Round {
  /** @type {string[]} what this round has still to try */
  #waiting = [];
  /** @type {number | null} when the next of them starts */
  #nextAt = null;
  /** @type {number | null} when the next round begins */
  #againAt = null;
  #failed = 0;

  /** @returns {number} rounds in a row in which nothing worked */
  get failed() {
    return this.#failed;
  }

  /** @returns {boolean} whether somebody is still to be tried in this round */
  get hasMore() {
    return this.#waiting.length > 0;
  }

  /** @returns {boolean} whether somebody is to be tried, in this round or in another */
  get isOn() {
    return this.hasMore || this.#againAt !== null;
  }

  /** @returns {number | null} when the next rung joins in, of one player alone; null if none does */
  get nextAtMs() {
    return this.#nextAt;
  }

  /** @returns {number | null} when the next round begins; null if nothing was lost */
  get againAtMs() {
    return this.#againAt;
  }

  /** @param {readonly string[]} rungs to try in this round, in their order */
  begin(rungs) {
    this.#waiting = [...rungs];
    this.#againAt = null;
  }

  /**
   * @param {number} nowMs
   * @param {(rung: string) => boolean} isTried those that are tried already are passed over
   * @returns {string | null} whom to start now; null if nobody is left
   */
  next(nowMs, isTried) {
    const rung = this.#waiting.find((candidate) => !isTried(candidate)) ?? null;
    this.#waiting = this.#waiting.filter((candidate) => candidate !== rung && !isTried(candidate));
    this.#nextAt = rung !== null && this.hasMore ? nowMs + (WARM_AFTER[rung] ?? WARM_AFTER_MS) : null;
    return rung;
  }

  /**
   * Others are to be tried than was thought, while some are.
   *
   * @param {number} nowMs
   * @param {readonly string[]} rungs of the new plan, in its order
   * @param {(rung: string) => boolean} isNew
   */
  revise(nowMs, rungs, isNew) {
    const left = new Set(this.#waiting);
    this.#waiting = rungs.filter((rung) => left.has(rung) || isNew(rung));
    this.#nextAt = this.hasMore ? (this.#nextAt ?? nowMs + WARM_AFTER_MS) : null;
  }

  /** @param {string} rung is not to be tried */
  drop(rung) {
    this.#waiting = this.#waiting.filter((waiting) => waiting !== rung);
  }

  /** Somebody is connected: the next may not be needed. @param {number} nowMs */
  putOff(nowMs) {
    if (this.#nextAt !== null) this.#nextAt = Math.max(this.#nextAt, nowMs + NEAR_MS);
  }

  /** The next need not wait. @param {number} nowMs */
  hasten(nowMs) {
    if (this.#nextAt !== null) this.#nextAt = nowMs;
  }

  /** Nobody is left and nothing worked: all are tried again, later each time. @param {number} nowMs */
  lose(nowMs) {
    this.#againAt = nowMs + REST_MS[Math.min(this.#failed, REST_MS.length - 1)];
    this.#failed += 1;
  }

  /** Nobody else is to be tried. */
  end() {
    this.#waiting = [];
    this.#nextAt = null;
    this.#againAt = null;
  }

  /** Something worked. */
  forgive() {
    this.#failed = 0;
  }
}
