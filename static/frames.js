/**
 * Watches the pictures of one connection as they reach the screen: how many, how late, and whether they fast-forward.
 */

import { CatchUp } from './catch-up.js';
import { wrappedDifference } from './clock.js';
import { nowMs } from './now.js';

/** @typedef {import('./clock.js').StreamClock} StreamClock */

const READINGS_KEPT = 30;
const DETECTING_EVERY_MS = 200;
const READING_EVERY_MS = 1000;
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
  /** @type {typeof import('./latency-strip.js') | null} null until it is loaded */
  #reading = null;
  /** @type {import('./latency-strip.js').StripDetector | null} */
  #strip = null;
  #stripAtMs = 0;
  /** @type {number | null} */
  #stripLatencyMs = null;
  /** @type {number[]} */
  #latencies = [];
  /** @type {number | null} */
  #firstRtp = null;
  /** @type {number | null} */
  #presentedBefore = null;
  /** @type {OffscreenCanvasRenderingContext2D | null} */
  #row = null;

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
    // A measurement, not what anybody waits for: it may be missing.
    void import('./latency-strip.js').then((reading) => {
      this.#reading = reading;
      this.#strip = new reading.StripDetector();
    }, () => undefined);
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
    return this.#strip?.detected && this.#stripLatencyMs !== null ? this.#stripLatencyMs : median(this.#latencies);
  }

  /** @returns {'picture' | 'clock' | null} */
  get latencySource() {
    if (this.#strip?.detected && this.#stripLatencyMs !== null) return 'picture';
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
    // The browser counts for as long as the element lives; this counts for one connection.
    this.#presentedBefore ??= metadata.presentedFrames - 1;
    this.#count(metadata.presentedFrames - this.#presentedBefore, now);
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
    this.#lookForStrip(now);
    this.#onFrame();
    this.#next();
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

  /** @param {number} now */
  #lookForStrip(now) {
    if (!this.#strip || this.#strip.abandoned || this.catchingUp) return;
    if (now - this.#stripAtMs < (this.#strip.detected ? READING_EVERY_MS : DETECTING_EVERY_MS)) return;
    this.#stripAtMs = now;
    const latencyMs = this.#strip.add(this.#readRow(), now + (this.#clock.offsetMs ?? 0));
    if (latencyMs !== null) this.#stripLatencyMs = latencyMs;
  }

  #readRow() {
    if (!this.#reading) return null;
    const { readStrip, STRIP_BLOCKS } = this.#reading;
    const { videoWidth: width } = this.#video;
    const block = Math.floor(width / STRIP_BLOCKS);
    if (block < 1) return null;
    if (this.#row?.canvas.width !== width) {
      this.#row = new OffscreenCanvas(width, 1).getContext('2d', { willReadFrequently: true });
    }
    this.#row?.drawImage(this.#video, 0, block >> 1, width, 1, 0, 0, width, 1);
    return readStrip(this.#row?.getImageData(0, 0, width, 1).data ?? new Uint8ClampedArray(), width);
  }
}
