/**
 * Decides from what arrived, was decoded and was shown whether pictures still come, why not, and what to do about it.
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
const MOST_IN_FLIGHT = 3;
/** Bytes that came so long after the last picture belong to pictures that should have been shown. */
const STILL_FLOWING_MS = 1500;
/** As the gateway judges it: of so many packets missing hardly any picture comes whole. */
const HEAVY_LOSS = 0.2;
/** Where nothing else helped by then, the connection is begun anew after all. */
const LOSSES_BORNE = 3;
/** How long a connection may be on its way back before others are tried beside it. */
const MENDING_ALONE_MS = 750;

/**
 * @typedef {'camera' | 'gateway' | 'network' | 'loss' | 'decoder'} Cause `camera`: the gateway says so.  `gateway`: it
 *   can't be asked.  `network`: nothing arrives on this connection.  `loss`: too little of it does.  `decoder`: it does, and
 *   is not shown.
 *
 * @typedef {'reattach' | 'mend' | 'others' | 'reconnect'} Step `reattach`: give the video its stream anew.  `mend`: get
 *   the connection back (ICE restart).  `others`: try other rungs beside this one.  `reconnect`: begin this one anew.
 *
 * @typedef {object} Observation
 * @property {number} nowMs any steady clock
 * @property {number} framesDecoded cumulative for this connection
 * @property {number} framesPresented cumulative for this connection
 * @property {number | null} [presentedAtMs] when the last of them was, if that is known
 * @property {number} bytesReceived cumulative for this connection
 * @property {boolean} cameraLive what the gateway says
 * @property {boolean} gatewayThere it answers, by whatever way
 * @property {number} [lossRatio] of the packets that should have come lately, 0 to 1
 * @property {boolean} gatewayHeard it said something after the last picture: the network as such is there
 * @property {boolean} gatewayReturned the signalling socket came back after a loss and no picture has come since
 * @property {boolean} mending the connection is being brought back
 * @property {boolean} mendable it could be
 * @property {number} [fps] the camera's; 0 or absent while unknown
 * @property {number | null} [gopS]
 * @property {number} [segmentS] seconds of pictures that come at once: where they are used up, the next may be as far away
 *
 * @typedef {object} Verdict
 * @property {boolean} silent no pictures for longer than this camera's rate explains
 * @property {number} silentMs since the last picture
 * @property {Cause | null} cause null while pictures come
 * @property {Step | null} step to take now; `reconnect` until it is taken, the others once in each silence
 */

/**
 * After how long without a picture a stream counts as stalled: four picture intervals, at least 1.5 s.
 *
 * @param {number | undefined} fps
 * @param {number} [segmentS] how long the pictures last that come at once
 * @returns {number} milliseconds
 */
export function silentAfterMs(fps, segmentS = 0) {
  return Math.max(SILENT_FLOOR_MS, (SILENT_INTERVALS * 1000) / (fps || DEFAULT_FPS)) + segmentS * 1000;
}

/**
 * After how long a new connection is quicker than waiting: never before the camera's next keyframe was due.
 *
 * @param {number | undefined} fps
 * @param {number | null | undefined} gopS
 * @param {number} [segmentS] as above
 * @returns {number} milliseconds
 */
export function rebuildAfterMs(fps, gopS, segmentS = 0) {
  const keyframeMs = (gopS || DEFAULT_GOP_S) * 1000 + REBUILD_MARGIN_MS;
  return Math.max(REBUILD_FLOOR_MS, silentAfterMs(fps, segmentS), keyframeMs);
}

export class Recovery {
  #decoded = 0;
  #presented = 0;
  #bytes = 0;
  #shownSinceCount = true;
  #silent = false;
  #stalls = 0;
  /** @type {number} */
  #progressAtMs;
  #bytesAtMs = -Infinity;
  /** @type {number | null} */
  #liveSinceMs = null;
  /** @type {Set<Step>} in this silence */
  #taken = new Set();

  /** @param {number} nowMs when the first picture came */
  constructor(nowMs) {
    this.#progressAtMs = nowMs;
  }

  /** How often pictures stopped coming. */
  get stalls() {
    return this.#stalls;
  }

  /** Whether pictures stopped coming. */
  get silent() {
    return this.#silent;
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
  observe(observation) {
    const { nowMs, framesDecoded, framesPresented, presentedAtMs, bytesReceived, cameraLive, gatewayThere, mending, fps } =
      observation;
    if (framesPresented > this.#presented) this.#progressAtMs = Math.max(this.#progressAtMs, presentedAtMs ?? nowMs);
    if (this.#progressedUnseen(framesDecoded, framesPresented, fps)) this.#progressAtMs = nowMs;
    if (bytesReceived > this.#bytes) this.#bytesAtMs = nowMs;
    this.#bytes = bytesReceived;
    if (!cameraLive || !gatewayThere || mending) this.#liveSinceMs = null;
    else this.#liveSinceMs ??= nowMs;

    const silentMs = nowMs - this.#progressAtMs;
    const silent = silentMs > silentAfterMs(fps, observation.segmentS);
    if (silent && !this.#silent) {
      this.#stalls += 1;
      this.#taken.clear();
    }
    this.#silent = silent;
    if (!silent) return { silent, silentMs, cause: null, step: null };
    const cause = this.#cause(observation);
    return { silent, silentMs, cause, step: this.#step(observation, cause, silentMs) };
  }

  /**
   * Pictures that were shown count at once.  Decoded ones are counted seldom and late, so they count only where none of
   * them can have been shown: in a window that is covered, say.
   *
   * @param {number} framesDecoded
   * @param {number} framesPresented
   * @param {number | undefined} fps
   */
  #progressedUnseen(framesDecoded, framesPresented, fps) {
    if (framesPresented > this.#presented) this.#shownSinceCount = true;
    this.#presented = Math.max(this.#presented, framesPresented);
    if (framesDecoded <= this.#decoded) return false;
    // The last ones before a silence are decoded and not shown either.
    const few = framesDecoded - this.#decoded <= Math.min(MOST_IN_FLIGHT, (fps || DEFAULT_FPS) / 4);
    this.#decoded = framesDecoded;
    const unseen = !this.#shownSinceCount && !few;
    this.#shownSinceCount = false;
    return unseen;
  }

  /**
   * @param {Observation} observation
   * @returns {Cause}
   */
  #cause({ cameraLive, gatewayThere, lossRatio = 0 }) {
    if (!gatewayThere) return 'gateway';
    if (!cameraLive) return 'camera';
    if (lossRatio >= HEAVY_LOSS) return 'loss';
    return this.#bytesAtMs > this.#progressAtMs + STILL_FLOWING_MS ? 'decoder' : 'network';
  }

  /**
   * @param {Observation} observation
   * @param {Cause} cause
   * @param {number} silentMs
   * @returns {Step | null}
   */
  #step(observation, cause, silentMs) {
    const { nowMs, cameraLive, gatewayThere, gatewayHeard, gatewayReturned, mending, mendable } = observation;
    const { fps, gopS, segmentS } = observation;
    // While the camera is away the gateway keeps this very connection and resumes it.
    if (!cameraLive || !gatewayThere) return null;
    const silentAfter = silentAfterMs(fps, segmentS);
    const waitedMs = Math.min(silentMs, nowMs - (this.#liveSinceMs ?? nowMs));
    const lateMs = rebuildAfterMs(fps, gopS, segmentS);
    const late = waitedMs > (gatewayReturned ? silentAfter / 2 : lateMs);
    // The gateway notices that sooner, and may send less; a decoder that begins anew would get no more of it.
    if (cause === 'loss' && waitedMs <= LOSSES_BORNE * lateMs) return late ? this.#once('others') : null;
    if (cause === 'decoder') {
      const step = waitedMs > silentAfter ? this.#once('reattach') : null;
      if (step) return step;
    } else if (!gatewayReturned) {
      // Where the gateway is heard it is not the network, but this way through it that is blocked.
      const mend = mendable && !mending && (late || (gatewayHeard && waitedMs > silentAfter)) ? this.#once('mend') : null;
      if (mend) return mend;
      const others = gatewayHeard && silentMs > silentAfter + MENDING_ALONE_MS ? this.#once('others') : null;
      if (others) return others;
    }
    if (mending) return null;
    return late ? 'reconnect' : null;
  }

  /** @param {Step} step */
  #once(step) {
    if (this.#taken.has(step)) return null;
    this.#taken.add(step);
    return step;
  }
}
