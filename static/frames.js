/**
 * Watches the pictures of one connection as they reach the screen: how many, how late, and whether they fast-forward.
 */

import { CatchUp } from './catch-up.js';
import { wrappedDifference } from './clock.js';
import { nowMs } from './now.js';

/** @typedef {import('./clock.js').StreamClock} StreamClock */

const READINGS_KEPT = 30;
const TICKS_PER_MS = 90;

/**
 * @param {readonly number[]} values
 * @returns {number | null}
 */
function median(values) {
  if (values.length === 0) return null;
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

export class FrameWatch {
  #video;
  #clock;
  #latencyMs;
  #onFrame;
  #handle = 0;
  #running = true;
  #catchUp = new CatchUp();
  /** @type {import('./strip-reader.js').StripReader | null} null until it is loaded */
  #strip = null;
  /** @type {number[]} */
  #latencies = [];
  /** @type {number | null} */
  #firstRtp = null;
  /** @type {number | null} what the browser counted last */
  #counted = null;

  presented = 0;
  /** @type {number | null} unix milliseconds */
  lastPictureAt = null;
  catchingUp = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {object} context
   * @param {StreamClock} context.clock
   * @param {(metadata: VideoFrameCallbackMetadata, nowMs: number) => number | null} context.latencyMs of a picture, by the
   *   stream's own time; null while unknown
   * @param {() => void} context.onFrame after each picture
   */
  constructor(video, { clock, latencyMs, onFrame }) {
    this.#video = video;
    this.#clock = clock;
    this.#latencyMs = latencyMs;
    this.#onFrame = onFrame;
    if ('requestVideoFrameCallback' in video) this.#next();
    else /** @type {HTMLElement} */ (video).addEventListener('timeupdate', this.#onTimeUpdate);
  }

  stop() {
    this.#running = false;
    if (this.#handle) this.#video.cancelVideoFrameCallback(this.#handle);
    this.#video.removeEventListener('timeupdate', this.#onTimeUpdate);
  }

  /** @returns {number | null} capture to screen */
  get latencyMs() {
    return this.#strip?.latencyMs ?? median(this.#latencies);
  }

  /** @returns {'picture' | 'clock' | null} */
  get latencySource() {
    if (typeof this.#strip?.latencyMs === 'number') return 'picture';
    return this.#latencies.length > 0 ? 'clock' : null;
  }

  #next() {
    this.#handle = this.#video.requestVideoFrameCallback((atMs, metadata) => this.#frame(atMs, metadata));
  }

  /**
   * @param {number} atMs
   * @param {VideoFrameCallbackMetadata} metadata
   */
  #frame(atMs, metadata) {
    if (!this.#running) return;
    const now = nowMs();
    if (this.#counted === null) void this.#loadStrip();
    const counted = metadata.presentedFrames;
    // It counts for as long as the element lives, and from 1 again for one that was given its stream anew.
    const more = this.#counted === null ? 1 : counted - (counted < this.#counted ? 0 : this.#counted);
    this.#counted = counted;
    this.#count(this.presented + more, now);
    const { rtpTimestamp } = metadata;
    if (typeof rtpTimestamp === 'number') {
      this.#firstRtp ??= rtpTimestamp;
      this.catchingUp = this.#catchUp.add(atMs, wrappedDifference(rtpTimestamp, this.#firstRtp) / TICKS_PER_MS);
    }
    const latencyMs = this.#latencyMs(metadata, now);
    if (latencyMs !== null) {
      this.#latencies.push(latencyMs);
      if (this.#latencies.length > READINGS_KEPT) this.#latencies.shift();
    }
    if (!this.catchingUp) this.#strip?.look(now, this.#clock.offsetMs ?? 0);
    this.#onFrame();
    this.#next();
  }

  /** A measurement, not what anybody waits for: it may be missing. */
  async #loadStrip() {
    const reading = await import('./strip-reader.js').catch(() => null);
    if (reading) this.#strip = new reading.StripReader(this.#video);
  }

  #onTimeUpdate = () => {
    this.#count(this.presented + 1, nowMs());
    this.#onFrame();
  };

  /**
   * @param {number} presented
   * @param {number} now
   */
  #count(presented, now) {
    this.presented = presented;
    this.lastPictureAt = now;
  }
}
