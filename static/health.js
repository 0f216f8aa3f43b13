/**
 * Decides from what was decoded and shown whether pictures still come, and when to build a new connection.
 *
 * Pure: counters and `now` in, a verdict out.  The connection's own state is no proof of anything: a peer connection
 * can be "connected" and receive packets while the decoder waits for a keyframe that never comes.
 */

const SILENT_FLOOR_MS = 1500;
const SILENT_INTERVALS = 4;
const REBUILD_FLOOR_MS = 4000;
const REBUILD_MARGIN_MS = 2000;
const DEFAULT_FPS = 25;
const DEFAULT_GOP_S = 2;

/**
 * @typedef {object} Observation
 * @property {number} nowMs any steady clock
 * @property {number} framesDecoded cumulative for this connection
 * @property {number} framesPresented cumulative for this connection
 * @property {boolean} cameraLive what the gateway says
 * @property {boolean} gatewayReturned the signalling socket came back after a loss and no picture has come since
 * @property {number} [fps] the camera's; 0 or absent while unknown
 * @property {number | null} [gopS]
 *
 * @typedef {object} Verdict
 * @property {boolean} silent no pictures for longer than this camera's rate explains
 * @property {boolean} rebuild the connection will not heal by itself
 * @property {number} silentMs since the last picture
 */

/**
 * After how long without a picture a stream counts as stalled: four picture intervals, at least 1.5 s.
 *
 * @param {number | undefined} fps
 * @returns {number} milliseconds
 */
export function silentAfterMs(fps) {
  return Math.max(SILENT_FLOOR_MS, (SILENT_INTERVALS * 1000) / (fps || DEFAULT_FPS));
}

/**
 * After how long a new connection is quicker than waiting: never before the camera's next keyframe was due.
 *
 * @param {number | undefined} fps
 * @param {number | null | undefined} gopS
 * @returns {number} milliseconds
 */
export function rebuildAfterMs(fps, gopS) {
  return Math.max(REBUILD_FLOOR_MS, silentAfterMs(fps), (gopS || DEFAULT_GOP_S) * 1000 + REBUILD_MARGIN_MS);
}

export class Health {
  #decoded = 0;
  #presented = 0;
  #shownSinceCount = true;
  #silent = false;
  #stalls = 0;
  /** @type {number} */
  #progressAtMs;
  /** @type {number | null} */
  #liveSinceMs = null;

  /** @param {number} nowMs when the first picture came */
  constructor(nowMs) {
    this.#progressAtMs = nowMs;
  }

  /** How often pictures stopped coming. */
  get stalls() {
    return this.#stalls;
  }

  /**
   * Starts counting anew without judging the gap: after a hidden tab, say.
   *
   * @param {number} nowMs
   */
  forgive(nowMs) {
    this.#progressAtMs = nowMs;
    this.#silent = false;
  }

  /**
   * @param {Observation} observation
   * @returns {Verdict}
   */
  observe({ nowMs, framesDecoded, framesPresented, cameraLive, gatewayReturned, fps, gopS }) {
    if (this.#progressed(framesDecoded, framesPresented)) this.#progressAtMs = nowMs;
    if (!cameraLive) this.#liveSinceMs = null;
    else this.#liveSinceMs ??= nowMs;

    const silentMs = nowMs - this.#progressAtMs;
    const silent = silentMs > silentAfterMs(fps);
    if (silent && !this.#silent) this.#stalls += 1;
    this.#silent = silent;
    return { silent, silentMs, rebuild: silent && this.#mustRebuild(nowMs, silentMs, { gatewayReturned, fps, gopS }) };
  }

  /**
   * Pictures that were shown count at once.  Decoded ones are counted seldom and late, so they count only where none of
   * them can have been shown: in a window that is covered, say.
   *
   * @param {number} framesDecoded
   * @param {number} framesPresented
   */
  #progressed(framesDecoded, framesPresented) {
    const shown = framesPresented > this.#presented;
    if (shown) this.#shownSinceCount = true;
    this.#presented = Math.max(this.#presented, framesPresented);
    if (framesDecoded <= this.#decoded) return shown;
    this.#decoded = framesDecoded;
    const unseen = !this.#shownSinceCount;
    this.#shownSinceCount = false;
    return shown || unseen;
  }

  /**
   * @param {number} nowMs
   * @param {number} silentMs
   * @param {{gatewayReturned: boolean, fps?: number, gopS?: number | null}} facts
   */
  #mustRebuild(nowMs, silentMs, { gatewayReturned, fps, gopS }) {
    // While the camera is away the gateway keeps this very connection and resumes it.
    if (this.#liveSinceMs === null) return false;
    const waitedMs = Math.min(silentMs, nowMs - this.#liveSinceMs);
    return waitedMs > (gatewayReturned ? silentAfterMs(fps) / 2 : rebuildAfterMs(fps, gopS));
  }
}
