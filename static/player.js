/**
 * Plays one camera and keeps it playing, by whichever rung gets through; no other DOM than the stage of its videos.
 *
 * Events: `change` (the situation did), `picture` (first of a connection), `detach` (detail: the video whose picture is
 * about to go: copy it now), `fallback` (detail as protocol.md).
 */

import { CameraLink } from './camera-link.js';
import { Climb } from './climb.js';
import { StreamClock } from './clock.js';
import { failureMemory } from './failure-memory.js';
import { modeOf, MODES } from './modes.js';
import { nowMs } from './now.js';
import { Planner } from './planner.js';
import { AUTO, offerOf, protocolName, PROTOCOLS, wantedRungs } from './protocols.js';
import { Reach } from './reach.js';
import { Record } from './record.js';
import { reportOf } from './report.js';

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./types.js').Failure} Failure
 * @typedef {import('./types.js').Metrics} Metrics
 * @typedef {import('./types.js').Phase} Phase
 * @typedef {import('./types.js').Situation} Situation
 * @typedef {import('./attempt.js').Attempt} Attempt
 * @typedef {import('./stage.js').Stage} Stage
 *
 * @typedef {object} PlayerWishes
 * @property {string} [protocol] `auto`, or some of `PROTOCOLS` with commas between, or what somebody took for that
 * @property {string} [mode]
 * @property {readonly string[] | null} [candidates] kinds of WebRTC's candidates: `udp`, `tcp`, `relay`; null for all
 *
 * @typedef {import('./camera-link.js').LinkOptions & PlayerWishes} PlayerOptions
 */

const TICK_MS = 250;
const TICKS_PER_S = 4;
const ANSWER_DEADLINE_MS = 5000;
const OPENING_ANSWER_DEADLINE_MS = 12_000;
const PICTURE_DEADLINE_MS = 3000;
/** Plays wherever there is a media source, with nothing that an installation may lack. */
const WITHOUT_MORE = 'mse';

/** @type {Readonly<{[cause: string]: Failure}>} */
const LOST = {
  network: { code: 'lost', message: 'Nothing arrived any more.' },
  decoder: { code: 'decode', message: 'Pictures arrived, but were not shown.' },
};

export class Player extends EventTarget {
  #options;
  #link;
  #climb;
  #clock = new StreamClock();
  #record = new Record();
  /** @type {Phase} */
  #phase = 'stopped';
  /** @type {Camera | null} */
  #camera = null;
  /** @type {Situation['outage']} */
  #outage = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  #ticks = 0;
  #begun = false;
  #waitingSince = 0;
  #progress = 0;
  /** @type {number | null} */
  #lastPictureAt = null;
  #catchingUp = false;
  #silent = false;
  /** @type {import('./recovery.js').Cause | null} why */
  #cause = null;
  /** Pictures stopped while the gateway could not be asked why. */
  #silentWithoutSocket = false;
  #failures = 0;
  /** @type {Failure | null} */
  #failure = null;
  #reach = new Reach();
  #hidden = false;
  #planner;
  /** @type {Failure | null} why what is wanted can't be had here */
  #lowered = null;

  /**
   * @param {Stage} stage
   * @param {PlayerOptions} options
   */
  constructor(stage, options) {
    super();
    this.#options = options;
    const memory = failureMemory(options.base);
    const link = new CameraLink(options, this.#clock);
    this.#link = link;
    this.#planner = new Planner(link, { ...options, memory, candidates: options.candidates ?? null });
    this.#planner.allow = wantedRungs(options.protocol ?? AUTO);
    this.#planner.mode = modeOf(options.mode).name;
    this.#climb = new Climb({
      stage,
      clock: this.#clock,
      record: this.#record,
      memory,
      optionsFor: (rung) => this.#optionsFor(rung),
      onFrame: () => this.#frameShown(),
      blameless: () => !this.#reach.there || (this.#camera?.state ?? 'live') !== 'live',
    });
    this.#listen(link, {
      open: (granted) => this.#socketOpened(granted),
      down: (detail) => this.#socketDown(detail),
      answers: () => this.#gatewayAnswers({ overHttp: true }),
      unreachable: () => this.#gatewayGone(),
      camera: (camera) => this.#cameraChanged(camera),
      grant: (grant) => this.#climb.each((rung) => rung.renew(grant)),
      refused: (why) => this.#halt(why),
      fallback: (detail) => this.#toldToFallBack(detail),
    });
    this.#listen(this.#climb, {
      shown: (attempt) => this.#pictureCame(attempt),
      detach: (video) => this.dispatchEvent(new CustomEvent('detach', { detail: video })),
      lost: (failure) => this.#lost(failure),
      failed: (failure) => this.#tryFailed(failure),
      exhausted: (failure) => this.#exhausted(failure),
      progress: (progress) => {
        this.#progress = progress;
        this.#changed();
      },
    });
  }

  /**
   * What is known of the camera before its own socket says so: spares a hopeless try and needless sound.
   *
   * @param {Camera} camera
   */
  hint(camera) {
    if (this.#link.isOpen && this.#camera) return;
    this.#cameraChanged(camera);
  }

  start() {
    if (this.#phase !== 'stopped') return;
    if (this.#planner.allow.length === 0) {
      this.#halt('no-protocol');
      return;
    }
    const now = nowMs();
    this.#planner.restart();
    this.#record.restart(now);
    this.#waitingSince = now;
    this.#lastPictureAt = null;
    this.#failures = 0;
    this.#phase = 'starting';
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#link.start();
    void this.#negotiate();
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
    if (this.#begun) this.#climb.hurry();
    else this.#begin();
  }

  /** The browser is on another network. */
  moved() {
    if (this.#ticker === undefined) return;
    this.#link.hurry();
    this.#climb.moved();
    this.#climb.hurry();
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
      cause: this.#silent ? this.#cause : null,
      catchingUp: this.#catchingUp,
      gatewayDownSince: this.#reach.downSince,
      gatewayRetryAt: this.#reach.retryAt,
      failures: this.#failures,
      failure: this.#failure,
      tried: [...this.#climb.tried].map(([rung, { code, message }]) => ({ rung, code, message })),
      lowered: this.#lowered ?? this.#climb.lowered ?? this.#planner.missingAbove(this.#climb.shown?.rung.name ?? ''),
      protocol: this.#protocol,
      transport: this.#climb.shown?.counters?.transport ?? null,
    };
  }

  /** Nobody can see pictures now, so their absence means nothing. @param {boolean} hidden */
  set hidden(hidden) {
    if (hidden === this.#hidden) return;
    this.#hidden = hidden;
    this.#climb.hidden = hidden;
  }

  /** @param {string} name one of `MODES`; takes effect while pictures go on */
  set mode(name) {
    const { name: mode } = modeOf(name);
    if (mode === this.#planner.mode) return;
    this.#planner.mode = mode;
    this.#sendMode();
    this.#climb.each((rung) => {
      rung.mode = mode;
    });
    this.#changed();
  }

  get mode() {
    return this.#planner.mode;
  }

  #sendMode() {
    this.#link.signalling.send({ type: 'mode', value: this.mode });
  }

  /** Whether the first rung is not the quickest one. */
  get expectsTrouble() {
    return this.#planner.failures.length > 0 || this.#planner.allow[0] !== PROTOCOLS[0];
  }

  /** @returns {Metrics} */
  get metrics() {
    return this.#record.metrics(this.#climb.foremost);
  }

  /** @returns {import('./stats.js').Statistics} */
  get statistics() {
    const { foremost } = this.#climb;
    return {
      ...this.metrics,
      camera: this.#options.camera,
      rung: this.#protocol,
      protocol: protocolName(this.#protocol),
      counters: foremost?.counters ?? null,
      rates: foremost?.rates ?? null,
      history: this.#record.history,
      session: this.#record.session,
      mode: this.mode,
      source: this.#camera,
    };
  }

  /** @returns {{[key: string]: unknown}} protocol.md, Report */
  get report() {
    const { watchedMs, stalledMs, latencies, history, session } = this.#record;
    return reportOf({
      camera: this.#options.camera,
      session,
      firstPictureMs: this.metrics.firstPictureMs,
      watchedMs,
      stalledMs,
      latencies,
      history,
      absent: this.#planner.absentAbove(this.#climb.shown?.rung.name),
      pair: this.#climb.shown?.counters?.pair ?? null,
    });
  }

  /** The page is left: what has been seen is told by a way that outlives it. */
  leave() {
    if (this.#ticker !== undefined) this.#lastWord();
  }

  #lastWord() {
    const body = new Blob([JSON.stringify(this.report)], { type: 'text/plain' });
    navigator.sendBeacon?.(this.#link.addressNow('api/report'), body);
  }

  /** @returns {readonly (number | null)[]} one for each of the last 60 s, oldest first; null where there were no pictures */
  get latencies() {
    return this.#record.latencies;
  }

  get #protocol() {
    const { allow } = this.#planner;
    return this.#climb.foremost?.rung.name ?? (allow.length === 1 ? allow[0] : (this.#options.protocol ?? AUTO));
  }

  #begin() {
    if (this.#begun || (this.#phase !== 'starting' && this.#phase !== 'playing')) return;
    if (this.#camera && ['offline', 'unsupported'].includes(this.#camera.state)) return;
    if (!this.#planner.ready) return;
    this.#begun = true;
    this.#progress = 0.2;
    if (this.#record.history.length > 0) this.#waitingSince = nowMs();
    this.#climb.remember(this.#planner.failures);
    this.#climb.plan(this.#planner.steps(this.#camera));
    this.#climb.begin();
  }

  async #negotiate() {
    if (!(await this.#planner.ask())) return;
    const steps = this.#planner.steps(this.#camera);
    // A camera that can't be played now says so itself, and may be set up better.
    if (steps.length === 0 && this.#camera?.state === 'unsupported') return;
    if (steps.length === 0 && !this.#climb.shown) this.#unplayable(this.#planner.message);
    else if (!this.#begun) this.#begin();
    else if (steps.length > 0) this.#climb.plan(steps);
  }

  /** @param {string} message */
  #unplayable(message) {
    this.#failure = { code: 'absent', message };
    this.#halt('unplayable');
  }

  /** @param {string} rung @returns {import('./rungs/rung.js').RungOptions} */
  #optionsFor(rung) {
    const { camera } = this.#options;
    const { state, audio, video } = this.#camera ?? {};
    this.#clock.forgetStream();
    this.#link.askClock();
    return {
      signalling: this.#link.signalling,
      clock: this.#clock,
      mode: this.mode,
      audio: state === undefined || (Boolean(audio) && !offerOf(this.#camera, rung)?.audio),
      // The gateway may have to open the camera first.
      answerDeadlineMs: (state ?? 'live') === 'live' ? ANSWER_DEADLINE_MS : OPENING_ANSWER_DEADLINE_MS,
      pictureDeadlineMs: PICTURE_DEADLINE_MS + (video?.gop_s ?? 0) * 1000,
      whep: () => this.#link.address(`${camera}/whep`),
      playlist: () => this.#planner.playlist(rung),
      iceServers: this.#planner.iceServers(rung),
      relayOnly: this.#planner.relayOnly,
      candidates: this.#options.candidates ?? null,
    };
  }

  /** @param {Phase} phase */
  #halt(phase) {
    this.#climb.halt(phase === 'stopped' ? 'stopped by the page' : phase);
    // Who never sees anything would not be heard of.
    if (phase === 'unplayable') this.#lastWord();
    this.#planner.restart();
    clearInterval(this.#ticker);
    this.#ticker = undefined;
    this.#begun = false;
    this.#catchingUp = false;
    this.#link.stop();
    this.#reach = new Reach();
    this.#phase = phase;
    this.#silent = false;
    this.#changed();
  }

  /** @param {Attempt} attempt whose first picture is on the screen */
  #pictureCame(attempt) {
    const now = nowMs();
    this.#record.pictureCame(now);
    this.#phase = 'playing';
    this.#lastPictureAt = now;
    this.#silent = false;
    this.#silentWithoutSocket = false;
    this.#catchingUp = attempt.frames.catchingUp;
    this.#failures = 0;
    this.#failure = null;
    this.#link.askClock();
    this.dispatchEvent(new Event('picture'));
    this.#changed();
  }

  #frameShown() {
    const frames = this.#climb.shown?.frames;
    if (!frames) return;
    this.#lastPictureAt = frames.lastPictureAt;
    if (frames.catchingUp === this.#catchingUp && !this.#silent) return;
    this.#catchingUp = frames.catchingUp;
    this.#observe();
    this.#changed();
  }

  /** @param {Failure} failure of what was shown */
  #lost(failure) {
    if (this.#phase !== 'playing') return;
    this.#record.reconnects += 1;
    this.#phase = 'starting';
    this.#progress = 0;
    this.#waitingSince = nowMs();
    this.#catchingUp = false;
    this.#failure = failure;
    this.#changed();
  }

  /** @param {Failure} failure */
  #tryFailed(failure) {
    if (this.#climb.shown) {
      this.#changed();
      return;
    }
    this.#progress = 0;
    const cameraAway = this.#camera !== null && this.#camera.state !== 'live';
    if (!cameraAway || failure.code !== 'refused') {
      this.#failures += 1;
      this.#failure = failure;
    }
    this.#changed();
  }

  /** @param {Failure} failure of the last rung that was left */
  #exhausted(failure) {
    if (failure.code === 'missing' && !this.#planner.allow.includes(WITHOUT_MORE)) {
      this.#lowered = failure;
      this.#planner.allow = [WITHOUT_MORE];
      this.#planner.restart();
      this.#begun = false;
      this.#begin();
      void this.#negotiate();
      return;
    }
    this.#failure = failure;
    this.#halt('unplayable');
  }

  /** @param {{from?: string, to?: string | null, reason?: string}} detail */
  #toldToFallBack(detail) {
    this.dispatchEvent(new CustomEvent('fallback', { detail }));
    if (detail.from === this.#climb.shown?.rung.name) this.#climb.faltered({ loss: true });
  }

  #tick() {
    this.#ticks += 1;
    this.#record.account(nowMs(), {
      lastPictureAt: this.#hidden ? null : this.#lastPictureAt,
      stopped: this.#silent || this.#phase === 'starting',
    });
    this.#link.tick({ patient: this.#hidden });
    if (this.#hidden) this.#climb.shown?.recovery?.forgive(nowMs());
    else if (this.#observe()) this.#changed();
    if (this.#ticks % TICKS_PER_S) return;
    this.#report();
    this.#record.second(this.#silent ? null : (this.#climb.shown?.frames.latencyMs ?? null));
    void this.#count();
  }

  #report() {
    if (this.#record.reportIsDue(nowMs())) this.#link.signalling.send({ type: 'report', value: this.report });
  }

  /** @returns {boolean} whether pictures stopped coming, or came again */
  #observe() {
    const { shown } = this.#climb;
    const { video, state } = this.#camera ?? {};
    const verdict = shown?.observe({
      cameraLive: state === 'live',
      gatewayThere: this.#reach.there,
      gatewayReturned: this.#silentWithoutSocket && this.#link.isOpen,
      heardAt: this.#link.heardAt,
      fps: video?.fps,
      gopS: video?.gop_s,
    });
    if (!shown || !verdict) return false;
    const { silent, cause, step } = verdict;
    // A rung that mends its own connection is not hurried by a socket that came back first.
    const waiting = silent && !shown.mending;
    this.#silentWithoutSocket = waiting && (this.#silentWithoutSocket || !this.#reach.there);
    const changed = silent !== this.#silent || cause !== this.#cause;
    // An answer tells that the network as such is there.
    if (silent && !this.#silent) this.#link.askClock();
    if (!silent && this.#silent) this.#climb.recovered();
    this.#silent = silent;
    this.#cause = cause;
    if (step === 'others') this.#climb.faltered();
    else if (step === 'reconnect') this.#climb.failed(shown, LOST[cause ?? ''] ?? LOST.network);
    return changed;
  }

  async #count() {
    const { shown } = this.#climb;
    const transport = shown?.counters?.transport;
    await shown?.count();
    if (shown === this.#climb.shown && shown?.counters?.transport !== transport) this.#changed();
  }

  /** @param {boolean} granted */
  #socketOpened(granted) {
    this.#gatewayAnswers({ overHttp: false });
    if (!this.#planner.ready) void this.#negotiate();
    // Each socket begins with the quickest.
    if (this.mode !== MODES[0].name) this.#sendMode();
    // The connection was made on another socket: from now on it lasts as long as this one's grant.
    if (granted) this.#climb.each((rung) => rung.claim());
  }

  /** @param {{overHttp: boolean}} how whether by HTTP alone */
  #gatewayAnswers({ overHttp }) {
    if (this.#reach.answered({ overHttp })) {
      this.#failures = 0;
      this.#climb.forgive();
      if (this.#phase === 'starting') this.#waitingSince = nowMs();
      if (this.#begun) this.#climb.hurry();
    }
    this.#changed();
  }

  #gatewayGone() {
    this.#reach.gone(nowMs());
    if (this.#silent) this.#silentWithoutSocket = true;
    this.#changed();
  }

  /** @param {{retryAt: number, opened: boolean}} detail as `Signalling` */
  #socketDown(detail) {
    if (this.#reach.socketDown(detail, nowMs())) this.#gatewayGone();
  }

  /** @param {Camera} camera */
  #cameraChanged(camera) {
    this.#camera = camera;
    if (camera.state === 'offline') this.#outage = { since: camera.since, reason: camera.reason };
    else if (camera.state !== 'connecting') this.#outage = null;
    if (camera.state === 'unsupported') this.#climb.halt('the camera can’t be played');
    const away = camera.state === 'offline' || camera.state === 'unsupported';
    if (away && this.#begun) {
      this.#climb.suspend('the camera is away');
      if (!this.#climb.shown) this.#begun = false;
    } else if (!away && !this.#begun) {
      this.#failures = 0;
      this.#begin();
    }
    this.#changed();
  }

  /**
   * @param {EventTarget} target
   * @param {{[type: string]: (detail: any) => void}} heard
   */
  #listen(target, heard) {
    for (const [type, hear] of Object.entries(heard)) {
      target.addEventListener(type, (event) => hear(/** @type {CustomEvent} */ (event).detail));
    }
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
