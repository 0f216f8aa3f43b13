/**
 * When a rung that has its first pictures may take the place of one that plays: once they come regularly and are of now.
 * Pure; times are of any steady clock.
 *
 * Its first pictures are those of a burst, or of a connection that is still finding its pace: whoever went over to them
 * at once would see them falter, and the ones before are gone by then.
 */

/** For so long they have come regularly. */
const SETTLES_MS = 250;
/** A picture that is waited for longer than this does not come regularly. */
const APART_MS = 150;
/** After that they are as good as they will get: some cameras send few pictures. */
const SETTLES_AT_MOST_MS = 1750;

export class Settling {
  #apartMs;
  #begunAt;
  #steadyFrom;
  #lastAt;

  /**
   * @param {number} nowMs when the first picture came
   * @param {{regularly: boolean}} how whether what plays is worth waiting until they come so
   */
  constructor(nowMs, { regularly }) {
    this.#apartMs = regularly ? APART_MS : Infinity;
    this.#begunAt = nowMs;
    this.#steadyFrom = nowMs;
    this.#lastAt = nowMs;
  }

  /**
   * Another picture came.
   *
   * @param {number} nowMs
   * @param {{catchingUp: boolean}} how whether they still fast-forward to the present
   * @returns {boolean} whether it may be the first that is seen
   */
  picture(nowMs, { catchingUp }) {
    if (catchingUp || nowMs - this.#lastAt > this.#apartMs) this.#steadyFrom = nowMs;
    this.#lastAt = nowMs;
    return nowMs - this.#steadyFrom >= SETTLES_MS || nowMs - this.#begunAt >= SETTLES_AT_MOST_MS;
  }
}
