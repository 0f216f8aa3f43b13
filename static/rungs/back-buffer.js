/**
 * What of a buffer may go: all before a keyframe that is not needed any more.  Pure.
 *
 * Taking away anything else takes the pictures with it that are built upon it, up to the next keyframe or to the end
 * (Media Source Extensions, "coded frame removal").
 */

const KEPT_BEHIND_S = 1;
const MOST_AHEAD_S = 10;
const KEYFRAMES_KEPT = 200;

export class BackBuffer {
  /** @type {number[]} */
  #keyframes = [];

  /** Everything is gone. */
  clear() {
    this.#keyframes = [];
  }

  /** @param {number} startS of a fragment that begins with a keyframe, in seconds */
  keyframe(startS) {
    this.#keyframes.push(startS);
    if (this.#keyframes.length > KEYFRAMES_KEPT) this.#keyframes.shift();
  }

  /**
   * @param {{start: number, position: number, end: number}} buffer in seconds
   * @param {{hard?: boolean}} [options] hard: keep nothing behind
   * @returns {number | null} up to where to remove; null for nothing
   */
  removable({ start, position, end }, { hard = false } = {}) {
    const wanted = Math.max(position - (hard ? 0 : KEPT_BEHIND_S), end - MOST_AHEAD_S);
    const upTo = this.#keyframes.findLast((at) => at <= wanted);
    if (upTo === undefined || upTo <= start) return null;
    // Once is enough: what browsers call the start of what is left may differ from what was asked for by a rounding.
    this.#keyframes = this.#keyframes.filter((at) => at > upTo);
    return upTo;
  }
}
