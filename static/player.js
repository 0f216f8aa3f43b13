/**
 * Plays one camera into one `<video>` and keeps it playing; no other DOM.
 *
 * Events: `change` (the situation did), `picture` (first of a connection), `detach` (detail: the video whose picture is
 * about to go: copy it now), `fallback` (detail as protocol.md).
 */

import { Attempt } from './attempt.js';
import { CameraLink } from './camera-link.js';
import { StreamClock } from './clock.js';
import { nowMs } from './now.js';
import { offerOf, protocolName, PROTOCOLS } from './protocols.js';
import { Record } from './record.js';
import { retryDelayMs } from './retry.js';
import { loadRung, makeRung } from './rungs/maker.js';

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./types.js').Failure} Failure
 * @typedef {import('./types.js').Metrics} Metrics
 * @typedef {import('./types.js').Phase} Phase
 * @typedef {import('./types.js').Situation} Situation
 *
 * @typedef {import('./camera-link.js').LinkOptions & {protocol: string}} PlayerOptions `protocol` is one of `PROTOCOLS`,
 *   or what somebody took for one
 */

const TICK_MS = 500;
const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 15_000;
const ANSWER_DEADLINE_MS = 5000;
const OPENING_ANSWER_DEADLINE_MS = 12_000;
const PICTURE_DEADLINE_MS = 3000;
/** Plays wherever there is a media source, with nothing that an installation may lack. */
const WITHOUT_MORE = 'mse';

export class Player extends EventTarget {
  #video;
  #options;
  #link;
  #clock = new StreamClock();
  #record = new Record();
  /** @type {Attempt | null} */
  #attempt = null;
  /** @type {Phase} */
  #phase = 'stopped';
  /** @type {Camera | null} */
  #camera = null;
  /** @type {Situation['outage']} */
  #outage = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  #ticks = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  #loading = false;
  #waitingSince = 0;
  #progress = 0;
  /** @type {number | null} */
  #lastPictureAt = null;
  #catchingUp = false;
  #silent = false;
  /** Pictures stopped while the gateway could not be asked why. */
  #silentWithoutSocket = false;
  #failures = 0;
  /** @type {Failure | null} */
  #failure = null;
  /** @type {number | null} */
  #gatewayDownSince = null;
  /** @type {number | null} */
  #gatewayRetryAt = null;
  #hidden = false;
  #wanted;
  /** @type {Failure | null} why what is wanted can't be had here */
  #lowered = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {PlayerOptions} options
   */
  constructor(video, options) {
    super();
    this.#video = video;
    this.#options = options;
    this.#wanted = options.protocol;
    const link = new CameraLink(options, this.#clock);
    this.#link = link;
    /** @type {[string, (detail: any) => void][]} */
    const heard = [
      ['open', (granted) => this.#socketOpened(granted)],
      ['down', ({ retryAt }) => this.#socketDown(retryAt)],
      ['camera', (camera) => this.#cameraChanged(camera)],
      ['grant', (grant) => this.#attempt?.rung.renew(grant)],
      ['refused', (why) => this.#halt(why)],
      ['fallback', (detail) => this.dispatchEvent(new CustomEvent('fallback', { detail }))],
    ];
    for (const [type, hear] of heard) {
      link.addEventListener(type, (event) => hear(/** @type {CustomEvent} */ (event).detail));
    }
  }

  /**
   * What is known of the camera before its own socket says so: spares a hopeless try and needless sound.
   *
   * @param {Camera} camera
   */
  hint(camera) {
    if (this.#link.isOpen && this.#camera) return;
    this.#know(camera);
    this.#changed();
  }

  start() {
    if (this.#phase !== 'stopped') return;
    if (!PROTOCOLS.includes(this.#wanted)) {
      this.#halt('no-protocol');
      return;
    }
    const now = nowMs();
    this.#record.restart(now);
    this.#waitingSince = now;
    this.#lastPictureAt = null;
    this.#failures = 0;
    this.#phase = 'starting';
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#link.start();
    this.#begin();
    this.#changed();
  }

  stop() {
    this.#halt('stopped');
  }

  /** Tries at once instead of at the end of the current delay. */
  hurry() {
    if (this.#phase === 'stopped') return;
    if (this.#ticker === undefined) {
      this.#phase = 'stopped';
      this.start();
      return;
    }
    this.#link.hurry();
    if (!this.#attempt) this.#begin();
  }

  /** @param {string} grant a fresh one, before the last expires */
  renew(grant) {
    this.#link.renew(grant);
  }

  /** @returns {Situation} */
  get situation() {
    return {
      phase: this.#phase,
      camera: this.#camera,
      outage: this.#outage,
      clockOffsetMs: this.#clock.offsetMs ?? 0,
      startedAt: this.#waitingSince,
      progress: this.#progress,
      lastPictureAt: this.#lastPictureAt,
      silent: this.#silent || (this.#lastPictureAt !== null && this.#phase === 'starting'),
      catchingUp: this.#catchingUp,
      gatewayDownSince: this.#gatewayDownSince,
      gatewayRetryAt: this.#gatewayRetryAt,
      failures: this.#failures,
      failure: this.#failure,
      lowered: this.#lowered,
      protocol: this.#protocol,
      transport: this.#attempt?.counters?.transport ?? null,
    };
  }

  /** Nobody can see pictures now, so their absence means nothing. @param {boolean} hidden */
  set hidden(hidden) {
    if (hidden === this.#hidden) return;
    this.#hidden = hidden;
    if (this.#attempt) this.#attempt.rung.hidden = hidden;
  }

  /** @returns {Metrics} */
  get metrics() {
    return this.#record.metrics(this.#attempt);
  }

  /** @returns {import('./stats.js').Statistics} */
  get statistics() {
    return {
      ...this.metrics,
      camera: this.#options.camera,
      rung: this.#protocol,
      protocol: protocolName(this.#protocol),
      counters: this.#attempt?.counters ?? null,
      rates: this.#attempt?.rates ?? null,
      history: this.#record.history,
      source: this.#camera,
    };
  }

  /** @returns {readonly (number | null)[]} one for each of the last 60 s, oldest first; null where there were no pictures */
  get latencies() {
    return this.#record.latencies;
  }

  get #protocol() {
    return this.#attempt?.rung.name ?? this.#wanted;
  }

  #begin() {
    this.#cancelRetry();
    if (this.#attempt || (this.#phase !== 'starting' && this.#phase !== 'playing')) return;
    if (this.#camera && ['offline', 'unsupported'].includes(this.#camera.state)) return;
    this.#phase = 'starting';
    const { camera } = this.#options;
    const protocol = this.#wanted;
    const rung = makeRung(protocol);
    if (!rung) {
      void this.#load(protocol);
      return;
    }
    if (this.#record.history.length > 0) this.#waitingSince = nowMs();
    this.#progress = 0.2;
    this.#clock.forgetStream();
    const attempt = new Attempt(this.#video, rung, {
      clock: this.#clock,
      playerStartedAt: this.#record.startedAt,
      onFrame: () => this.#frameShown(),
    });
    this.#attempt = attempt;
    this.#record.begun(attempt);
    rung.addEventListener('progress', (event) => {
      this.#progress = /** @type {CustomEvent<number>} */ (event).detail;
      this.#changed();
    });
    rung.addEventListener('picture', () => this.#pictureCame(attempt));
    rung.addEventListener('failed', (event) => this.#failed(/** @type {CustomEvent<Failure>} */ (event).detail));
    const { state, audio, video } = this.#camera ?? {};
    rung.start(this.#video, {
      signalling: this.#link.signalling,
      clock: this.#clock,
      camera,
      address: (path) => this.#link.address(path),
      audio: state === undefined || (Boolean(audio) && !offerOf(this.#camera, protocol)?.audio),
      // The gateway may have to open the camera first.
      answerDeadlineMs: (state ?? 'live') === 'live' ? ANSWER_DEADLINE_MS : OPENING_ANSWER_DEADLINE_MS,
      pictureDeadlineMs: PICTURE_DEADLINE_MS + (video?.gop_s ?? 0) * 1000,
    });
    if (this.#hidden) rung.hidden = true;
  }

  /** @param {string} protocol whose rung is not on this page yet */
  async #load(protocol) {
    if (this.#loading) return;
    this.#loading = true;
    /** @type {Failure | null} */
    let failure = null;
    try {
      await loadRung(protocol);
    } catch {
      failure = { code: 'network', message: `The part of this page that plays ${protocolName(protocol)} could not be loaded.` };
    }
    this.#loading = false;
    if (this.#phase !== 'starting') return;
    if (failure) this.#failed(failure);
    else this.#begin();
  }

  /** @param {string} reason for the history */
  #end(reason) {
    const attempt = this.#attempt;
    if (!attempt) return;
    if (attempt.frames.presented > 0) this.dispatchEvent(new CustomEvent('detach', { detail: attempt.video }));
    this.#attempt = null;
    this.#record.ended(attempt);
    this.#catchingUp = false;
    // A late answer to this offer must not be taken for one to the next.
    const answerOwed = attempt.rung.awaitingAnswer;
    attempt.end(reason);
    if (answerOwed) this.#link.signalling.reset();
  }

  /** @param {Phase} phase */
  #halt(phase) {
    this.#end(phase === 'stopped' ? 'stopped by the page' : phase);
    clearInterval(this.#ticker);
    this.#ticker = undefined;
    this.#cancelRetry();
    this.#link.stop();
    this.#phase = phase;
    this.#silent = false;
    this.#gatewayDownSince = null;
    this.#changed();
  }

  /** @param {Attempt} attempt */
  #pictureCame(attempt) {
    const now = nowMs();
    attempt.begin();
    this.#record.pictureCame(now);
    this.#phase = 'playing';
    this.#lastPictureAt = now;
    this.#silent = false;
    this.#silentWithoutSocket = false;
    this.#failures = 0;
    this.#failure = null;
    this.#link.askClock();
    this.dispatchEvent(new Event('picture'));
    this.#changed();
  }

  #frameShown() {
    const frames = this.#attempt?.frames;
    if (!frames) return;
    this.#lastPictureAt = frames.lastPictureAt;
    if (frames.catchingUp === this.#catchingUp && !this.#silent) return;
    this.#catchingUp = frames.catchingUp;
    this.#observe();
    this.#changed();
  }

  /** @param {Failure} failure */
  #failed(failure) {
    const hadPicture = this.#phase === 'playing';
    this.#end(failure.message);
    if (failure.code === 'missing' && this.#wanted !== WITHOUT_MORE) {
      this.#lowered = failure;
      this.#wanted = WITHOUT_MORE;
      this.#begin();
      return;
    }
    if (failure.code === 'codec' || failure.code === 'missing') {
      this.#failure = failure;
      this.#halt('unplayable');
      return;
    }
    if (hadPicture) this.#record.reconnects += 1;
    this.#phase = 'starting';
    this.#progress = 0;
    const cameraAway = this.#camera !== null && this.#camera.state !== 'live';
    if (!cameraAway || failure.code !== 'refused') {
      this.#failures += hadPicture ? 0 : 1;
      this.#failure = failure;
    }
    const delayMs = retryDelayMs(this.#failures, { firstMs: FIRST_RETRY_MS, mostMs: LONGEST_RETRY_MS });
    if (hadPicture) this.#begin();
    else this.#retry = setTimeout(() => this.#begin(), delayMs);
    this.#changed();
  }

  #tick() {
    this.#ticks += 1;
    this.#link.tick({ patient: this.#hidden });
    if (this.#hidden) this.#attempt?.health?.forgive(nowMs());
    else if (this.#observe()) this.#changed();
    if (this.#ticks % 2) return;
    this.#record.second(this.#silent ? null : (this.#attempt?.frames.latencyMs ?? null));
    void this.#count();
  }

  /** @returns {boolean} whether pictures stopped coming, or came again */
  #observe() {
    const { video, state } = this.#camera ?? {};
    const verdict = this.#attempt?.observe({
      cameraLive: state === 'live' && this.#link.isOpen,
      gatewayReturned: this.#silentWithoutSocket && this.#link.isOpen,
      fps: video?.fps,
      gopS: video?.gop_s,
    });
    if (!verdict) return false;
    const { silent, rebuild } = verdict;
    // A rung that mends its own connection is not hurried by a socket that came back first.
    const waiting = silent && !this.#attempt?.mending;
    this.#silentWithoutSocket = waiting && (this.#silentWithoutSocket || !this.#link.isOpen);
    const changed = silent !== this.#silent;
    this.#silent = silent;
    if (rebuild) this.#failed({ code: 'lost', message: 'no pictures for too long' });
    return changed;
  }

  async #count() {
    const attempt = this.#attempt;
    const transport = attempt?.counters?.transport;
    await attempt?.count();
    if (attempt === this.#attempt && attempt?.counters?.transport !== transport) this.#changed();
  }

  /** @param {boolean} granted */
  #socketOpened(granted) {
    this.#gatewayDownSince = null;
    this.#gatewayRetryAt = null;
    // The connection was made on another socket: from now on it lasts as long as this one's grant.
    if (granted) this.#attempt?.rung.claim();
    this.#changed();
  }

  /** @param {number} retryAt unix milliseconds */
  #socketDown(retryAt) {
    this.#gatewayDownSince ??= nowMs();
    this.#gatewayRetryAt = retryAt;
    if (this.#silent) this.#silentWithoutSocket = true;
    this.#changed();
  }

  /** @param {Camera} camera */
  #cameraChanged(camera) {
    const before = this.#camera?.state;
    this.#know(camera);
    if (camera.state === 'unsupported') this.#end('the camera can’t be played');
    if (camera.state === 'live' && before !== 'live') this.#failures = 0;
    // Not on every message: a try that failed is followed by its delay.
    if (!this.#attempt && (camera.state !== before || this.#retry === undefined)) this.#begin();
    this.#changed();
  }

  /** @param {Camera} camera */
  #know(camera) {
    this.#camera = camera;
    if (camera.state === 'offline') this.#outage = { since: camera.since, reason: camera.reason };
    else if (camera.state !== 'connecting') this.#outage = null;
  }

  #cancelRetry() {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
