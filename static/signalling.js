/**
 * The WebSocket of one camera: JSON messages both ways, and a connection that comes back by itself.
 *
 * Events: `open`; `message` (detail: `Message`); `binary` (detail: `ArrayBuffer`); `down` (detail: `retryAt` in unix
 * milliseconds, and whether the socket that is gone had been `opened` at all).
 */

import { nowMs } from './now.js';
import { retryDelayMs } from './retry.js';

/** @typedef {import('./types.js').Message} Message */

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 2000;
const OPENING_DEADLINE_MS = 5000;
const BLOCKED_AFTER = 8;
const BLOCKED_RETRY_MS = 15_000;

/**
 * @param {string} camera
 * @param {string} base URL that the gateway's paths are relative to
 * @param {string | null} [grant] rides in the path, as for every other URL
 * @returns {string}
 */
export function signallingUrl(camera, base, grant = null) {
  const prefix = grant === null ? '' : `g/${grant}/`;
  const url = new URL(`${prefix}api/ws?src=${encodeURIComponent(camera)}`, base);
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  return url.href;
}

export class Signalling extends EventTarget {
  #url;
  #createSocket;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #failures = 0;
  /** Whether the socket there is counts as open: after one that failed, with the gateway's first word on it. */
  #opened = false;
  #everOpened = false;
  /** @type {Promise<string> | null} the URL is not known yet */
  #asking = null;
  #wanted = false;

  /**
   * @param {() => string | Promise<string>} url asked before each connection: a grant in it may have expired
   * @param {{createSocket?: (url: string) => WebSocket}} [options] another kind of socket, for tests
   */
  constructor(url, { createSocket = (address) => new WebSocket(address) } = {}) {
    super();
    this.#url = url;
    this.#createSocket = createSocket;
  }

  /** Whether the last try failed, or the socket that was open is gone. */
  get failing() {
    return this.#failures > 0 && !this.isOpen;
  }

  get isOpen() {
    return this.#opened && this.#socket !== null && this.#socket.readyState === 1;
  }

  start() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#connect();
  }

  stop() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** Tries now instead of at the end of the current delay; does nothing while a socket is open or opening. */
  hurry() {
    if (!this.#wanted || this.#socket || this.#asking) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** Gives up a socket that has gone quiet, and opens another. */
  reset() {
    if (!this.#wanted) return;
    this.#lost();
  }

  /**
   * @param {Message} message
   * @returns {boolean} false, and nothing sent, while there is no open socket
   */
  send(message) {
    if (!this.#socket || !this.isOpen) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#opened = false;
    this.#timer = setTimeout(() => this.#lost(), OPENING_DEADLINE_MS);
    const url = this.#ask();
    if (typeof url === 'string') {
      this.#open(url);
      return;
    }
    this.#asking = url;
    url.then(
      (address) => {
        if (this.#asking === url) this.#open(address);
      },
      () => {
        if (this.#asking === url) this.#lost();
      },
    );
  }

  /** @returns {string | Promise<string>} the URL; rejects if whoever knows it throws */
  #ask() {
    try {
      return this.#url();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** @param {string} url */
  #open(url) {
    const socket = this.#createSocket(url);
    socket.binaryType = 'arraybuffer';
    this.#asking = null;
    this.#socket = socket;
    socket.onopen = () => {
      // A proxy may open sockets and pass nothing: after one that failed, what is said on it would be lost again.
      if (this.#failures === 0) this.#proved();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => this.#lost();
  }

  #proved() {
    clearTimeout(this.#timer);
    this.#opened = true;
    this.#everOpened = true;
    this.dispatchEvent(new Event('open'));
  }

  /** @param {unknown} data */
  #receive(data) {
    if (!this.#opened) this.#proved();
    if (data instanceof ArrayBuffer) {
      this.#failures = 0;
      this.dispatchEvent(new CustomEvent('binary', { detail: data }));
      return;
    }
    if (typeof data !== 'string') return;
    /** @type {unknown} */
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof message !== 'object' || message === null || !('type' in message)) return;
    // Only now is the gateway well: a proxy accepts sockets for a gateway that is down.
    this.#failures = 0;
    this.dispatchEvent(new CustomEvent('message', { detail: message }));
  }

  #lost() {
    clearTimeout(this.#timer);
    this.#drop();
    this.#failures += 1;
    // One that never opened is blocked, rather than that the gateway is being restarted.
    const mostMs = !this.#everOpened && this.#failures > BLOCKED_AFTER ? BLOCKED_RETRY_MS : LONGEST_RETRY_MS;
    const delayMs = retryDelayMs(this.#failures, { firstMs: FIRST_RETRY_MS, mostMs });
    this.#timer = setTimeout(() => this.#connect(), delayMs);
    const detail = { retryAt: nowMs() + delayMs, opened: this.#opened };
    this.dispatchEvent(new CustomEvent('down', { detail }));
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#asking = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
