/**
 * When a connection that played has lost its network: when to restart ICE, and when to give it up.  Pure.
 *
 * Short losses heal by themselves: the browser keeps checking the path it has.  After longer ones the path may be
 * another (a phone changed its network), which only a restart finds; it costs one message and keeps DTLS and decoder.
 */

const RESTART_AFTER_MS = 2500;
const RESTART_EVERY_MS = 3000;
const GIVE_UP_AFTER_MS = 60_000;

export class LostLink {
  /** @type {number | null} */
  #lostAtMs = null;
  #nextMs = 0;

  /** Whether the link is lost now. */
  get lost() {
    return this.#lostAtMs !== null;
  }

  /**
   * @param {number} nowMs any steady clock
   * @param {{certain: boolean}} how `certain` when the browser itself has given the path up
   */
  lose(nowMs, { certain }) {
    if (this.#lostAtMs === null) {
      this.#lostAtMs = nowMs;
      this.#nextMs = nowMs + RESTART_AFTER_MS;
    }
    if (certain) this.#nextMs = Math.min(this.#nextMs, nowMs);
  }

  /** The gateway can be reached again: the next restart need not wait. */
  hurry() {
    this.#nextMs = 0;
  }

  /** The link is back. */
  recover() {
    this.#lostAtMs = null;
  }

  /**
   * @param {number} nowMs
   * @returns {'wait' | 'restart' | 'give-up'}
   */
  due(nowMs) {
    if (this.#lostAtMs === null) return 'wait';
    if (nowMs - this.#lostAtMs >= GIVE_UP_AFTER_MS) return 'give-up';
    if (nowMs < this.#nextMs) return 'wait';
    this.#nextMs = nowMs + RESTART_EVERY_MS;
    return 'restart';
  }
}
