/**
 * Carries a connection's offers to the gateway and its answers back: over the camera's signalling socket, or over HTTP
 * where that does not open.
 */

/**
 * @typedef {import('../types.js').Failure} Failure
 * @typedef {import('../types.js').Message} Message
 * @typedef {import('../signalling.js').Signalling} Signalling
 *
 * @typedef {object} Hears
 * @property {() => boolean} hasPlayed after that, offers are restarts: no progress, without a deadline of their own
 * @property {() => void} asked the first offer is on its way
 * @property {() => void} unanswered it is not any more
 * @property {(sdp: string) => Promise<void>} answered
 * @property {(code: Failure['code'], message: string) => void} failed
 */

/** A socket that is not open by then may be blocked: HTTP does as well. */
const SOCKET_OPENS_MS = 250;

/**
 * Sockets that an answer may still come over to an offer of somebody who is gone: it must not be taken for one to the next.
 *
 * @type {WeakSet<Signalling>}
 */
const owing = new WeakSet();

/** @param {Signalling} signalling */
function disown(signalling) {
  owing.add(signalling);
  const over = new AbortController();
  const settle = () => {
    owing.delete(signalling);
    over.abort();
  };
  signalling.addEventListener('down', settle, { signal: over.signal });
  signalling.addEventListener(
    'message',
    (event) => {
      const { type, value } = /** @type {CustomEvent<Message>} */ (event).detail;
      if ((type === 'error' ? String(value) : type).startsWith('webrtc')) settle();
    },
    { signal: over.signal },
  );
}

export class Exchange {
  #signalling;
  #endpoint;
  #signal;
  #hears;
  /** @type {string | null} */
  #offer = null;
  #sent = false;
  #owed = false;
  /** @type {import('./whep.js').WhepSession | null} instead of the socket */
  #whep = null;
  #overHttp = false;
  #over = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;

  /**
   * @param {object} ways
   * @param {Signalling} ways.signalling may still be opening
   * @param {() => Promise<string>} ways.whep the URL for offers over HTTP, with a grant in it where one is needed
   * @param {AbortSignal} ways.signal nothing matters any more
   * @param {Hears} hears
   */
  constructor({ signalling, whep, signal }, hears) {
    this.#signalling = signalling;
    this.#endpoint = whep;
    this.#signal = signal;
    this.#hears = hears;
    signalling.addEventListener('down', () => this.#socketGone(), { signal });
    signalling.addEventListener(
      'message',
      (event) => void this.#receive(/** @type {CustomEvent<Message>} */ (event).detail),
      { signal },
    );
    signal.addEventListener('abort', () => clearTimeout(this.#patience));
  }

  /** Whether the last offer has been sent and answered. */
  get isSettled() {
    return this.#sent && !this.#owed;
  }

  /** Whether an answer on the signalling socket is still owed. */
  get #awaitsSocket() {
    return this.#owed && !this.#overHttp && !this.#over;
  }

  /** @param {string} sdp the first */
  offer(sdp) {
    this.#offer = sdp;
    this.send();
  }

  /** Sends the offer if it has not been, as well as that is possible now. */
  send() {
    const offer = this.#offer;
    if (this.#sent || offer === null || this.#over) return;
    const free = !this.#overHttp && !owing.has(this.#signalling);
    this.#sent = free && this.#sendBySocket(offer);
    this.#owed = this.#sent;
    if (this.#hears.hasPlayed()) return;
    if (this.#sent) this.#asked();
    else this.#goOverHttp(free && !this.#signalling.failing ? SOCKET_OPENS_MS : 0);
  }

  /**
   * Whether another offer would come through now.  A socket that did not bring the last answer is as dead as the link, and its
   * TCP would come back much later: it is reset.
   */
  prepare() {
    if (this.#whep) return !this.#owed;
    if (!this.#signalling.isOpen) return false;
    if (this.#owed) this.#signalling.reset();
    return !this.#owed;
  }

  /**
   * Restarts ICE.
   *
   * @param {string} sdp
   * @throws {Error} if the gateway refuses, over HTTP
   */
  async restart(sdp) {
    this.#offer = sdp;
    if (this.#whep) {
      await this.#restartOverHttp(this.#whep, sdp);
      return;
    }
    this.#sent = false;
    this.send();
  }

  /**
   * The socket is another, or the first: an offer that comes again tells the gateway which connection is ours, and changes
   * nothing else.
   */
  claim() {
    if (this.isSettled && this.#offer !== null && this.#sendBySocket(this.#offer)) disown(this.#signalling);
  }

  /** What was agreed over HTTP lasts as long as the newest grant. */
  renew() {
    if (!this.#whep) return;
    void this.#endpoint()
      .then((endpoint) => this.#whep?.renew(endpoint, this.#signal))
      // What it lasts for is not longer now: the gateway will end it, and another is made.
      .catch(() => undefined);
  }

  /** What was agreed over HTTP is changed there too. @param {string} mode */
  tellMode(mode) {
    // It is a wish: whoever does not hear it has the mode it began with.
    this.#whep?.tellMode(mode, this.#signal).catch(() => undefined);
  }

  end() {
    if (this.#awaitsSocket) disown(this.#signalling);
    this.#over = true;
    clearTimeout(this.#patience);
    this.#whep?.end();
    this.#whep = null;
  }

  /** @param {string} sdp */
  #sendBySocket(sdp) {
    return this.#signalling.send({ type: 'webrtc', value: { type: 'offer', sdp } });
  }

  #asked() {
    clearTimeout(this.#patience);
    this.#hears.asked();
  }

  /** @param {number} afterMs unless the socket opens */
  #goOverHttp(afterMs) {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => void this.#offerOverHttp(), afterMs);
  }

  async #offerOverHttp() {
    const offer = this.#offer;
    if (this.#sent || offer === null || this.#over) return;
    this.#sent = true;
    this.#owed = true;
    this.#overHttp = true;
    this.#asked();
    try {
      const { WhepSession } = await import('./whep.js');
      const session = new WhepSession();
      const endpoint = await this.#endpoint();
      if (this.#over) return;
      this.#whep = session;
      const answer = await session.offer(endpoint, offer, this.#signal);
      if (this.#over) session.end();
      else await this.#answered(answer);
    } catch (error) {
      const refused = error instanceof Error && error.name === 'Refused';
      const message = refused ? error.message : 'The gateway could not be asked over HTTP either.';
      this.#hears.failed(refused ? 'refused' : 'signalling', message);
    }
  }

  /**
   * @param {import('./whep.js').WhepSession} session
   * @param {string} sdp
   */
  async #restartOverHttp(session, sdp) {
    this.#owed = true;
    try {
      const answer = await session.restart(sdp);
      if (answer !== null && !this.#over) await this.#answered(answer);
    } finally {
      this.#owed = false;
    }
  }

  /** An answer that has not come yet will not come; the next socket gets the same offer. */
  #socketGone() {
    if (this.#awaitsSocket) {
      this.#hears.unanswered();
      this.#sent = false;
      this.#owed = false;
    }
    if (!this.#hears.hasPlayed() && !this.#sent && this.#offer !== null) this.#goOverHttp(0);
  }

  /** @param {Message} message */
  async #receive({ type, value }) {
    if (!this.#awaitsSocket) return;
    if (type === 'error' && typeof value === 'string' && value.startsWith('webrtc')) {
      this.#hears.failed('refused', value.replace(/^webrtc[^:]*:\s*/, ''));
      return;
    }
    const answer = /** @type {{type?: unknown, sdp?: unknown} | null} */ (value);
    if (type !== 'webrtc' || answer?.type !== 'answer' || typeof answer.sdp !== 'string') return;
    await this.#answered(answer.sdp);
  }

  /** @param {string} sdp */
  #answered(sdp) {
    this.#owed = false;
    return this.#hears.answered(sdp);
  }
}
