/**
 * Plays one camera into one `<video>` and keeps it playing; no other DOM.
 *
 * Events: `change` (the situation did), `picture` (first of a connection), `detach` (the picture on the video is about to
 * go: copy it now), `fallback` (detail as protocol.md).
 */

import { StreamClock } from './clock.js';
import { FrameWatch } from './frames.js';
import { Health } from './health.js';
import { nowMs } from './now.js';
import { retryDelayMs } from './retry.js';
import { WebRtcRung } from './rungs/webrtc.js';
import { Signalling, signallingUrl } from './signalling.js';
import { rates, readCounters } from './stats.js';

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./types.js').ClockReply} ClockReply
 * @typedef {import('./types.js').Failure} Failure
 * @typedef {import('./types.js').Message} Message
 * @typedef {import('./types.js').Metrics} Metrics
 * @typedef {import('./types.js').Phase} Phase
 * @typedef {import('./types.js').RungRun} RungRun
 * @typedef {import('./types.js').Situation} Situation
 * @typedef {import('./stats.js').Counters} Counters
 * @typedef {import('./stats.js').Rates} Rates
 *
 * @typedef {object} PlayerOptions
 * @property {string} camera
 * @property {string} base URL that the gateway's paths are relative to
 * @property {() => string | null | Promise<string | null>} [getGrant]
 * @property {(camera: string) => Promise<'ok' | 'unknown' | 'signed-out' | 'forbidden' | 'unreachable'>} diagnose
 *   asks why the signalling socket does not open
 */

const TICK_MS = 500;
const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 15_000;
const ANSWER_DEADLINE_MS = 5000;
const OPENING_ANSWER_DEADLINE_MS = 12_000;
const PICTURE_DEADLINE_MS = 3000;
const CLOCK_FIRST_MS = [0, 250, 1000];
const CLOCK_EVERY_MS = 10_000;
const CLOCK_DEADLINE_MS = 5000;
const LATENCIES_KEPT = 60;
const RUNS_KEPT = 20;

export class Player extends EventTarget {
  #video;
  #options;
  #signalling;
  #clock = new StreamClock();
  /** @type {WebRtcRung | null} */
  #rung = null;
  /** @type {FrameWatch | null} */
  #frames = null;
  /** @type {Health | null} */
  #health = null;
  /** @type {Phase} */
  #phase = 'stopped';
  /** @type {Camera | null} */
  #camera = null;
  /** @type {Situation['outage']} */
  #outage = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  #clockAskedAt = 0;
  #clockAsked = 0;
  #clockOwed = false;
  #startedAt = 0;
  #waitingSince = 0;
  #progress = 0;
  /** @type {number | null} */
  #firstPictureMs = null;
  /** @type {number | null} */
  #lastPictureAt = null;
  #presentedBefore = 0;
  #stallsBefore = 0;
  #silent = false;
  #silentWithoutSocket = false;
  #reconnects = 0;
  #failures = 0;
  /** @type {Failure | null} */
  #failure = null;
  /** @type {number | null} */
  #gatewayDownSince = null;
  /** @type {number | null} */
  #gatewayRetryAt = null;
  /** @type {Counters | null} */
  #counters = null;
  /** @type {Rates | null} */
  #rates = null;
  /** @type {RungRun[]} */
  #history = [];
  /** @type {(number | null)[]} */
  #latencies = [];
  #catchingUp = false;
  #ticks = 0;

  /** Pictures can't be seen now, so their absence means nothing. */
  hidden = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {PlayerOptions} options
   */
  constructor(video, options) {
    super();
    this.#video = video;
    this.#options = options;
    this.#signalling = new Signalling(() => this.#address());
    this.#signalling.addEventListener('open', () => this.#socketOpened());
    this.#signalling.addEventListener('down', (event) =>
      this.#socketDown(/** @type {CustomEvent<{retryAt: number, opened: boolean}>} */ (event).detail),
    );
    this.#signalling.addEventListener('message', (event) =>
      this.#receive(/** @type {CustomEvent<Message>} */ (event).detail),
    );
  }

  /**
   * What is known of the camera before its own socket says so: spares a hopeless try and needless sound.
   *
   * @param {Camera} camera
   */
  hint(camera) {
    if (this.#signalling.isOpen && this.#camera) return;
    this.#know(camera);
    this.#changed();
  }

  start() {
    if (this.#phase !== 'stopped') return;
    this.#startedAt = nowMs();
    this.#waitingSince = this.#startedAt;
    this.#firstPictureMs = null;
    this.#lastPictureAt = null;
    this.#failures = 0;
    this.#phase = 'starting';
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#signalling.start();
    this.#startRung();
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
    this.#signalling.hurry();
    if (!this.#rung) this.#startRung();
  }

  /** @param {string} grant a fresh one, before the last expires */
  renew(grant) {
    this.#rung?.renew(grant);
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
      transport: this.#counters?.transport ?? null,
    };
  }

  /** @returns {Metrics} */
  get metrics() {
    return {
      firstPictureMs: this.#firstPictureMs,
      latencyMs: this.#frames?.latencyMs ?? null,
      latencySource: this.#frames?.latencySource ?? null,
      framesPresented: this.#presentedBefore + (this.#frames?.presented ?? 0),
      stalls: this.#stallsBefore + (this.#health?.stalls ?? 0),
      reconnects: this.#reconnects,
      rung: this.#rung?.name ?? null,
      transport: this.#counters?.transport ?? null,
      catchingUp: this.#catchingUp,
    };
  }

  /** @returns {import('./stats.js').Statistics} */
  get statistics() {
    const { latencyMs, latencySource, stalls, reconnects, firstPictureMs, transport } = this.metrics;
    return {
      camera: this.#options.camera,
      protocol: 'WebRTC',
      transport,
      latencyMs,
      latencySource,
      counters: this.#counters,
      rates: this.#rates,
      stalls,
      reconnects,
      firstPictureMs,
      history: this.#history,
      source: this.#camera,
    };
  }

  /** @returns {readonly (number | null)[]} one for each of the last 60 s, oldest first; null where there were no pictures */
  get latencies() {
    return this.#latencies;
  }

  /** @returns {string | Promise<string>} */
  #address() {
    const { camera, base, getGrant } = this.#options;
    const grant = getGrant?.() ?? null;
    if (grant instanceof Promise) return grant.then((token) => signallingUrl(camera, base, token));
    return signallingUrl(camera, base, grant);
  }

  #startRung() {
    this.#cancelRetry();
    if (this.#rung || (this.#phase !== 'starting' && this.#phase !== 'playing')) return;
    if (this.#camera && ['offline', 'unsupported'].includes(this.#camera.state)) return;
    this.#phase = 'starting';
    if (this.#history.length > 0) this.#waitingSince = nowMs();
    this.#progress = 0.2;
    const begunAt = nowMs();
    /** @type {RungRun} */
    const run = { rung: 'webrtc', atS: (begunAt - this.#startedAt) / 1000, firstPictureS: null, end: null };
    this.#history = [...this.#history.slice(1 - RUNS_KEPT), run];
    const rung = new WebRtcRung();
    this.#rung = rung;
    rung.addEventListener('progress', (event) => {
      this.#progress = /** @type {CustomEvent<number>} */ (event).detail;
      this.#changed();
    });
    rung.addEventListener('picture', () => {
      run.firstPictureS = (nowMs() - begunAt) / 1000;
      this.#pictureCame();
    });
    rung.addEventListener('failed', (event) => this.#rungFailed(/** @type {CustomEvent<Failure>} */ (event).detail));
    const { state, audio, rungs, video } = this.#camera ?? {};
    const opening = state !== undefined && state !== 'live';
    this.#clock.forgetStream();
    this.#frames = new FrameWatch(this.#video, this.#clock, () => this.#frameShown());
    rung.start(this.#video, {
      signalling: this.#signalling,
      audio: state === undefined || (Boolean(audio) && !rungs?.webrtc?.audio),
      answerDeadlineMs: opening ? OPENING_ANSWER_DEADLINE_MS : ANSWER_DEADLINE_MS,
      pictureDeadlineMs: PICTURE_DEADLINE_MS + (video?.gop_s ?? 0) * 1000,
    });
  }

  /** @param {string} reason for the history */
  #stopRung(reason) {
    const rung = this.#rung;
    if (!rung) return;
    if (this.#frames && this.#frames.presented > 0) this.dispatchEvent(new Event('detach'));
    this.#rung = null;
    const run = this.#history.at(-1);
    if (run) run.end = reason;
    this.#presentedBefore += this.#frames?.presented ?? 0;
    this.#stallsBefore += this.#health?.stalls ?? 0;
    this.#frames?.stop();
    this.#frames = null;
    this.#health = null;
    this.#catchingUp = false;
    this.#counters = null;
    this.#rates = null;
    // A late answer to this rung's offer must not be taken for the next rung's.
    if (rung.awaitingAnswer) this.#signalling.reset();
    rung.stop();
  }

  /** @param {Phase} phase */
  #halt(phase) {
    this.#stopRung(phase === 'stopped' ? 'stopped by the page' : phase);
    clearInterval(this.#ticker);
    this.#ticker = undefined;
    this.#cancelRetry();
    this.#signalling.stop();
    this.#phase = phase;
    this.#silent = false;
    this.#gatewayDownSince = null;
    this.#changed();
  }

  #pictureCame() {
    const now = nowMs();
    this.#firstPictureMs ??= now - this.#startedAt;
    this.#phase = 'playing';
    this.#lastPictureAt = now;
    this.#silent = false;
    this.#silentWithoutSocket = false;
    this.#failures = 0;
    this.#failure = null;
    this.#health = new Health(now);
    this.#askClock();
    this.dispatchEvent(new Event('picture'));
    this.#changed();
  }

  #frameShown() {
    if (!this.#frames) return;
    this.#lastPictureAt = this.#frames.lastPictureAt;
    if (this.#frames.catchingUp === this.#catchingUp && !this.#silent) return;
    this.#catchingUp = this.#frames.catchingUp;
    this.#observe();
    this.#changed();
  }

  /** @param {Failure} failure */
  #rungFailed(failure) {
    const hadPicture = this.#phase === 'playing';
    this.#stopRung(failure.message);
    if (failure.code === 'codec') {
      this.#halt('no-h264');
      return;
    }
    if (hadPicture) this.#reconnects += 1;
    this.#phase = 'starting';
    this.#progress = 0;
    const cameraAway = this.#camera !== null && this.#camera.state !== 'live';
    if (!cameraAway || failure.code !== 'refused') {
      this.#failures += hadPicture ? 0 : 1;
      this.#failure = failure;
    }
    const delayMs = retryDelayMs(this.#failures || 1, { firstMs: FIRST_RETRY_MS, mostMs: LONGEST_RETRY_MS });
    if (hadPicture) this.#startRung();
    else this.#retry = setTimeout(() => this.#startRung(), delayMs);
    this.#changed();
  }

  #rebuild() {
    this.#rungFailed({ code: 'lost', message: 'no pictures for too long' });
  }

  #tick() {
    this.#ticks += 1;
    this.#keepClock();
    if (this.#health && this.hidden) this.#health.forgive(nowMs());
    else if (this.#observe()) this.#changed();
    if (this.#ticks % 2) return;
    this.#latencies = [...this.#latencies, this.#silent ? null : (this.#frames?.latencyMs ?? null)].slice(-LATENCIES_KEPT);
    void this.#count();
  }

  /** @returns {boolean} whether anything about the flow of pictures changed */
  #observe() {
    if (!this.#health || !this.#frames) return false;
    const { video, state } = this.#camera ?? {};
    const { silent, rebuild } = this.#health.observe({
      nowMs: nowMs(),
      framesDecoded: this.#counters?.framesDecoded ?? 0,
      framesPresented: this.#frames.presented,
      cameraLive: state === 'live' && this.#signalling.isOpen,
      gatewayReturned: this.#silentWithoutSocket && this.#signalling.isOpen,
      fps: video?.fps,
      gopS: video?.gop_s,
    });
    if (silent && !this.#signalling.isOpen) this.#silentWithoutSocket = true;
    if (!silent) this.#silentWithoutSocket = false;
    const changed = silent !== this.#silent;
    this.#silent = silent;
    if (rebuild) this.#rebuild();
    return changed;
  }

  async #count() {
    const rung = this.#rung;
    if (!rung) return;
    const counters = readCounters(await rung.getStats(), performance.now());
    if (rung !== this.#rung) return;
    const transportChanged = counters.transport !== (this.#counters?.transport ?? null);
    this.#rates = rates(this.#counters, counters);
    this.#counters = counters;
    if (transportChanged) this.#changed();
  }

  #socketOpened() {
    this.#gatewayDownSince = null;
    this.#gatewayRetryAt = null;
    this.#clockOwed = false;
    this.#clockAsked = 0;
    this.#askClock();
    this.#changed();
  }

  /** @param {{retryAt: number, opened: boolean}} detail */
  #socketDown({ retryAt, opened }) {
    this.#gatewayDownSince ??= nowMs();
    this.#gatewayRetryAt = retryAt;
    if (this.#frames && this.#silent) this.#silentWithoutSocket = true;
    this.#changed();
    if (!opened) void this.#askWhy();
  }

  async #askWhy() {
    const answer = await this.#options.diagnose(this.#options.camera);
    if (this.#ticker === undefined || this.#signalling.isOpen) return;
    if (answer === 'unknown' || answer === 'signed-out' || answer === 'forbidden') this.#halt(answer);
  }

  /** @param {Message} message */
  #receive({ type, value }) {
    if (type === 'state') {
      this.#cameraChanged(/** @type {Camera} */ (value));
    } else if (type === 'clock') {
      this.#clockOwed = false;
      this.#clock.add(/** @type {ClockReply} */ (value), nowMs());
    } else if (type === 'fallback') {
      this.dispatchEvent(new CustomEvent('fallback', { detail: value }));
    }
  }

  /** @param {Camera} camera */
  #cameraChanged(camera) {
    const before = this.#camera?.state;
    this.#know(camera);
    if (camera.state === 'unsupported') this.#stopRung('the camera can’t be played');
    if (camera.state === 'live' && before !== 'live') this.#failures = 0;
    // Not on every message: a try that failed is followed by its delay.
    if (!this.#rung && (camera.state !== before || this.#retry === undefined)) this.#startRung();
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

  /** Several samples soon after the socket opened, then a slow beat that also shows whether the socket is alive. */
  #keepClock() {
    if (!this.#signalling.isOpen) return;
    const sinceMs = nowMs() - this.#clockAskedAt;
    if (this.#clockOwed) {
      if (sinceMs > CLOCK_DEADLINE_MS && !this.hidden) this.#signalling.reset();
    } else if (sinceMs >= (CLOCK_FIRST_MS[this.#clockAsked] ?? CLOCK_EVERY_MS)) this.#askClock();
  }

  #askClock() {
    if (!this.#signalling.send({ type: 'clock', value: { t0: nowMs() / 1000 } })) return;
    this.#clockAskedAt = nowMs();
    this.#clockAsked += 1;
    this.#clockOwed = true;
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
