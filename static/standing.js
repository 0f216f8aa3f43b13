/**
 * What a player knows of its camera, its gateway and its pictures: all that people are told.  Pure.
 *
 * Times are unix milliseconds of this browser.
 */

import { Reach } from './reach.js';

/** Who was away for less did not keep anybody from trying: a socket fell, and the gateway answered at once. */
const BLINK_MS = 2000;

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./types.js').Failure} Failure
 * @typedef {import('./types.js').Phase} Phase
 * @typedef {import('./types.js').Situation} Situation
 * @typedef {import('./recovery.js').Cause} Cause
 *
 * @typedef {Pick<Situation, 'clockOffsetMs' | 'tried' | 'lowered' | 'protocol' | 'transport'>} Circumstances what others know
 */

export class Standing {
  /** @type {Phase} */
  #phase = 'stopped';
  /** @type {Camera | null} */
  #camera = null;
  /** @type {Situation['outage']} */
  #outage = null;
  #reach = new Reach();
  #waitingSince = 0;
  #progress = 0;
  /** @type {number | null} */
  #lastPictureAt = null;
  #catchingUp = false;
  #smaller = false;
  #silent = false;
  /** @type {Cause | null} why */
  #cause = null;
  #failures = 0;
  /** @type {Failure | null} */
  #failure = null;

  /** @returns {Phase} */
  get phase() {
    return this.#phase;
  }

  /** @returns {Camera | null} as far as it is known */
  get camera() {
    return this.#camera;
  }

  /** Whether what the camera sends, if it sends anything, can't be had now by any way. */
  get cameraAway() {
    return this.#camera !== null && ['offline', 'unsupported'].includes(this.#camera.state);
  }

  /** Whether the camera is live, or nothing speaks against that. */
  get cameraLive() {
    return (this.#camera?.state ?? 'live') === 'live';
  }

  /** Whether the gateway answers, by whatever way. */
  get gatewayThere() {
    return this.#reach.there;
  }

  /** Whether pictures came, and then stopped coming. */
  get silent() {
    return this.#silent;
  }

  /** @returns {number | null} */
  get lastPictureAt() {
    return this.#lastPictureAt;
  }

  /** Whether WebRTC brings the camera's substream, as the network is too narrow for more. */
  get smaller() {
    return this.#smaller;
  }

  get catchingUp() {
    return this.#catchingUp;
  }

  /** @param {number} nowMs */
  begin(nowMs) {
    this.#phase = 'starting';
    this.#waitingSince = nowMs;
    this.#lastPictureAt = null;
    this.#failures = 0;
  }

  /**
   * @param {Phase} phase in which nothing goes on
   * @param {Failure | null} [failure] why; null for no other than before
   */
  halt(phase, failure = null) {
    this.#phase = phase;
    this.#failure = failure ?? this.#failure;
    this.#catchingUp = false;
    this.#silent = false;
    this.#reach = new Reach();
  }

  /** What failed until now says nothing about what comes. */
  forgive() {
    this.#failures = 0;
  }

  /** Waiting for a picture begins now. @param {number} nowMs */
  waitAnew(nowMs) {
    this.#waitingSince = nowMs;
  }

  /** @param {number} progress 0 to 1, how far connecting has come */
  advance(progress) {
    this.#progress = progress;
  }

  /**
   * The first of a connection.
   *
   * @param {number} nowMs
   * @param {{catchingUp: boolean}} frames
   */
  pictureCame(nowMs, { catchingUp }) {
    this.#phase = 'playing';
    this.#lastPictureAt = nowMs;
    this.#silent = false;
    this.#catchingUp = catchingUp;
    this.#failures = 0;
    this.#failure = null;
  }

  /**
   * Another picture is on the screen.
   *
   * @param {{lastPictureAt: number | null, catchingUp: boolean}} frames
   * @returns {boolean} whether that may be news
   */
  pictureFollowed({ lastPictureAt, catchingUp }) {
    this.#lastPictureAt = lastPictureAt;
    if (catchingUp === this.#catchingUp && !this.#silent) return false;
    this.#catchingUp = catchingUp;
    return true;
  }

  /**
   * @param {{silent: boolean, cause: Cause | null}} verdict
   * @returns {boolean} whether it is another than before
   */
  judge({ silent, cause }) {
    const changed = silent !== this.#silent || cause !== this.#cause;
    this.#silent = silent;
    this.#cause = cause;
    return changed;
  }

  /**
   * What was shown is lost.
   *
   * @param {Failure} failure
   * @param {number} nowMs
   */
  lost(failure, nowMs) {
    this.#phase = 'starting';
    this.#progress = 0;
    this.#waitingSince = nowMs;
    this.#catchingUp = false;
    this.#failure = failure;
  }

  /** Nothing is shown any more, and nobody failed: waiting begins anew. @param {number} nowMs */
  withdrawn(nowMs) {
    this.#phase = 'starting';
    this.#progress = 0;
    this.#waitingSince = nowMs;
    this.#lastPictureAt = null;
    this.#silent = false;
    this.#catchingUp = false;
  }

  /** A try failed, and nothing is shown. @param {Failure} failure */
  tryFailed(failure) {
    this.#progress = 0;
    // Nobody is to blame for a refusal of what is not there.
    if (!this.cameraLive && failure.code === 'refused') return;
    this.#failures += 1;
    this.#failure = failure;
  }

  /**
   * @param {number} nowMs
   * @param {{overHttp: boolean}} how whether by HTTP alone
   * @returns {boolean} whether it had been away
   */
  gatewayAnswered(nowMs, { overHttp }) {
    const goneAt = this.#reach.downSince ?? nowMs;
    if (!this.#reach.answered({ overHttp })) return false;
    this.#failures = 0;
    if (this.#phase === 'starting' && nowMs - goneAt >= BLINK_MS) this.#waitingSince = nowMs;
    return true;
  }

  /** @param {number} nowMs @param {{ungranted?: boolean}} [how] whether only this page has nothing to show it */
  gatewayGone(nowMs, how) {
    this.#reach.gone(nowMs, how);
  }

  /**
   * @param {{retryAt: number, opened: boolean}} detail as `Signalling`
   * @param {number} nowMs
   * @returns {boolean} whether that says that the gateway is away
   */
  socketDown(detail, nowMs) {
    return this.#reach.socketDown(detail, nowMs);
  }

  /** @param {{smaller: boolean}} rendition what WebRTC brings */
  renditionIs({ smaller }) {
    this.#smaller = smaller;
  }

  /** @param {Camera} camera */
  cameraIs(camera) {
    this.#camera = camera;
    if (camera.state === 'offline') this.#outage = { since: camera.since, reason: camera.reason };
    else if (camera.state !== 'connecting') this.#outage = null;
  }

  /**
   * @param {Circumstances} circumstances
   * @returns {Situation}
   */
  situation(circumstances) {
    return {
      ...circumstances,
      phase: this.#phase,
      camera: this.#camera,
      outage: this.#outage,
      startedAt: this.#waitingSince,
      progress: this.#progress,
      lastPictureAt: this.#lastPictureAt,
      silent: this.#silent || (this.#lastPictureAt !== null && this.#phase === 'starting'),
      cause: this.#silent ? this.#cause : null,
      catchingUp: this.#catchingUp,
      smaller: this.#smaller,
      gatewayDownSince: this.#reach.downSince,
      gatewayRetryAt: this.#reach.retryAt,
      ungranted: this.#reach.ungranted,
      failures: this.#failures,
      failure: this.#failure,
    };
  }
}
