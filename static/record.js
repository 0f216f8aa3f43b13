/** What has become of a player since it started: its tries, and the numbers that outlive each of them. */

/**
 * @typedef {import('./attempt.js').Attempt} Attempt
 * @typedef {import('./types.js').Metrics} Metrics
 * @typedef {import('./types.js').RenditionRun} RenditionRun
 * @typedef {import('./types.js').RenditionWord} RenditionWord
 * @typedef {import('./types.js').RungRun} RungRun
 */

const LATENCIES_KEPT = 60;
const RUNS_KEPT = 20;
const RENDITIONS_KEPT = 20;
const FIRST_REPORT_MS = 5000;
const REPORT_EVERY_MS = 30_000;

export class Record {
  /** @type {number | null} when the player first started: what is told of one viewing counts from there */
  #beganAt = null;
  /** When it started last. */
  #startedAt = 0;
  /** Of the tries that are over. */
  #presented = 0;
  #stalls = 0;
  /** @type {number | null} since the last start */
  #firstPictureMs = null;
  /** @type {number | null} */
  #firstEverMs = null;
  /** @type {RungRun[]} */
  #history = [];
  /** @type {RenditionRun[]} */
  #renditions = [];
  /** @type {(number | null)[]} */
  #latencies = [];

  /** Names what is reported as one. */
  session = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  #watchedMs = 0;
  #stalledMs = 0;
  #accountedAt = 0;
  /** Of the silence that lasts. */
  #silentMs = 0;
  #reportAt = 0;
  /** When somebody began to look. */
  #lookedAt = 0;

  /** Connections that had shown pictures and were lost. */
  reconnects = 0;

  /** @param {number} nowMs the player starts, or starts again */
  restart(nowMs) {
    this.#beganAt ??= nowMs;
    this.#startedAt = nowMs;
    this.#accountedAt = nowMs;
    this.#lookedAt = nowMs;
    this.#silentMs = 0;
    this.#reportAt = nowMs + FIRST_REPORT_MS;
    this.#firstPictureMs = null;
  }

  /** @returns {number} when the viewing began: times of tries count from there */
  get beganAt() {
    return this.#beganAt ?? this.#startedAt;
  }

  /** @returns {number | null} from the first start to the first picture of the viewing */
  get firstEverMs() {
    return this.#firstEverMs;
  }

  /** @returns {readonly RungRun[]} */
  get history() {
    return this.#history;
  }

  /** @returns {readonly (number | null)[]} one for each of the last 60 s, oldest first; null where there were no pictures */
  get latencies() {
    return this.#latencies;
  }

  /** @param {Attempt} attempt */
  begun({ run }) {
    this.#history = [...this.#history.slice(1 - RUNS_KEPT), run];
  }

  /** @returns {readonly RenditionRun[]} each time WebRTC began to bring another one */
  get renditions() {
    return this.#renditions;
  }

  /**
   * @param {number} nowMs
   * @param {RenditionWord} word
   */
  renditionIs(nowMs, { rendition, reason }) {
    const run = { rendition, reason, atS: (nowMs - this.beganAt) / 1000 };
    this.#renditions = [...this.#renditions.slice(1 - RENDITIONS_KEPT), run];
  }

  /** @param {number} nowMs */
  pictureCame(nowMs) {
    this.#firstPictureMs ??= nowMs - this.#startedAt;
    this.#firstEverMs ??= nowMs - this.beganAt;
  }

  /** @param {Attempt} attempt */
  ended(attempt) {
    this.#presented += attempt.frames.presented;
    this.#stalls += attempt.recovery?.stalls ?? 0;
  }

  /** @returns {number} with pictures that moved */
  get watchedMs() {
    return this.#watchedMs;
  }

  /** @returns {number} with one that stood still */
  get stalledMs() {
    return this.#stalledMs;
  }

  /**
   * Counts how long somebody has been looking, and at nothing new.
   *
   * @param {number} nowMs
   * @param {{lastPictureAt: number | null, stopped: boolean}} seen null while nobody looks, or nothing was there yet
   */
  account(nowMs, { lastPictureAt, stopped }) {
    const forMs = nowMs - this.#accountedAt;
    this.#accountedAt = nowMs;
    if (lastPictureAt === null) {
      this.#lookedAt = nowMs;
      this.#silentMs = 0;
      return;
    }
    // What turns out to be a silence began with the last picture, or when somebody looked again.
    const silentMs = stopped ? nowMs - Math.max(lastPictureAt, this.#lookedAt) : 0;
    const moreMs = Math.max(0, silentMs - this.#silentMs);
    this.#silentMs = silentMs;
    this.#watchedMs = Math.max(0, this.#watchedMs + forMs - moreMs);
    this.#stalledMs += moreMs;
  }

  /**
   * @param {number} nowMs
   * @returns {boolean} whether a report is to be sent now; then the next one is later
   */
  reportIsDue(nowMs) {
    if (nowMs < this.#reportAt) return false;
    this.#reportAt = nowMs + REPORT_EVERY_MS;
    return true;
  }

  /** @param {number | null} latencyMs of this second */
  second(latencyMs) {
    this.#latencies = [...this.#latencies, latencyMs].slice(-LATENCIES_KEPT);
  }

  /**
   * @param {Attempt | null} attempt the one that runs
   * @returns {Metrics}
   */
  metrics(attempt) {
    return {
      firstPictureMs: this.#firstPictureMs,
      latencyMs: attempt?.frames.latencyMs ?? null,
      latencySource: attempt?.frames.latencySource ?? null,
      framesPresented: this.#presented + (attempt?.frames.presented ?? 0),
      stalls: this.#stalls + (attempt?.recovery?.stalls ?? 0),
      reconnects: this.reconnects,
      rung: attempt?.rung.name ?? null,
      transport: attempt?.counters?.transport ?? null,
      catchingUp: attempt?.frames.catchingUp ?? false,
    };
  }
}
