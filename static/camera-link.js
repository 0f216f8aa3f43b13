/**
 * What a player hears of its camera: the signalling socket with the grant it needs, the gateway's clock, the camera's state.
 *
 * Events: `open`; `down` (detail: as `Signalling`); `camera` (detail: `Camera`); `fallback`
 * (detail as protocol.md); `grant` (detail: the grant that counts from now on); `refused` (detail: why no socket opens);
 * `answers` and `unreachable` (over HTTP, while no socket is open; detail: whether it is `ungranted`, as whoever gives this
 * page its grants gave none, or may only be `late`).
 */

import { ClockSync } from './clock-sync.js';
import { diagnose } from './directory.js';
import { expiryOf, withGrant } from './grant-path.js';
import { nowMs } from './now.js';
import { Signalling, signallingUrl } from './signalling.js';

/**
 * @typedef {import('./clock.js').StreamClock} StreamClock
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./types.js').ClockReply} ClockReply
 * @typedef {import('./types.js').Message} Message
 *
 * @typedef {object} LinkOptions
 * @property {string} camera
 * @property {string} base URL that the gateway's paths are relative to
 * @property {() => string | null | Promise<string | null>} [getGrant] a fresh one each time it is asked
 */

/** A grant is not begun with when it is about to end. */
const GRANT_LEFT_S = 30;
/** A socket lives no longer than the grant that it began with, unless that is renewed on it. */
const SOCKET_LEFT_S = 60;
/** One that was given so lately is, however it seems to end: where this browser's clock is wrong, all of them seem to. */
const JUST_GIVEN_MS = 5000;
/** Whoever gives the grants does so within that time, or not at all. */
const GIVEN_WITHIN_MS = 8000;
/** Between two questions over HTTP, where no answer is awaited. */
const ASK_EVERY_MS = 1000;

/**
 * @param {NonNullable<LinkOptions['getGrant']>} getGrant
 * @returns {Promise<string | null>} rejects where nothing comes in time
 */
async function inTime(getGrant) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('No grant came in time.')), GIVEN_WITHIN_MS);
  });
  try {
    return await Promise.race([getGrant(), /** @type {Promise<never>} */ (late)]);
  } finally {
    clearTimeout(timer);
  }
}

export class CameraLink extends EventTarget {
  #options;
  #clock;
  #clockSync;
  #started = false;
  /** @type {import('./grant-renewal.js').GrantRenewal | null} loaded by who has grants */
  #renewal = null;
  /** @type {string | null} the newest */
  #grant = null;
  #grantedAt = -Infinity;
  /** @type {Promise<string | null> | null} the next, for all who wait for it */
  #giving = null;
  /** Whether the last socket did not open, and HTTP may yet say that this is for want of another grant. */
  #blocked = false;
  #heardAt = 0;
  #asking = false;
  #askedAt = -Infinity;

  /**
   * @param {LinkOptions} options
   * @param {StreamClock} clock is kept up to date
   */
  constructor(options, clock) {
    super();
    this.#options = options;
    this.#clock = clock;
    this.signalling = new Signalling(() => this.#socketAddress());
    this.#clockSync = new ClockSync(this.signalling, clock);
    this.signalling.addEventListener('open', () => this.#opened());
    this.signalling.addEventListener('down', (event) =>
      this.#down(/** @type {CustomEvent<{retryAt: number, opened: boolean}>} */ (event).detail),
    );
    this.signalling.addEventListener('message', (event) =>
      this.#receive(/** @type {CustomEvent<Message>} */ (event).detail),
    );
  }

  /** @returns {number} when the gateway last said anything, unix milliseconds of this browser; 0 for never */
  get heardAt() {
    return this.#heardAt;
  }

  get isOpen() {
    return this.signalling.isOpen;
  }

  /** Whether nothing is to be heard over the socket: there is none, or it owes an answer. */
  get isMute() {
    return !this.isOpen || this.#clockSync.isLate;
  }

  start() {
    this.#started = true;
    this.signalling.start();
  }

  stop() {
    this.#started = false;
    this.#renewal?.stop();
    this.signalling.stop();
  }

  /** Tries at once instead of at the end of the current delay. */
  hurry() {
    this.signalling.hurry();
  }

  /** What the clock says of the stream may have changed. */
  askClock() {
    this.#clockSync.ask();
  }

  /** Has the gateway say anything, by whatever way: that tells that the network as such is there. */
  ask() {
    if (!this.isMute) this.askClock();
    else if (nowMs() - this.#askedAt >= ASK_EVERY_MS) void this.#askOverHttp();
  }

  /** @returns {Promise<{access: Awaited<ReturnType<typeof diagnose>>['access'] | 'ungranted', camera: Camera | null, late?: boolean}>} what the
   *  gateway says over HTTP; `ungranted` where whoever gives the grants has none */
  async lookUp() {
    let base;
    try {
      base = await this.address('');
    } catch {
      return { access: 'ungranted', camera: null };
    }
    const found = await diagnose(base, this.#options.camera);
    // It opens nothing any more, whatever it says of itself.
    if (found.access === 'signed-out') this.#grant = null;
    return found;
  }

  /** @param {{patient: boolean}} options as `ClockSync.tick` */
  tick({ patient }) {
    this.#clockSync.tick({ patient });
  }

  /**
   * @param {string} grant a fresh one, before the last expires
   * @returns {boolean} whether it went to the gateway, which will answer
   */
  renew(grant) {
    this.#use(grant);
    return this.signalling.send({ type: 'grant', value: grant });
  }

  /**
   * @param {string} path of the gateway, without a leading slash
   * @returns {Promise<string>} its URL, with a grant in it where one is needed
   */
  async address(path) {
    const { base, getGrant } = this.#options;
    if (!getGrant) return new URL(path, base).href;
    const grant = this.#lasts ? this.#grant : await this.#give(getGrant);
    return new URL(grant === null ? path : `g/${grant}/${path}`, base).href;
  }

  /** Whether the grant there is may be begun with. */
  get #lasts() {
    if (this.#grant === null) return false;
    return this.#leftS >= GRANT_LEFT_S || nowMs() - this.#grantedAt < JUST_GIVEN_MS;
  }

  /** @returns {number} seconds for which the grant there is will be good */
  get #leftS() {
    return this.#grant === null ? 0 : (expiryOf(this.#grant) ?? Infinity) - this.nowS;
  }

  /**
   * Asks for the next grant, once for all who need it at the time.
   *
   * @param {NonNullable<LinkOptions['getGrant']>} getGrant
   * @returns {Promise<string | null>} rejects where none comes in time
   */
  #give(getGrant) {
    this.#giving ??= this.#given(getGrant).finally(() => {
      this.#giving = null;
    });
    return this.#giving;
  }

  /** @param {NonNullable<LinkOptions['getGrant']>} getGrant @returns {Promise<string | null>} */
  async #given(getGrant) {
    const fresh = await inTime(getGrant);
    if (fresh !== null && this.#started) {
      this.#use(fresh);
      void this.#renewInTime();
    }
    return fresh;
  }

  /**
   * @param {string} path of the gateway, without a leading slash
   * @returns {string} its URL with the grant that counts now, if there is one
   */
  addressNow(path) {
    return new URL(this.#grant === null ? path : `g/${this.#grant}/${path}`, this.#options.base).href;
  }

  /**
   * @param {string} url absolute
   * @returns {string} the same with the grant that counts now, if there was one in it
   */
  granted(url) {
    return withGrant(url, this.#grant);
  }

  /** Whether somebody gives this page its grants. */
  get renewsGrants() {
    return Boolean(this.#options.getGrant);
  }

  /** @returns {number} unix seconds on the gateway's clock, as far as that is known */
  get nowS() {
    return (nowMs() + (this.#clock.offsetMs ?? 0)) / 1000;
  }

  /** @param {string | null} grant */
  #use(grant) {
    this.#grant = grant;
    this.#grantedAt = nowMs();
    if (grant !== null) this.dispatchEvent(new CustomEvent('grant', { detail: grant }));
  }

  async #renewInTime() {
    const { getGrant } = this.#options;
    if (!getGrant) return;
    try {
      const { GrantRenewal } = await import('./grant-renewal.js');
      const send = (/** @type {string} */ grant) => this.renew(grant);
      this.#renewal ??= new GrantRenewal({
        getGrant: () => inTime(getGrant),
        send,
        nowS: () => this.nowS,
        isSure: () => this.isOpen,
      });
    } catch {
      // The gateway closes the socket when the grant ends: the next one has a fresh grant.
      return;
    }
    if (this.#started && this.#grant !== null) this.#renewal.start(this.#grant);
  }

  /** @returns {string | Promise<string>} */
  #socketAddress() {
    const { camera, base, getGrant } = this.#options;
    // One that had opened may have been closed because its grant is not taken any more.
    if (getGrant && this.#blocked && this.#leftS > SOCKET_LEFT_S) return signallingUrl(camera, base, this.#grant);
    const grant = getGrant?.() ?? null;
    /** @param {string | null} token */
    const address = (token) => {
      this.#use(token);
      return signallingUrl(camera, base, token);
    };
    return grant instanceof Promise ? grant.then(address) : address(grant);
  }

  #opened() {
    this.#clockSync.restart();
    void this.#renewInTime();
    this.dispatchEvent(new Event('open'));
  }

  /** @param {{retryAt: number, opened: boolean}} detail */
  #down(detail) {
    this.#blocked = !detail.opened;
    this.dispatchEvent(new CustomEvent('down', { detail }));
    if (!detail.opened) void this.#askOverHttp();
  }

  async #askOverHttp() {
    if (this.#asking) return;
    this.#asking = true;
    const heardBefore = this.#heardAt;
    const { access, camera, late = false } = await this.lookUp();
    this.#asking = false;
    this.#askedAt = nowMs();
    if (!this.#started || (this.isOpen && (access !== 'ok' || !this.isMute || this.#heardAt > heardBefore))) return;
    if (this.isOpen) this.#heardOverHttp(camera);
    else if (access === 'unreachable' || access === 'ungranted') {
      this.dispatchEvent(new CustomEvent('unreachable', { detail: { ungranted: access === 'ungranted', late } }));
    } else if (access === 'ok') {
      this.dispatchEvent(new Event('answers'));
      this.#heardOverHttp(camera);
    } else this.dispatchEvent(new CustomEvent('refused', { detail: access }));
  }

  /** @param {Camera | null} camera how it is */
  #heardOverHttp(camera) {
    this.#heardAt = nowMs();
    this.dispatchEvent(new CustomEvent('camera', { detail: camera }));
  }

  /** @param {Message} message */
  #receive({ type, value }) {
    this.#heardAt = nowMs();
    if (type === 'state') {
      this.dispatchEvent(new CustomEvent('camera', { detail: value }));
    } else if (type === 'clock') {
      this.#clockSync.receive(/** @type {ClockReply} */ (value));
    } else if (type === 'grant' || type === 'error') {
      this.#renewal?.receive({ type, value });
    } else if (type === 'fallback') {
      this.dispatchEvent(new CustomEvent('fallback', { detail: value }));
    } else if (type === 'rendition') {
      this.dispatchEvent(new CustomEvent('rendition', { detail: value }));
    }
  }
}
