/**
 * What all rungs have in common: their life, deadlines, and waiting for the first picture.
 *
 * Rung interface (protocol.md, "In the browser"): `start(video, options)`, `stop()`, `renew(grant)`, events `picture`
 * and `failed` (detail: `Failure`, once, and nothing after it).  Besides: `progress` (detail: 0 to 1).
 * Each is for one start, on a `<video>` that nobody else touches until `stop()`.
 */

import { pageTime } from '../page-time.js';

/**
 * @typedef {import('../types.js').Failure} Failure
 * @typedef {import('../signalling.js').Signalling} Signalling
 * @typedef {import('../clock.js').StreamClock} StreamClock
 * @typedef {import('../stats.js').Counters} Counters
 *
 * @typedef {object} RungOptions
 * @property {Signalling} signalling may still be opening
 * @property {StreamClock} clock
 * @property {boolean} audio ask for sound too
 * @property {number} answerDeadlineMs from asking to the answer
 * @property {number} pictureDeadlineMs from the answer, or the connection, to the first picture
 * @property {() => Promise<string>} whep the URL for offers over HTTP, with a grant in it where one is needed
 * @property {() => Promise<string>} playlist the same of the multivariant playlist
 * @property {() => (() => Promise<string | null>) | null} renewal how to get the next grant for that playlist, once it is
 *   known; null where it needs none, or the page has its own
 * @property {RTCIceServer[]} iceServers
 * @property {() => Promise<RTCIceServer[]>} freshIceServers those with credentials that are good now
 * @property {boolean} relayOnly
 * @property {readonly string[] | null} candidates kinds that WebRTC may use: `udp`, `tcp`, `relay`; null for all
 * @property {string} mode
 */

export class Rung extends EventTarget {
  #deadline = new AbortController();
  #listening = new AbortController();
  #pictureCame = false;

  /** @returns {string} as protocol.md names it */
  get name() {
    return '';
  }

  /** @returns {Failure | null} why there is no picture yet, where that is known */
  get excuse() {
    return null;
  }

  /** Whether the network is gone and this rung is getting the connection back by itself. */
  get mending() {
    return false;
  }

  /** Whether a picture has been on the screen. */
  get pictureCame() {
    return this.#pictureCame;
  }

  /** @returns {number} seconds of pictures that come at once, 0 where each comes by itself */
  get segmentS() {
    return 0;
  }

  /** Whether `mend` could help. */
  get mendable() {
    return false;
  }

  /** Nothing arrives any more: gets the connection back. */
  mend() {}

  /** Pictures arrive and are not shown: begins to decode anew. */
  reattach() {}

  /** Pictures come. */
  mended() {}

  /**
   * @param {HTMLVideoElement} _video
   * @param {RungOptions} _options
   */
  start(_video, _options) {}

  stop() {
    this.#deadline.abort();
    this.#listening.abort();
  }

  /** @param {string} _grant takes the place of the one before, for what this rung asks for from now on */
  renew(_grant) {}

  /** The signalling socket is a new one: what is said there is meant for what this rung gets on its own. */
  claim() {}

  /** @param {boolean} _hidden whether nobody can see the picture now */
  set hidden(_hidden) {}

  /** @param {string} _mode one of `MODES`, from now on */
  set mode(_mode) {}

  /** @returns {Promise<Counters | null>} null while there is nothing to count */
  count() {
    return Promise.resolve(null);
  }

  /**
   * How old a picture on the screen is.
   *
   * @param {VideoFrameCallbackMetadata} _metadata
   * @param {number} _nowMs unix milliseconds of this browser
   * @returns {number | null} null while unknown
   */
  latencyMs(_metadata, _nowMs) {
    return null;
  }

  /**
   * What a `<video>` counts by itself, where no peer connection counts more.
   *
   * @protected
   * @param {HTMLVideoElement} video
   * @param {Pick<Counters, 'bytesReceived' | 'roundTripMs'> & Partial<Counters>} besides
   * @returns {Counters}
   */
  countedBy(video, besides) {
    const { totalVideoFrames = 0, droppedVideoFrames = 0 } = video.getVideoPlaybackQuality?.() ?? {};
    return {
      atMs: performance.now(),
      framesDecoded: totalVideoFrames,
      framesDropped: droppedVideoFrames,
      packetsReceived: 0,
      packetsLost: 0,
      freezes: 0,
      jitterBufferDelayS: 0,
      jitterBufferEmitted: 0,
      width: video.videoWidth,
      height: video.videoHeight,
      decoder: null,
      transport: null,
      ...besides,
    };
  }

  /** Ends with the rung. @protected */
  get signal() {
    return this.#listening.signal;
  }

  /**
   * @protected
   * @param {HTMLVideoElement} video
   * @param {() => void} [then]
   */
  awaitPicture(video, then) {
    const came = () => {
      if (this.signal.aborted || this.#pictureCame) return;
      this.#pictureCame = true;
      this.#deadline.abort();
      then?.();
      this.progress(1);
      this.dispatchEvent(new Event('picture'));
    };
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(came);
    else /** @type {HTMLElement} */ (video).addEventListener('loadeddata', came, { signal: this.signal });
  }

  /**
   * One deadline at a time: a new one takes the place of the last.
   *
   * @protected
   * @param {number} withinMs
   * @param {() => void} otherwise
   */
  expect(withinMs, otherwise) {
    this.#deadline.abort();
    this.#deadline = new AbortController();
    pageTime.after(otherwise, withinMs, this.#deadline.signal);
  }

  /** @protected */
  expectNothing() {
    this.#deadline.abort();
  }

  /**
   * @protected
   * @param {number} progress 0 to 1
   */
  progress(progress) {
    this.dispatchEvent(new CustomEvent('progress', { detail: progress }));
  }

  /**
   * @protected
   * @param {Failure['code']} code
   * @param {string} message
   */
  fail(code, message) {
    if (this.signal.aborted) return;
    this.#deadline.abort();
    this.#listening.abort();
    this.dispatchEvent(new CustomEvent('failed', { detail: { code, message } }));
  }
}
