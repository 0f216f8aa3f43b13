/**
 * Keeps a buffered picture at the live edge: how fast to play, where to jump, how little to hold back.  Pure.
 *
 * What counts is how much was left when the next piece arrived.  Less than nothing is a stall, and more than a margin
 * for the network's unevenness is delay for nothing.  The margin grows with each stall and shrinks again in time.
 */

const WINDOW_MS = 2000;
const LEAST_MARGIN_S = 0.05;
const MOST_MARGIN_S = 0.6;
const MARGIN_HALF_LIFE_S = 30;
const STALL_SLACK_S = 0.03;
/** A longer silence is an outage, which no margin would have bridged. */
const LONGEST_STALL_S = 1;
const TOO_LATE_S = 1;
const MOST_TOO_LATE_S = 4;
const SOON_MS = 10_000;
const TOO_LATE_TO_JOIN_S = 0.25;
const DEAD_ZONE_S = 0.03;
const SETTLED_S = 0.01;
const MOST_NUDGE = 0.05;
const NUDGE_PER_S = 1;
const USUAL_PIECE_S = 0.04;
const AHEAD_OF_ALL_S = 1;

/**
 * @typedef {readonly (readonly [start: number, end: number])[]} Ranges buffered, in seconds, in order
 *
 * @typedef {object} Decision
 * @property {number} rate to play at, 1 ± 0.05
 * @property {number | null} seekTo seconds; null to go on
 */

export class LiveEdge {
  /** @type {{atMs: number, leftS: number}[]} */
  #arrivals = [];
  #least = LEAST_MARGIN_S;
  #most = MOST_MARGIN_S;
  #marginS = LEAST_MARGIN_S;
  #pieceS = USUAL_PIECE_S;
  /** @type {number | null} */
  #stalledAtMs = null;
  /** @type {number | null} */
  #decidedAtMs = null;
  #joining = true;
  #tooLateS = TOO_LATE_S;
  /** @type {number | null} */
  #jumpedAtMs = null;
  #rate = 1;

  /** @returns {number} how much is held back for the network's unevenness, in seconds */
  get marginS() {
    return this.#marginS;
  }

  /**
   * How much to hold back from now on; more is gathered and less is played away at a pace nobody notices.
   *
   * @param {{least: number, most: number}} marginS
   */
  aim({ least, most }) {
    this.#least = least;
    this.#most = most;
    this.#marginS = least;
    this.#arrivals = [];
  }

  /** Begins anew: the next jump to live needs no good reason. */
  join() {
    this.#joining = true;
    this.#arrivals = [];
    this.#stalledAtMs = null;
    this.#rate = 1;
  }

  /** A picture is on the screen: from now on jumps are seen. */
  joined() {
    this.#joining = false;
  }

  /** Nothing was left to play. @param {number} nowMs any steady clock */
  stalled(nowMs) {
    this.#stalledAtMs ??= nowMs;
  }

  /**
   * Another piece is in the buffer.
   *
   * @param {{nowMs: number, position: number, endBefore: number, end: number}} arrival in seconds but for `nowMs`
   */
  arrived({ nowMs, position, endBefore, end }) {
    if (this.#stalledAtMs !== null) {
      const silentS = (nowMs - this.#stalledAtMs) / 1000;
      if (silentS < LONGEST_STALL_S) {
        this.#marginS = Math.min(this.#most, this.#marginS + silentS + STALL_SLACK_S);
        this.#arrivals = [];
      }
      this.#stalledAtMs = null;
    }
    const grownS = end - endBefore;
    if (grownS > 0 && grownS < LONGEST_STALL_S) this.#pieceS += (grownS - this.#pieceS) / 8;
    this.#arrivals.push({ atMs: nowMs, leftS: Math.max(0, endBefore - position) });
    while (this.#arrivals[0].atMs < nowMs - WINDOW_MS) this.#arrivals.shift();
  }

  /**
   * @param {{nowMs: number, position: number, ranges: Ranges}} state
   * @returns {Decision}
   */
  decide({ nowMs, position, ranges }) {
    this.#relax(nowMs);
    const last = ranges.at(-1);
    if (!last) return { rate: 1, seekTo: null };
    const [start, end] = last;
    const live = Math.max(start, end - this.#marginS - this.#pieceS);
    const outside = position < start || position > end + AHEAD_OF_ALL_S;
    const behindS = end - position - this.#pieceS - this.#marginS;
    if (outside || behindS > (this.#joining ? TOO_LATE_TO_JOIN_S : this.#tooLateS)) {
      this.#jumped(nowMs);
      return { rate: 1, seekTo: live };
    }
    this.#rate = this.#pace();
    return { rate: this.#rate, seekTo: null };
  }

  /**
   * Who jumps again soon decodes too slowly to get there by jumping.
   *
   * @param {number} nowMs
   */
  #jumped(nowMs) {
    const soon = this.#jumpedAtMs !== null && nowMs - this.#jumpedAtMs < SOON_MS;
    this.#tooLateS = soon ? Math.min(MOST_TOO_LATE_S, this.#tooLateS * 2) : TOO_LATE_S;
    this.#jumpedAtMs = nowMs;
    this.#arrivals = [];
    this.#rate = 1;
  }

  #pace() {
    if (this.#arrivals.length === 0) return 1;
    const spareS = Math.min(...this.#arrivals.map(({ leftS }) => leftS)) - this.#marginS;
    if (Math.abs(spareS) < (this.#rate === 1 ? DEAD_ZONE_S : SETTLED_S)) return 1;
    const nudge = Math.max(-MOST_NUDGE, Math.min(MOST_NUDGE, spareS * NUDGE_PER_S));
    const rate = 1 + Math.round(nudge * 100) / 100;
    // What was short before the pace was slackened says nothing about after.
    if (rate < 1 && this.#rate >= 1) this.#arrivals = this.#arrivals.slice(-1);
    return rate;
  }

  /** @param {number} nowMs */
  #relax(nowMs) {
    const seconds = (nowMs - (this.#decidedAtMs ?? nowMs)) / 1000;
    this.#decidedAtMs = nowMs;
    this.#marginS = this.#least + (this.#marginS - this.#least) * 0.5 ** (seconds / MARGIN_HALF_LIFE_S);
  }
}
