/**
 * Decides which rung is tried, shown and given up when.  Pure: what happened and `now` go in, what to do comes out.
 *
 * The first rung starts; each further one a moment later, while none has brought a picture.  The first picture is shown,
 * a better rung's takes its place, worse ones are stopped.  What fails rests for a time that grows each time; while
 * something worse is shown, better rungs are probed in its background.  A rung that falters stays on the screen while the
 * others are tried, and whichever shows a picture first goes on.
 */

/**
 * @typedef {object} Step one rung of a plan, in the order of trying
 * @property {string} rung
 * @property {number} timeoutMs to its first picture
 *
 * @typedef {{do: 'start' | 'stop' | 'show', rung: string, reason?: string}} Action
 *   `stop` comes with its reason; a rung that is shown takes the place of the one before, which is stopped after it
 */

/** Best first: what a rung is worth, whatever order it is tried in. */
export const RANKS = Object.freeze(['webrtc', 'mse', 'll-hls', 'hls']);

/** How long a rung tries alone before the next joins in. */
export const WARM_AFTER_MS = 400;
/** The same where a first picture takes longer by nature. */
const WARM_AFTER = Object.freeze(/** @type {Record<string, number>} */ ({ 'll-hls': 2000, hls: 4000 }));
/** A rung that is connected has this much longer: where all is slow, more tries make it slower. */
export const NEAR_MS = 1000;
/** A rung that fails sooner than this after its first picture has not proved itself. */
export const PROBATION_MS = 10_000;
/** The first rest of a rung that failed; it doubles each time. */
export const FIRST_REST_MS = 5000;
/** The longest rest, in the first minutes and afterwards: a network that changes is seen within a minute. */
export const LONGEST_REST_MS = 45_000;
/** A link that carries too little will not carry more a moment later. */
export const LOSS_REST_MS = 30_000;
/** Between rounds in which nothing worked. */
const ROUND_REST_MS = Object.freeze([500, 1000, 2000, 4000, 8000, 15_000]);

/**
 * @param {string} rung
 * @returns {number} 0 is best
 */
function rank(rung) {
  const found = RANKS.indexOf(rung);
  return found < 0 ? RANKS.length : found;
}

export class Ladder {
  #steps;
  /** @type {Map<string, number>} rungs being tried, and since when */
  #trials = new Map();
  /** @type {Map<string, {failures: number, until: number}>} */
  #rests = new Map();
  /** @type {string | null} */
  #shown = null;
  #shownAt = 0;
  /** @type {{restMs: number} | null} why what is shown may be replaced by anything: it brings no pictures, or too few */
  #doubt = null;
  /** @type {string[]} what this round has still to try */
  #waiting = [];
  /** @type {number | null} when the next of them starts */
  #nextAt = null;
  #rounds = 0;
  /** @type {number | null} when the next round begins */
  #roundAt = null;

  /** @param {readonly Step[]} steps */
  constructor(steps) {
    this.#steps = new Map(steps.map((step) => [step.rung, step]));
  }

  /** @returns {string | null} the rung whose pictures are on the screen */
  get shown() {
    return this.#shown;
  }

  /** @returns {readonly string[]} rungs being tried */
  get trying() {
    return [...this.#trials.keys()];
  }

  /** @returns {number} rounds in a row in which nothing worked */
  get rounds() {
    return this.#rounds;
  }

  /** @returns {number | null} when `tick` has something to do; null when only an event can change anything */
  get dueMs() {
    const times = [...this.#trials].map(([rung, since]) => since + this.#timeoutMs(rung));
    if (this.#nextAt !== null) times.push(this.#nextAt);
    if (this.#roundAt !== null) times.push(this.#roundAt);
    if (this.#probing) times.push(...this.#better().map((rung) => this.#restUntil(rung)));
    return times.length ? Math.min(...times) : null;
  }

  /** @returns {boolean} whether something is left to try at all */
  get hopeful() {
    return this.#steps.size > 0;
  }

  /**
   * Starts from the top.
   *
   * @param {number} nowMs any steady clock
   * @returns {Action[]}
   */
  begin(nowMs) {
    this.#roundAt = null;
    if (this.#shown !== null && !this.#doubt) return [];
    const rungs = [...this.#steps.keys()].filter((rung) => rung !== this.#shown && !this.#trials.has(rung));
    const rested = rungs.filter((rung) => this.#restUntil(rung) <= nowMs);
    this.#waiting = [...rested, ...rungs.filter((rung) => !rested.includes(rung))];
    return this.#startNext(nowMs);
  }

  /**
   * The plan is another: what it no longer has is stopped, unless it brings pictures already.
   *
   * @param {readonly Step[]} steps
   * @param {number} nowMs
   * @returns {Action[]}
   */
  revise(steps, nowMs) {
    const before = this.#steps;
    const searching = this.#trials.size > 0 || this.#waiting.length > 0 || this.#roundAt !== null;
    this.#steps = new Map(steps.map((step) => [step.rung, step]));
    /** @type {Action[]} */
    const actions = [];
    for (const rung of [...this.#trials.keys()].filter((trial) => !this.#steps.has(trial))) {
      this.#trials.delete(rung);
      actions.push({ do: 'stop', rung, reason: 'not for this camera and browser' });
    }
    if (!searching || (this.#shown !== null && !this.#doubt)) return actions;
    const left = new Set(this.#waiting);
    this.#waiting = [...this.#steps.keys()].filter((rung) => left.has(rung) || !before.has(rung));
    if (this.#trials.size > 0) {
      if (this.#waiting.length) this.#nextAt ??= nowMs + WARM_AFTER_MS;
      else this.#nextAt = null;
      return actions;
    }
    return this.#waiting.length ? [...actions, ...this.#startNext(nowMs)] : actions;
  }

  /**
   * This rung will never play here.
   *
   * @param {string} rung
   * @param {number} nowMs
   * @returns {Action[]}
   */
  drop(rung, nowMs) {
    this.#steps.delete(rung);
    this.#waiting = this.#waiting.filter((waiting) => waiting !== rung);
    if (rung === this.#shown) {
      this.#shown = null;
      this.#doubt = null;
      return this.begin(nowMs);
    }
    return this.#trials.has(rung) ? this.#gaveUp(rung, nowMs) : [];
  }

  /**
   * There is nothing to be had now, from nowhere: what is on trial is stopped, and nobody is to blame.
   *
   * @param {string} reason
   * @returns {Action[]}
   */
  suspend(reason) {
    const rungs = [...this.#trials.keys()];
    this.#trials.clear();
    this.#waiting = [];
    this.#nextAt = null;
    this.#roundAt = null;
    this.#doubt = null;
    return rungs.map((rung) => ({ do: 'stop', rung, reason }));
  }

  /**
   * A rung on trial is connected: its picture can't be far.
   *
   * @param {string} rung
   * @param {number} nowMs
   */
  near(rung, nowMs) {
    if (this.#nextAt !== null && this.#trials.has(rung)) this.#nextAt = Math.max(this.#nextAt, nowMs + NEAR_MS);
  }

  /**
   * What is on trial has little hope: the next need not wait.
   *
   * @param {number} nowMs
   */
  hasten(nowMs) {
    if (this.#nextAt !== null) this.#nextAt = nowMs;
  }

  /**
   * What is shown brings no pictures, or too few: the others are tried beside it.
   *
   * @param {number} nowMs
   * @param {{loss?: boolean}} [how] `loss`: its link carries too little for the camera
   * @returns {Action[]}
   */
  faltered(nowMs, { loss = false } = {}) {
    if (this.#shown === null || this.#doubt) return [];
    this.#doubt = { restMs: loss ? LOSS_REST_MS : FIRST_REST_MS };
    return this.begin(nowMs);
  }

  /**
   * What is shown brings pictures again.
   *
   * @returns {Action[]}
   */
  recovered() {
    const shown = this.#shown;
    if (shown === null || !this.#doubt || this.#doubt.restMs === LOSS_REST_MS) return [];
    this.#rounds = 0;
    return this.suspend(`${shown} recovered`);
  }

  /**
   * Ends everything; `begin` may come again.
   *
   * @param {string} reason
   * @returns {Action[]}
   */
  halt(reason) {
    const rungs = [...this.#trials.keys(), ...(this.#shown === null ? [] : [this.#shown])];
    this.suspend(reason);
    this.#shown = null;
    this.#rounds = 0;
    return rungs.map((rung) => ({ do: 'stop', rung, reason }));
  }

  /**
   * Another network: what failed on the last one may work on this one.
   *
   * @param {number} nowMs
   * @returns {Action[]}
   */
  moved(nowMs) {
    this.#rests.clear();
    return this.tick(nowMs);
  }

  /**
   * @param {number} nowMs
   * @returns {Action[]}
   */
  tick(nowMs) {
    /** @type {Action[]} */
    const actions = [];
    for (const [rung, since] of [...this.#trials]) {
      if (nowMs - since < this.#timeoutMs(rung)) continue;
      actions.push({ do: 'stop', rung, reason: 'no picture in time' });
      actions.push(...this.#gaveUp(rung, nowMs));
    }
    if (this.#nextAt !== null && nowMs >= this.#nextAt) actions.push(...this.#startNext(nowMs));
    if (this.#roundAt !== null && nowMs >= this.#roundAt) actions.push(...this.begin(nowMs));
    if (this.#probing) actions.push(...this.#probe(nowMs));
    return actions;
  }

  /**
   * A rung on trial brought its first picture.
   *
   * @param {string} rung
   * @param {number} nowMs
   * @returns {Action[]}
   */
  pictured(rung, nowMs) {
    if (!this.#trials.delete(rung)) return [];
    const before = this.#shown;
    const doubt = this.#doubt;
    if (before !== null && !doubt && rank(before) <= rank(rung)) return [{ do: 'stop', rung, reason: `${before} is better` }];
    this.#shown = rung;
    this.#shownAt = nowMs;
    this.#rounds = 0;
    this.#waiting = [];
    this.#nextAt = null;
    /** @type {Action[]} */
    const actions = [{ do: 'show', rung }];
    if (before !== null) {
      if (doubt) this.#rest(before, nowMs, doubt.restMs);
      actions.push({ do: 'stop', rung: before, reason: doubt ? `${rung} brings pictures` : `${rung} is better` });
    }
    this.#doubt = null;
    for (const other of [...this.#trials.keys()]) {
      if (rank(other) < rank(rung)) continue;
      this.#trials.delete(other);
      actions.push({ do: 'stop', rung: other, reason: `${rung} was quicker` });
    }
    return actions;
  }

  /**
   * A rung gave up: on trial, or while it was shown and nothing more could be done for it.
   *
   * @param {string} rung
   * @param {number} nowMs
   * @param {{loss?: boolean}} [how] `loss`: its link carries too little for the camera
   * @returns {Action[]}
   */
  failed(rung, nowMs, { loss = false } = {}) {
    if (rung === this.#shown) return this.#lost(rung, nowMs, loss);
    if (!this.#trials.has(rung)) return [];
    return this.#gaveUp(rung, nowMs);
  }

  /**
   * @param {string} rung
   * @param {number} nowMs
   * @returns {Action[]}
   */
  #gaveUp(rung, nowMs) {
    this.#trials.delete(rung);
    this.#rest(rung, nowMs);
    if (this.#shown !== null && !this.#doubt) return [];
    if (this.#waiting.length) return this.#startNext(nowMs);
    if (this.#trials.size === 0 && this.hopeful) {
      this.#roundAt = nowMs + ROUND_REST_MS[Math.min(this.#rounds, ROUND_REST_MS.length - 1)];
      this.#rounds += 1;
    }
    return [];
  }

  /**
   * @param {string} rung
   * @param {number} nowMs
   * @param {boolean} loss
   * @returns {Action[]}
   */
  #lost(rung, nowMs, loss) {
    const proved = nowMs - this.#shownAt >= PROBATION_MS;
    this.#shown = null;
    this.#doubt = null;
    if (loss) this.#rest(rung, nowMs, LOSS_REST_MS);
    // What worked for long is tried again first: more often than not it was the gateway or the network, not the rung.
    else if (proved) this.#rests.delete(rung);
    else this.#rest(rung, nowMs);
    return this.begin(nowMs);
  }

  /**
   * @param {number} nowMs
   * @returns {Action[]}
   */
  #startNext(nowMs) {
    const rung = this.#waiting.find((candidate) => !this.#trials.has(candidate));
    this.#waiting = this.#waiting.filter((candidate) => candidate !== rung && !this.#trials.has(candidate));
    if (rung === undefined) {
      this.#nextAt = null;
      return [];
    }
    this.#trials.set(rung, nowMs);
    this.#nextAt = this.#waiting.length ? nowMs + (WARM_AFTER[rung] ?? WARM_AFTER_MS) : null;
    return [{ do: 'start', rung }];
  }

  /** Whether something better could be looked for. */
  get #probing() {
    return this.#shown !== null && !this.#doubt && this.#trials.size === 0 && this.#better().length > 0;
  }

  /** @returns {string[]} rungs above the one that is shown, the best first */
  #better() {
    const shown = this.#shown;
    if (shown === null) return [];
    return [...this.#steps.keys()]
      .filter((rung) => rank(rung) < rank(shown))
      .sort((one, other) => rank(one) - rank(other));
  }

  /**
   * @param {number} nowMs
   * @returns {Action[]}
   */
  #probe(nowMs) {
    const rung = this.#better().find((candidate) => this.#restUntil(candidate) <= nowMs);
    if (rung === undefined) return [];
    this.#trials.set(rung, nowMs);
    return [{ do: 'start', rung }];
  }

  /** @param {string} rung */
  #timeoutMs(rung) {
    return this.#steps.get(rung)?.timeoutMs ?? 0;
  }

  /** @param {string} rung */
  #restUntil(rung) {
    // A rung that the plan put behind worse ones is not probed in the first moments either.
    return this.#rests.get(rung)?.until ?? (this.#shown === null ? 0 : this.#shownAt + FIRST_REST_MS);
  }

  /**
   * @param {string} rung
   * @param {number} nowMs
   * @param {number} [leastMs]
   */
  #rest(rung, nowMs, leastMs = FIRST_REST_MS) {
    const failures = this.#rests.get(rung)?.failures ?? 0;
    const restMs = Math.min(LONGEST_REST_MS, Math.max(leastMs, FIRST_REST_MS * 2 ** Math.min(failures, 8)));
    this.#rests.set(rung, { failures: failures + 1, until: nowMs + restMs });
  }
}
