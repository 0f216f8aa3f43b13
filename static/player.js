/**
 * Plays one camera and keeps it playing, by whichever rung gets through; no other DOM than the stage of its videos.
 *
 * Events: `change` (the situation did), `picture` (first of a connection), `detach` (detail: the video whose picture is
 * about to go: copy it now), `fallback` (detail as protocol.md).
 */

import { Account } from './account.js';
import { CameraLink } from './camera-link.js';
import { Climb } from './climb.js';
import { StreamClock } from './clock.js';
import { failureMemory } from './failure-memory.js';
import { modeOf } from './modes.js';
import { nowMs } from './now.js';
import { Planner } from './planner.js';
import { AUTO, PROTOCOLS, wantedRungs, wrongCandidates } from './protocols.js';
import { Record } from './record.js';
import { retryDelayMs } from './retry.js';
import { Search } from './search.js';
import { Standing } from './standing.js';
import { Watch } from './watch.js';

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
 * @property {string | null} [region] where the viewer is, as the gateway's edges call it; null for unknown
 *
 * @typedef {import('./camera-link.js').LinkOptions & PlayerWishes} PlayerOptions
 */

/** Between questions whether there is such a camera by now. */
const LOOK_AGAIN = Object.freeze({ firstMs: 2000, mostMs: 30_000 });

/** @type {Readonly<Failure>} */
const BAD_GRANT = Object.freeze({ code: 'grant', message: 'The gateway does not take the grant that this page was given.' });

export class Player extends EventTarget {
  #link;
  #climb;
  #clock = new StreamClock();
  #record = new Record();
  #standing = new Standing();
  #planner;
  #search;
  #account;
  #watch;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;

  /**
   * @param {Stage} stage
   * @param {PlayerOptions} options
   */
  constructor(stage, options) {
    super();
    const memory = failureMemory(options.base);
    const link = new CameraLink(options, this.#clock);
    const planner = new Planner(link, {
      ...options,
      memory,
      candidates: options.candidates ?? null,
      region: options.region ?? null,
    });
    planner.allow = wantedRungs(options.protocol ?? AUTO);
    planner.mode = modeOf(options.mode).name;
    const climb = new Climb({
      stage,
      clock: this.#clock,
      record: this.#record,
      memory,
      optionsFor: (rung) => this.#search.optionsFor(rung),
      onFrame: () => this.#frameShown(),
      blameless: () => !this.#standing.gatewayThere || !this.#standing.cameraLive,
    });
    const { camera: name, protocol: wanted } = options;
    const parts = { camera: name, wanted, clock: this.#clock, link, climb, planner, record: this.#record, standing: this.#standing };
    this.#search = new Search({ ...parts, unplayable: (why) => this.#halt('unplayable', why) });
    this.#account = new Account(parts);
    this.#watch = new Watch({
      ...parts,
      account: this.#account,
      changed: () => this.#changed(),
      lossy: () => this.#toldToFallBack({ from: 'webrtc', to: null, reason: 'loss' }),
    });
    this.#link = link;
    this.#planner = planner;
    this.#climb = climb;
    this.#listen(link, {
      open: () => this.#socketOpened(),
      down: (detail) => this.#socketDown(detail),
      answers: () => this.#gatewayAnswers({ overHttp: true }),
      unreachable: (how) => this.#gatewayGone(how),
      camera: (camera) => this.#cameraChanged(camera),
      grant: (grant) => climb.each((rung) => rung.renew(grant)),
      refused: (why) => this.#refused(why),
      fallback: (detail) => this.#toldToFallBack(detail),
      rendition: (detail) => this.#renditionIs(detail),
    });
    this.#listen(climb, {
      shown: (attempt) => this.#pictureCame(attempt),
      detach: (video) => this.dispatchEvent(new CustomEvent('detach', { detail: video })),
      lost: (failure) => this.#lost(failure),
      failed: (failure) => this.#tryFailed(failure),
      exhausted: (failure) => this.#search.exhausted(failure),
      progress: (progress) => {
        this.#standing.advance(progress);
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
    if (this.#link.isOpen && this.#standing.camera) return;
    this.#cameraChanged(camera);
  }

  start() {
    if (this.#standing.phase !== 'stopped') return;
    const wrong = wrongCandidates(this.#planner.candidates);
    if (this.#planner.allow.length === 0 || wrong) {
      this.#halt('no-protocol', wrong ?? undefined);
      return;
    }
    const now = nowMs();
    this.#planner.restart();
    this.#record.restart(now);
    this.#standing.begin(now);
    this.#watch.start();
    this.#link.start();
    this.#search.start();
    this.#changed();
  }

  stop() {
    this.#halt('stopped');
  }

  /** Tries at once instead of at the end of the current delay. */
  hurry() {
    if (this.#standing.phase === 'stopped') return;
    if (!this.#watch.isOn) {
      this.#standing.halt('stopped');
      this.start();
      return;
    }
    this.#link.hurry();
    this.#search.hurry();
  }

  /** The browser is on another network. */
  moved() {
    if (!this.#watch.isOn) return;
    this.#link.hurry();
    this.#climb.moved();
    this.#search.hurry();
  }

  /** @param {string} grant a fresh one, before the last expires */
  renew(grant) {
    this.#link.renew(grant);
  }

  /** @returns {Situation} */
  get situation() {
    const { shown, lowered } = this.#climb;
    return this.#standing.situation({
      clockOffsetMs: this.#clock.offsetMs ?? 0,
      tried: [...this.#search.tried].map(([rung, { code, message }]) => ({ rung, code, message })),
      lowered: this.#search.lowered ?? lowered ?? this.#planner.missingAbove(shown?.rung.name ?? ''),
      protocol: this.#account.protocol,
      transport: shown?.counters?.transport ?? null,
    });
  }

  /** Nobody can see pictures now, so their absence means nothing. @param {boolean} hidden */
  set hidden(hidden) {
    if (hidden === this.#watch.hidden) return;
    this.#watch.hidden = hidden;
    this.#climb.hidden = hidden;
    this.#search.hidden = hidden;
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
    return this.#account.metrics;
  }

  /** @returns {import('./stats.js').Statistics} */
  get statistics() {
    return this.#account.statistics;
  }

  /** The page is left: what has been seen is told by a way that outlives it. */
  leave() {
    if (this.#watch.isOn) this.#account.tellAtTheEnd();
  }

  /**
   * @param {string} path of the gateway, without a leading slash
   * @returns {Promise<string>} its URL, with a grant in it where one is needed
   */
  address(path) {
    return this.#link.address(path);
  }

  /** @returns {readonly (number | null)[]} one for each of the last 60 s, oldest first; null where there were no pictures */
  get latencies() {
    return this.#record.latencies;
  }

  /**
   * @param {Phase} phase
   * @param {Failure} [failure] why
   */
  #halt(phase, failure) {
    // Who leaves, or never sees anything, would not be heard of.
    this.leave();
    clearTimeout(this.#again);
    this.#search.halt(phase === 'stopped' ? 'stopped by the page' : phase);
    this.#search.forget();
    this.#watch.stop();
    this.#link.stop();
    this.#standing.halt(phase, failure);
    this.#changed();
  }

  /** @param {'unknown' | 'signed-out' | 'forbidden'} why */
  #refused(why) {
    const givenOthers = why === 'signed-out' && this.#link.renewsGrants;
    this.#halt(why, givenOthers ? BAD_GRANT : undefined);
    if (why === 'unknown' || givenOthers) this.#lookAgain(1);
  }

  /**
   * A camera may be added, or be known again a moment after the gateway's start; and whoever gave a grant that was over
   * gives another.
   *
   * @param {number} times
   */
  #lookAgain(times) {
    const { phase } = this.#standing;
    const again = async () => {
      const { access } = await this.#link.lookUp();
      if (this.#standing.phase !== phase) return;
      if (access === 'ok') this.hurry();
      else this.#lookAgain(times + 1);
    };
    this.#again = setTimeout(() => void again(), retryDelayMs(times, LOOK_AGAIN));
  }

  /** @param {Attempt} attempt whose first picture is on the screen */
  #pictureCame(attempt) {
    const now = nowMs();
    this.#record.pictureCame(now);
    this.#standing.pictureCame(now, attempt.frames);
    this.#watch.pictureCame();
    this.#link.askClock();
    this.dispatchEvent(new Event('picture'));
    this.#changed();
  }

  #frameShown() {
    const frames = this.#climb.shown?.frames;
    if (!frames || !this.#standing.pictureFollowed(frames)) return;
    this.#watch.observe();
    this.#changed();
  }

  /** @param {Failure} failure of what was shown */
  #lost(failure) {
    if (this.#standing.phase !== 'playing') return;
    this.#record.reconnects += 1;
    this.#standing.lost(failure, nowMs());
    this.#search.lost();
    this.#changed();
  }

  /** @param {Failure} failure */
  #tryFailed(failure) {
    if (!this.#climb.shown) this.#standing.tryFailed(failure);
    this.#changed();
  }

  /** @param {{from?: string, to?: string | null, reason?: string}} detail */
  #toldToFallBack(detail) {
    this.dispatchEvent(new CustomEvent('fallback', { detail }));
    if (detail.from === this.#climb.shown?.rung.name) this.#climb.faltered({ loss: true });
  }

  /** @param {import('./types.js').RenditionWord} detail */
  #renditionIs(detail) {
    const smaller = detail.rendition === 'substream';
    if (smaller === this.#standing.smaller) return;
    this.#standing.renditionIs({ smaller });
    this.#record.renditionIs(nowMs(), detail);
    this.#changed();
  }

  #socketOpened() {
    this.#gatewayAnswers({ overHttp: false });
    this.#search.ask();
    // It may have been changed while there was no socket.
    this.#sendMode();
    // The connection was made on another socket: what this one says is meant for it, and it lasts as long as this one's grant.
    this.#climb.each((rung) => rung.claim());
  }

  /** @param {{overHttp: boolean}} how whether by HTTP alone */
  #gatewayAnswers({ overHttp }) {
    if (this.#standing.gatewayAnswered(nowMs(), { overHttp })) {
      this.#climb.forgive();
      this.#search.resume();
    } else if (overHttp) this.#search.ask();
    this.#changed();
  }

  /** @param {{ungranted?: boolean, late?: boolean}} how */
  #gatewayGone(how) {
    this.#standing.gatewayGone(nowMs(), how);
    this.#watch.gatewayGone();
    if (!how.ungranted && !how.late) this.#search.gatewayGone();
    this.#changed();
  }

  /** @param {{retryAt: number, opened: boolean}} detail as `Signalling` */
  #socketDown(detail) {
    if (!this.#standing.socketDown(detail, nowMs())) return;
    this.#watch.gatewayGone();
    this.#changed();
  }

  /** @param {Camera} camera */
  #cameraChanged(camera) {
    this.#standing.cameraIs(camera);
    this.#search.cameraChanged();
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
