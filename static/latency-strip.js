/**
 * Reads the clock that demo cameras draw across the top of the picture, and decides whether there is one.
 *
 * The strip is 32 blocks of floor(width / 32) pixels, most significant bit first, white for 1:
 * unix milliseconds modulo 2^32.  Pure: pixels in, milliseconds out.
 */

import { wrappedDifference } from './clock.js';

export const STRIP_BLOCKS = 32;

const DARK_BELOW = 80;
const LIGHT_FROM = 176;
const PLAUSIBLE_MS = 60_000;
const AGREEING_READINGS = 3;
const FRUITLESS_READINGS = 12;

/**
 * @param {Uint8ClampedArray} pixels RGBA of one row of the picture, at the middle of the blocks' height
 * @param {number} width of that row, in pixels
 * @returns {number | null} milliseconds modulo 2^32; null where a block is neither black nor white
 */
export function readStrip(pixels, width) {
  const block = Math.floor(width / STRIP_BLOCKS);
  if (block < 1 || pixels.length < width * 4) return null;
  let value = 0;
  for (let index = 0; index < STRIP_BLOCKS; index += 1) {
    const green = pixels[(index * block + (block >> 1)) * 4 + 1];
    if (green >= DARK_BELOW && green < LIGHT_FROM) return null;
    value = value * 2 + (green >= LIGHT_FROM ? 1 : 0);
  }
  return value;
}

/** Believes in a strip after several plausible, advancing readings, and stops looking after many that are not. */
export class StripDetector {
  /** @type {number | null} */
  #previous = null;
  #agreeing = 0;
  #fruitless = 0;

  /** True once several readings made sense. */
  get detected() {
    return this.#agreeing >= AGREEING_READINGS;
  }

  /** True once looking further is a waste of time. */
  get abandoned() {
    return this.#fruitless >= FRUITLESS_READINGS;
  }

  /**
   * @param {number | null} reading from `readStrip`
   * @param {number} nowMs unix milliseconds on the camera's (the gateway's) clock
   * @returns {number | null} latency in milliseconds; null unless the strip is there
   */
  add(reading, nowMs) {
    const age = reading === null ? null : wrappedDifference(nowMs, reading);
    const advancing =
      reading !== null && (this.#previous === null || wrappedDifference(reading, this.#previous) > 0);
    this.#previous = reading;
    if (age === null || Math.abs(age) > PLAUSIBLE_MS || !advancing) {
      // One bad reading (a burst of loss in the strip) costs trust, and does not end it.
      this.#agreeing = Math.max(0, this.#agreeing - 1);
      if (!this.detected) this.#fruitless += 1;
      return null;
    }
    this.#agreeing = Math.min(this.#agreeing + 1, AGREEING_READINGS * 2);
    this.#fruitless = 0;
    return this.detected ? age : null;
  }
}
