/** Whether the gateway answers, over its socket or at least over HTTP, and since when it does not.  Pure. */

export class Reach {
  #there = true;
  /** Sockets don't open, but HTTP gets through. */
  #overHttp = false;
  /** @type {number | null} */
  #downSince = null;
  /** @type {number | null} */
  #retryAt = null;
  /** It was not asked, as there is nothing to show it. */
  #ungranted = false;

  /** Whether it is away only for who has no grant, and this page is given none. */
  get ungranted() {
    return this.#ungranted;
  }

  /** Whether it answers, by whatever way. */
  get there() {
    return this.#there;
  }

  /** @returns {number | null} unix milliseconds; null while it answers */
  get downSince() {
    return this.#downSince;
  }

  /** @returns {number | null} when the socket is tried again; null while the gateway answers */
  get retryAt() {
    return this.#retryAt;
  }

  /**
   * @param {{overHttp: boolean}} how whether by HTTP alone
   * @returns {boolean} whether it had been away
   */
  answered({ overHttp }) {
    const returned = !this.#there;
    this.#there = true;
    this.#ungranted = false;
    this.#overHttp = overHttp;
    this.#downSince = null;
    this.#retryAt = null;
    return returned;
  }

  /**
   * It answers by no way.
   *
   * @param {number} nowMs
   * @param {{ungranted?: boolean}} [how] as the grant to ask it with is missing
   */
  gone(nowMs, { ungranted = false } = {}) {
    this.#there = false;
    this.#ungranted = ungranted;
    this.#overHttp = false;
    this.#downSince ??= nowMs;
  }

  /**
   * The socket did not open, or is gone.
   *
   * @param {{retryAt: number, opened: boolean}} detail as `Signalling`
   * @param {number} nowMs
   * @returns {boolean} whether that says that the gateway is away: where sockets are blocked, one more means nothing
   */
  socketDown({ retryAt, opened }, nowMs) {
    if (!opened && this.#overHttp) return false;
    this.gone(nowMs, { ungranted: this.#ungranted });
    this.#retryAt = retryAt;
    return true;
  }
}
