/**
 * Plays one camera into one `<video>` and keeps it playing; no other DOM.
 *
 * Events: `change` (the situation did), `picture` (first of a connection), `detach` (the picture on the video is about to
 * go: copy it now), `fallback` (detail as protocol.md).
 */

import { Attempt } from './attempt.js';
import { StreamClock } from './clock.js';
import { ClockSync } from './clock-sync.js';
import { GrantRenewal } from './grant-renewal.js';
import { nowMs } from './now.js';
import { retryDelayMs } from './retry.js';
import { Signalling, signallingUrl } from './signalling.js';

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./types.js').ClockReply} ClockReply
 * @typedef {import('./types.js').Failure} Failure
 * @typedef {import('./types.js').Message} Message
 * @typedef {import('./types.js').Metrics} Metrics
 * @typedef {import('./types.js').Phase} Phase
 * @typedef {import('./types.js').RungRun} RungRun
 * @typedef {import('./types.js').Situation} Situation
 *
 * @typedef {object} PlayerOptions
 * @property {string} camera
 * @property {string} base URL that the gateway's paths are relative to
 * @property {() => string | null | Promise<string | null>} [getGrant] a fresh one each time it is asked
 * @property {(camera: string) => Promise<'ok' | 'unknown' | 'signed-out' | 'forbidden' | 'unreachable'>} diagnose
 *   asks why the signalling socket does not open
 */

const TICK_MS = 500;
const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 15_000;
const ANSWER_DEADLINE_MS = 5000;
const OPENING_ANSWER_DEADLINE_MS = 12_000;
const PICTURE_DEADLINE_MS = 3000;
const LATENCIES_KEPT = 60;
const RUNS_KEPT = 20;

export class Player extends EventTarget {
  #video;
  #options;
  #signalling;
  #clock = new StreamClock();
  #clockSync;
  /** @type {GrantRenewal | null} */
  #renewal = null;
  /** @type {string | null} what the socket was opened with */
  #grant = null;
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
  #startedAt = 0;
  #waitingSince = 0;
  #progress = 0;
  /** @type {number | null} */
  #firstPictureMs = null;
  /** @type {number | null} */
  #lastPictureAt = null;
  #catchingUp = false;
  #silent = false;
  /** Pictures stopped while the gateway could not be asked why. */
  #silentWithoutSocket = false;
  /** @type {{presented: number, stalls: number}} of the attempts that are over */
  #before = { presented: 0, stalls: 0 };
  #reconnects = 0;
  #failures = 0;
  /** @type {Failure | null} */
  #failure = null;
  /** @type {number | null} */
  #gatewayDownSince = null;
  /** @type {number | null} */
  #gatewayRetryAt = null;
  /** @type {RungRun[]} */
  #history = [];
  /** @type {(number | null)[]} */
  #latencies = [];

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
    this.#clockSync = new ClockSync(this.#signalling, this.#clock);
    if (options.getGrant) {
      this.#renewal = new GrantRenewal({
        getGrant: options.getGrant,
        send: (grant) => this.renew(grant),
        nowS: () => (nowMs() + (this.#clock.offsetMs ?? 0)) / 1000,
      });
    }
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
    this.#signalling.hurry();
    if (!this.#attempt) this.#begin();
  }

  /** @param {string} grant a fresh one, before the last expires */
  renew(grant) {
    this.#signalling.send({ type: 'grant', value: grant });
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
      transport: this.#attempt?.counters?.transport ?? null,
    };
  }

  /** @returns {Metrics} */
  get metrics() {
    return {
      firstPictureMs: this.#firstPictureMs,
      latencyMs: this.#attempt?.frames.latencyMs ?? null,
      latencySource: this.#attempt?.frames.latencySource ?? null,
      framesPresented: this.#before.presented + (this.#attempt?.frames.presented ?? 0),
      stalls: this.#before.stalls + (this.#attempt?.health?.stalls ?? 0),
      reconnects: this.#reconnects,
      rung: this.#attempt?.rung.name ?? null,
      transport: this.#attempt?.counters?.transport ?? null,
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
      counters: this.#attempt?.counters ?? null,
      rates: this.#attempt?.rates ?? null,
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
    /** @param {string | null} token */
    const address = (token) => {
      this.#grant = token;
      return signallingUrl(camera, base, token);
    };
    return grant instanceof Promise ? grant.then(address) : address(grant);
  }

  #begin() {
    this.#cancelRetry();
    if (this.#attempt || (this.#phase !== 'starting' && this.#phase !== 'playing')) return;
    if (this.#camera && ['offline', 'unsupported'].includes(this.#camera.state)) return;
    this.#phase = 'starting';
    if (this.#history.length > 0) this.#waitingSince = nowMs();
    this.#progress = 0.2;
    this.#clock.forgetStream();
    const attempt = new Attempt(this.#video, this.#clock, {
      playerStartedAt: this.#startedAt,
      onFrame: () => this.#frameShown(),
    });
    this.#attempt = attempt;
    this.#history = [...this.#history.slice(1 - RUNS_KEPT), attempt.run];
    attempt.rung.addEventListener('progress', (event) => {
      this.#progress = /** @type {CustomEvent<number>} */ (event).detail;
      this.#changed();
    });
    attempt.rung.addEventListener('picture', () => this.#pictureCame(attempt));
    attempt.rung.addEventListener('failed', (event) =>
      this.#failed(/** @type {CustomEvent<Failure>} */ (event).detail),
    );
    const { state, audio, rungs, video } = this.#camera ?? {};
    attempt.rung.start(this.#video, {
      signalling: this.#signalling,
      audio: state === undefined || (Boolean(audio) && !rungs?.webrtc?.audio),
      // The gateway may have to open the camera first.
      answerDeadlineMs: (state ?? 'live') === 'live' ? ANSWER_DEADLINE_MS : OPENING_ANSWER_DEADLINE_MS,
      pictureDeadlineMs: PICTURE_DEADLINE_MS + (video?.gop_s ?? 0) * 1000,
    });
  }

  /** @param {string} reason for the history */
  #end(reason) {
    const attempt = this.#attempt;
    if (!attempt) return;
    if (attempt.frames.presented > 0) this.dispatchEvent(new Event('detach'));
    this.#attempt = null;
    this.#before = {
      presented: this.#before.presented + attempt.frames.presented,
      stalls: this.#before.stalls + (attempt.health?.stalls ?? 0),
    };
    this.#catchingUp = false;
    // A late answer to this offer must not be taken for one to the next.
    const answerOwed = attempt.rung.awaitingAnswer;
    attempt.end(reason);
    if (answerOwed) this.#signalling.reset();
  }

  /** @param {Phase} phase */
  #halt(phase) {
    this.#end(phase === 'stopped' ? 'stopped by the page' : phase);
    clearInterval(this.#ticker);
    this.#ticker = undefined;
    this.#cancelRetry();
    this.#renewal?.stop();
    this.#signalling.stop();
    this.#phase = phase;
    this.#silent = false;
    this.#gatewayDownSince = null;
    this.#changed();
  }

  /** @param {Attempt} attempt */
  #pictureCame(attempt) {
    const now = nowMs();
    attempt.begin();
    this.#firstPictureMs ??= now - this.#startedAt;
    this.#phase = 'playing';
    this.#lastPictureAt = now;
    this.#silent = false;
    this.#silentWithoutSocket = false;
    this.#failures = 0;
    this.#failure = null;
    this.#clockSync.ask();
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
    const delayMs = retryDelayMs(this.#failures, { firstMs: FIRST_RETRY_MS, mostMs: LONGEST_RETRY_MS });
    if (hadPicture) this.#begin();
    else this.#retry = setTimeout(() => this.#begin(), delayMs);
    this.#changed();
  }

  #tick() {
    this.#ticks += 1;
    this.#clockSync.tick({ patient: this.hidden });
    if (this.hidden) this.#attempt?.health?.forgive(nowMs());
    else if (this.#observe()) this.#changed();
    if (this.#ticks % 2) return;
    const latencyMs = this.#silent ? null : (this.#attempt?.frames.latencyMs ?? null);
    this.#latencies = [...this.#latencies, latencyMs].slice(-LATENCIES_KEPT);
    void this.#count();
  }

  /** @returns {boolean} whether pictures stopped coming, or came again */
  #observe() {
    const { video, state } = this.#camera ?? {};
    const verdict = this.#attempt?.observe({
      cameraLive: state === 'live' && this.#signalling.isOpen,
      gatewayReturned: this.#silentWithoutSocket && this.#signalling.isOpen,
      fps: video?.fps,
      gopS: video?.gop_s,
    });
    if (!verdict) return false;
    const { silent, rebuild } = verdict;
    // A rung that mends its own connection is not hurried by a socket that came back first.
    const waiting = silent && !this.#attempt?.mending;
    this.#silentWithoutSocket = waiting && (this.#silentWithoutSocket || !this.#signalling.isOpen);
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

  #socketOpened() {
    this.#gatewayDownSince = null;
    this.#gatewayRetryAt = null;
    this.#clockSync.restart();
    if (this.#renewal && this.#grant !== null) {
      this.#renewal.start(this.#grant);
      // The connection was made on another socket: from now on it lasts as long as this one's grant.
      this.#attempt?.rung.claim();
    }
    this.#changed();
  }

  /** @param {{retryAt: number, opened: boolean}} detail */
  #socketDown({ retryAt, opened }) {
    this.#renewal?.stop();
    this.#gatewayDownSince ??= nowMs();
    this.#gatewayRetryAt = retryAt;
    if (this.#silent) this.#silentWithoutSocket = true;
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
      this.#clockSync.receive(/** @type {ClockReply} */ (value));
    } else if (type === 'grant' || type === 'error') {
      this.#renewal?.receive({ type, value });
    } else if (type === 'fallback') {
      this.dispatchEvent(new CustomEvent('fallback', { detail: value }));
    }
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
