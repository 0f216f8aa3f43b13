/**
 * What opens the addresses of one playlist, and those below it, from one request to the next.
 *
 * A grant stands in all of them and is exchanged there.  A server that makes a session of it (MediaMTX: `session=`)
 * judges only the beginning, and ends the session with that grant: a session has to be begun with the next one in time.
 */

import { withGrant } from '../grant-path.js';

const SESSION = 'session';

export class PlaylistAccess {
  #index;
  #signal;
  #fetch;
  /** @type {string | null} */
  #grant = null;
  #hasSession = false;
  /** @type {string | null} the newest */
  #session = null;

  /**
   * @param {string} index the multivariant playlist
   * @param {AbortSignal} signal
   * @param {typeof fetch} [load]
   */
  constructor(index, signal, load = (...request) => fetch(...request)) {
    this.#index = index;
    this.#signal = signal;
    this.#fetch = load;
  }

  /** @returns {string} of the multivariant playlist, for who begins now */
  get index() {
    return withGrant(this.#index, this.#grant);
  }

  /**
   * @param {string} url as it stands in a playlist
   * @returns {string} what to ask for
   */
  address(url) {
    const granted = withGrant(url, this.#grant);
    const address = new URL(granted);
    if (!address.searchParams.has(SESSION)) return granted;
    this.#hasSession = true;
    if (this.#session === null) return granted;
    address.searchParams.set(SESSION, this.#session);
    return address.href;
  }

  /**
   * @param {string} grant from now on
   * @returns {Promise<void>} when that is so for everything
   */
  async renew(grant) {
    this.#grant = grant;
    if (!this.#hasSession) return;
    try {
      const answer = await this.#fetch(this.index, { cache: 'no-store', signal: this.#signal });
      const child = answer.ok ? (await answer.text()).split('\n').find((line) => line && !line.startsWith('#')) : null;
      if (child && grant === this.#grant) this.#session = new URL(child, answer.url).searchParams.get(SESSION);
    } catch {
      // The old session lasts for as long as its grant; if this was the last chance, the player begins anew.
    }
  }
}
