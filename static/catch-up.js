/**
 * Tells whether a joining viewer is still fast-forwarding through the GOP it was sent.  Pure.
 *
 * While a burst plays, pictures advance faster than the wall clock, so each is less late than the one before.
 * That needs no clock in common with the camera.
 */

const WINDOW_MS = 150;
const GAINING_MS = 40;
const OPENING_MS = 2000;
const LATE_MS = 100;

export class CatchUp {
  /** @type {{atMs: number, lagMs: number}[]} */
  #recent = [];
  /** @type {number | null} */
  #firstAtMs = null;
  #catchingUp = false;
  #bestLagMs = Infinity;
  #settled = false;

  get catchingUp() {
    return this.#catchingUp;
  }

  /**
   * One picture was shown.
   *
   * @param {number} atMs when, on any steady clock
   * @param {number} mediaMs its media time
   * @returns {boolean} whether the viewer is catching up
   */
  add(atMs, mediaMs) {
    if (this.#settled) return false;
    this.#firstAtMs ??= atMs;
    const lagMs = atMs - mediaMs;
    this.#recent.push({ atMs, lagMs });
    while (this.#recent.length > 2 && this.#recent[1].atMs <= atMs - WINDOW_MS) this.#recent.shift();
    const gainedMs = this.#recent[0].lagMs - lagMs;
    this.#bestLagMs = Math.min(this.#bestLagMs, lagMs);
    this.#catchingUp = gainedMs > GAINING_MS || (this.#catchingUp && lagMs > this.#bestLagMs + LATE_MS);
    if (!this.#catchingUp && atMs - this.#firstAtMs > OPENING_MS) this.#settle();
    return this.#catchingUp;
  }

  #settle() {
    this.#settled = true;
    this.#recent = [];
  }
}
