/** Reads the latency that a demo camera's picture itself tells, now and then, off a `<video>`. */

import { readStrip, STRIP_BLOCKS, StripDetector } from './latency-strip.js';

const DETECTING_EVERY_MS = 200;
const READING_EVERY_MS = 1000;

export class StripReader {
  #video;
  #detector = new StripDetector();
  #readAtMs = 0;
  /** @type {number | null} */
  #latencyMs = null;
  /** @type {OffscreenCanvasRenderingContext2D | null} */
  #row = null;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.#video = video;
  }

  /** @returns {number | null} null where there is no such strip in the picture */
  get latencyMs() {
    return this.#detector.detected ? this.#latencyMs : null;
  }

  /**
   * Another picture is on the screen.
   *
   * @param {number} nowMs unix milliseconds of this browser
   * @param {number} offsetMs of the camera's (the gateway's) clock
   */
  look(nowMs, offsetMs) {
    if (this.#detector.abandoned) return;
    if (nowMs - this.#readAtMs < (this.#detector.detected ? READING_EVERY_MS : DETECTING_EVERY_MS)) return;
    this.#readAtMs = nowMs;
    this.#latencyMs = this.#detector.add(this.#readRow(), nowMs + offsetMs) ?? this.#latencyMs;
  }

  #readRow() {
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
