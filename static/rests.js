/**
 * How long a rung that failed is left alone: longer each time it fails again.  Pure; times are of any steady clock.
 *
 * What never connected may be blocked, and a block that is lifted is to be noticed within a minute.  What connected,
 * showed pictures and failed then is another matter: each further try takes pictures away from who watches.
 */

/** The first rest of a rung that failed; it doubles each time. */
export const FIRST_REST_MS = 5000;
/** The longest rest of a rung that never connected: a network that changes is seen within a minute. */
export const LONGEST_REST_MS = 45_000;
/** A link that carries too little will not carry more a moment later. */
export const LOSS_REST_MS = 30_000;
/** The longest rest of a rung whose pictures were shown, and did not last. */
export const LONGEST_RELAPSE_REST_MS = 600_000;
/** A rung that fails sooner than this after its first picture has not proved itself. */
export const PROBATION_MS = 10_000;
/** Watching that long without trouble makes up for one doubling. */
export const FORGIVEN_AFTER_MS = 300_000;

const MOST_DOUBLINGS = 8;
/** A rung that does not stand its probation counts for more than one that fails later. */
const UNPROVED_DOUBLINGS = 2;

/**
 * @typedef {object} Entry
 * @property {number} failures to connect, in a row
 * @property {number} doublings for having been shown and failed
 * @property {number} untilMs
 */

export class Rests {
  /** @type {Map<string, Entry>} */
  #rests = new Map();

  /** A rung that was not shown failed. @param {string} rung @param {number} nowMs */
  begin(rung, nowMs) {
    const { failures, doublings } = this.#entry(rung);
    const restMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** Math.min(failures, MOST_DOUBLINGS));
    this.#rests.set(rung, { failures: failures + 1, doublings, untilMs: nowMs + restMs });
  }

  /**
   * A rung that was shown failed.
   *
   * @param {string} rung
   * @param {number} nowMs
   * @param {object} how
   * @param {number} how.wellMs how long it had brought pictures as it should
   * @param {boolean} [how.loss] its link carries too little
   * @param {boolean} [how.alone] nothing is shown in its place: where it had proved itself it may be tried again at once
   */
  relapse(rung, nowMs, { wellMs, loss = false, alone = false }) {
    const doublings = this.#forgiven(rung, wellMs);
    const proved = wellMs >= PROBATION_MS;
    const spared = alone && proved && !loss && doublings === 0;
    const firstMs = loss ? LOSS_REST_MS : FIRST_REST_MS * (proved ? 1 : UNPROVED_DOUBLINGS);
    const restMs = spared ? 0 : Math.min(LONGEST_RELAPSE_REST_MS, firstMs * 2 ** doublings);
    const more = proved ? 1 : UNPROVED_DOUBLINGS;
    const most = Math.min(MOST_DOUBLINGS, doublings + more);
    this.#rests.set(rung, { failures: 0, doublings: most, untilMs: nowMs + restMs });
  }

  /** A rung that was shown gives way without having failed. @param {string} rung @param {number} wellMs as above */
  left(rung, wellMs) {
    const doublings = this.#forgiven(rung, wellMs);
    if (doublings === 0) this.#rests.delete(rung);
    else this.#rests.set(rung, { ...this.#entry(rung), failures: 0, doublings });
  }

  /** Nothing that failed until now says anything about what comes. */
  forgetAll() {
    this.#rests.clear();
  }

  /**
   * @param {string} rung
   * @returns {number | null} when its rest ends, or ended; null if it has not failed
   */
  untilMs(rung) {
    return this.#rests.get(rung)?.untilMs ?? null;
  }

  /** @param {string} rung @param {number} wellMs @returns {number} doublings */
  #forgiven(rung, wellMs) {
    return Math.max(0, this.#entry(rung).doublings - Math.floor(wellMs / FORGIVEN_AFTER_MS));
  }

  /** @param {string} rung @returns {Entry} */
  #entry(rung) {
    return this.#rests.get(rung) ?? { failures: 0, doublings: 0, untilMs: -Infinity };
  }
}
