/** Keeps a grant fresh while a camera is watched with one: asks for the next in time, and sends it. */

import { expiryOf } from './grant-path.js';
import { retryDelayMs } from './retry.js';

/** @typedef {import('./types.js').Message} Message */

/** Grants of pages live 5 minutes: even if this browser's clock is wrong, a third of that is early enough. */
const LONGEST_MS = 100_000;
const SHORTEST_MS = 1000;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;

export class GrantRenewal {
  #getGrant;
  #send;
  #nowS;
  #isSure;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #failures = 0;
  #stopped = true;

  /**
   * @param {object} options
   * @param {() => string | null | Promise<string | null>} options.getGrant a fresh one each time
   * @param {(grant: string) => boolean} options.send whether the gateway will answer
   * @param {() => number} options.nowS the gateway's clock, as far as it is known
   * @param {() => boolean} [options.isSure] whether that can be gone by
   */
  constructor({ getGrant, send, nowS, isSure = () => true }) {
    this.#getGrant = getGrant;
    this.#send = send;
    this.#nowS = nowS;
    this.#isSure = isSure;
  }

  /** `grant` is what counts now. @param {string} grant */
  start(grant) {
    this.#stopped = false;
    this.#failures = 0;
    this.#plan(expiryOf(grant));
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** @param {Message} message the gateway's word on the grant that was sent */
  receive({ type, value }) {
    if (this.#stopped) return;
    if (type === 'grant') {
      const { expires_at: expiresAt } = /** @type {{expires_at?: unknown}} */ (value ?? {});
      this.#failures = 0;
      this.#plan(typeof expiresAt === 'number' ? expiresAt : null);
    } else if (type === 'error' && typeof value === 'string' && value.startsWith('grant:')) {
      this.#failed();
    }
  }

  /** @param {number | null} expiresS */
  #plan(expiresS) {
    const leftS = expiresS === null ? Infinity : expiresS - this.#nowS();
    // One that is over as soon as it is given tells nothing but that this browser's clock is wrong, unless that was compared.
    const leftMs = leftS > 0 || this.#isSure() ? (leftS * 1000 * 2) / 3 : LONGEST_MS;
    this.#after(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, leftMs)));
  }

  #failed() {
    this.#failures += 1;
    this.#after(retryDelayMs(this.#failures, { firstMs: FIRST_RETRY_MS, mostMs: LONGEST_RETRY_MS }));
  }

  /** @param {number} delayMs */
  #after(delayMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#renew(), delayMs);
  }

  async #renew() {
    /** @type {string | null} */
    let grant = null;
    try {
      grant = await this.#getGrant();
    } catch {
      // Asked again below.
    }
    if (this.#stopped) return;
    if (!grant) {
      this.#failed();
      return;
    }
    this.#failures = 0;
    // The gateway's answer plans the next; without a socket there is none.
    if (!this.#send(grant)) this.#plan(expiryOf(grant));
  }
}
