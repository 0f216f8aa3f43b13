/**
 * Carries out what the ladder decides: rungs on videos of their own, one shown, others tried below it.
 *
 * Events: `shown` (detail: the attempt whose first picture came), `detach` (detail: the video whose picture is about to
 * go, with nothing to take its place), `lost` (detail: `Failure`; nothing is shown any more), `failed` (detail: rung and
 * `Failure` of a try), `exhausted` (detail: `Failure`; there is no rung left that could ever play here), `progress`
 * (detail: 0 to 1).
 */

import { Attempt } from './attempt.js';
import { Ladder } from './ladder.js';
import { nowMs } from './now.js';
import { protocolName, PROTOCOLS } from './protocols.js';
import { isLoaded, loadRung, makeRung } from './rungs/maker.js';

/**
 * @typedef {import('./types.js').Failure} Failure
 * @typedef {import('./ladder.js').Action} Action
 * @typedef {import('./plan.js').Step} Step
 * @typedef {import('./record.js').Record} Record
 * @typedef {import('./stage.js').Stage} Stage
 * @typedef {import('./clock.js').StreamClock} StreamClock
 * @typedef {import('./failure-memory.js').FailureMemory} FailureMemory
 * @typedef {import('./rungs/rung.js').RungOptions} RungOptions
 *
 * @typedef {object} Surroundings
 * @property {Stage} stage
 * @property {StreamClock} clock
 * @property {Record} record
 * @property {FailureMemory} memory
 * @property {(rung: string) => RungOptions} optionsFor
 * @property {() => void} onFrame after each picture that is seen
 * @property {() => boolean} blameless whether a failure now says nothing about the rung
 */

/** What the network is to blame for, so that it will be so for another camera too. */
const OF_THE_NETWORK = new Set(['ice', 'dtls', 'signalling', 'network', 'loss']);
/** What no further try will change. */
const FOR_GOOD = new Set(['codec', 'missing']);
const NEEDS_SOCKET = 'mse';
const LOAD_NEXT_AFTER_MS = 150;
const LOAD_MORE_AFTER_MS = 2000;
/** A better rung is shown when it has caught up with the present, which it does within moments. */
const SETTLES_MS = 250;
const SETTLES_AT_MOST_MS = 1500;
const SWAPPED_AT_MOST_MS = 400;
const NEAR = 0.8;
/** A connection that does not stand by then will not be a direct one: checks and handshake are four round trips. */
const DIRECT_WITHIN_MS = 300;
const DIRECT_ROUND_TRIPS = 4;

export class Climb extends EventTarget {
  #with;
  #ladder = new Ladder([]);
  /** @type {readonly Step[]} */
  #steps = [];
  /** @type {Map<string, Attempt>} that are tried */
  #trials = new Map();
  /** @type {Attempt | null} */
  #shown = null;
  /** @type {Set<Attempt>} covered by what took their place, about to end */
  #leaving = new Set();
  /** @type {Map<string, Failure>} since the last picture; the network is to blame only if another rung gets through */
  #unproved = new Map();
  /** @type {Map<string, Failure>} the last of each rung since something was shown */
  #tried = new Map();
  /** @type {Set<string>} rungs that will never play here, whatever the gateway thinks */
  #dropped = new Set();
  /** @type {Map<string, Failure>} why each rung failed last; what works has no entry */
  #excuses = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #loadTimer;
  #hidden = false;

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    super();
    this.#with = surroundings;
  }

  /** @returns {Attempt | null} */
  get shown() {
    return this.#shown;
  }

  /** @returns {Attempt | null} the one that is shown, else the best that is tried */
  get foremost() {
    return this.#shown ?? this.#trials.values().next().value ?? null;
  }

  /** @returns {ReadonlyMap<string, Failure>} why each rung failed since pictures last came */
  get tried() {
    return this.#tried;
  }

  /** @returns {Failure | null} why nothing better is shown; null where nothing better failed */
  get lowered() {
    const shown = this.#shown?.rung.name;
    if (shown === undefined) return null;
    const better = PROTOCOLS.slice(0, PROTOCOLS.indexOf(shown)).find((rung) => this.#excuses.has(rung));
    return better === undefined ? null : (this.#excuses.get(better) ?? null);
  }

  /** @returns {readonly Step[]} */
  get steps() {
    return this.#steps;
  }

  /** @param {readonly import('./failure-memory.js').Failure[]} failures from before */
  remember(failures) {
    for (const { rung, reason } of failures) {
      this.#excuses.set(rung, { code: /** @type {Failure['code']} */ (reason), message: 'it failed on this network before' });
    }
  }

  /** @param {readonly Step[]} steps in the order of trying */
  plan(steps) {
    this.#steps = steps.filter(({ rung }) => !this.#dropped.has(rung));
    this.#act(this.#ladder.revise(this.#steps, nowMs()));
    for (const { rung, iceServers } of steps) if (iceServers.length > 0) this.#useRelays(rung);
  }

  /**
   * Nobody waits for the gateway to name its relays: what began without them and does not stand soon begins anew.
   *
   * @param {string} name
   */
  #useRelays(name) {
    const attempt = this.#trials.get(name);
    if (!attempt || attempt.relayed) return;
    attempt.relayed = true;
    const patienceMs = DIRECT_WITHIN_MS + DIRECT_ROUND_TRIPS * (this.#with.clock.roundTripMs ?? 0);
    setTimeout(() => {
      if (attempt !== this.#trials.get(name) || attempt.near) return;
      this.#end(attempt, 'no direct way: begun anew with a relay');
      this.#start(name);
    }, patienceMs);
  }

  begin() {
    this.#act(this.#ladder.begin(nowMs()));
    clearTimeout(this.#loadTimer);
    this.#loadTimer = setTimeout(() => this.#loadNext(), LOAD_NEXT_AFTER_MS);
  }

  /** @param {string} reason */
  halt(reason) {
    clearTimeout(this.#loadTimer);
    this.#act(this.#ladder.halt(reason));
    for (const attempt of [...this.#leaving]) this.#leave(attempt);
    clearTimeout(this.#timer);
    this.#unproved.clear();
    this.#dropped.clear();
  }

  /** Nothing can be had now: stops what is tried. @param {string} reason */
  suspend(reason) {
    this.#act(this.#ladder.suspend(reason));
  }

  /** What failed until now says nothing about what comes. */
  forgive() {
    this.#tried.clear();
    this.#unproved.clear();
  }

  /** Another network. */
  moved() {
    this.#act(this.#ladder.moved(nowMs()));
  }

  /** Tries now what would be tried later. */
  hurry() {
    if (!this.#shown && this.#trials.size === 0) this.begin();
  }

  /**
   * What is shown brings no pictures, or too few: others are tried beside it.
   *
   * @param {{loss?: boolean}} [how]
   */
  faltered(how) {
    if (how?.loss && this.#shown) this.#note(this.#shown.rung.name, { code: 'loss', message: 'too many packets are lost' });
    this.#act(this.#ladder.faltered(nowMs(), how));
  }

  recovered() {
    this.#act(this.#ladder.recovered());
  }

  /**
   * @param {Attempt} attempt shown or tried
   * @param {Failure} failure
   */
  failed(attempt, failure) {
    const { name } = attempt.rung;
    const wasShown = attempt === this.#shown;
    if (!wasShown && this.#trials.get(name) !== attempt) return;
    this.#end(attempt, failure.message);
    this.#note(name, failure);
    const now = nowMs();
    if (FOR_GOOD.has(failure.code)) {
      this.#dropped.add(name);
      this.#act(this.#ladder.drop(name, now));
      if (!this.#ladder.hopeful) this.dispatchEvent(new CustomEvent('exhausted', { detail: failure }));
    } else this.#act(this.#ladder.failed(name, now));
    const type = wasShown ? 'lost' : 'failed';
    this.dispatchEvent(new CustomEvent(type, { detail: failure }));
  }

  /** @param {boolean} hidden nobody can see pictures now */
  set hidden(hidden) {
    this.#hidden = hidden;
    if (this.#shown) this.#shown.rung.hidden = hidden;
    for (const { rung } of this.#trials.values()) rung.hidden = hidden;
    this.#plan();
  }

  /** @param {(rung: import('./rungs/rung.js').Rung) => void} act */
  each(act) {
    for (const { rung } of [...(this.#shown ? [this.#shown] : []), ...this.#trials.values()]) act(rung);
  }

  /** @param {Action[]} actions */
  #act(actions) {
    for (const { do: what, rung, reason = '' } of actions) {
      if (what === 'start') this.#start(rung);
      else if (what === 'show') this.#show(rung);
      else this.#stop(rung, reason);
    }
    this.#plan();
  }

  #plan() {
    clearTimeout(this.#timer);
    const due = this.#ladder.dueMs;
    if (due === null || this.#hidden) return;
    this.#timer = setTimeout(() => this.#act(this.#ladder.tick(nowMs())), Math.max(0, due - nowMs()));
  }

  /** @param {string} name */
  #start(name) {
    const { stage, clock, record, optionsFor } = this.#with;
    const rung = makeRung(name);
    if (!rung) {
      void this.#load(name);
      return;
    }
    const video = stage.make();
    const attempt = new Attempt(video, rung, {
      clock,
      playerStartedAt: record.startedAt,
      onFrame: () => this.#frame(attempt),
    });
    this.#trials.set(name, attempt);
    record.begun(attempt);
    rung.addEventListener('progress', (event) => {
      const { detail } = /** @type {CustomEvent<number>} */ (event);
      if (detail >= NEAR) {
        attempt.near = true;
        this.#ladder.near(name, nowMs());
        this.#plan();
      }
      if (!this.#shown) this.dispatchEvent(new CustomEvent('progress', { detail }));
    });
    rung.addEventListener('picture', () => this.#pictured(attempt));
    rung.addEventListener('failed', (event) => this.failed(attempt, /** @type {CustomEvent<Failure>} */ (event).detail));
    const options = optionsFor(name);
    attempt.relayed = options.iceServers.length > 0;
    rung.start(video, options);
    if (this.#hidden) rung.hidden = true;
    // Pictures over a socket that still has not opened are not likely to come.
    if (name === NEEDS_SOCKET && !options.signalling.isOpen && this.#trials.size > 1) this.#ladder.hasten(nowMs());
  }

  /** @param {string} name whose module is not on this page yet */
  async #load(name) {
    try {
      await loadRung(name);
    } catch {
      if (!this.#ladder.trying.includes(name)) return;
      const message = `The part of this page that plays ${protocolName(name)} could not be loaded.`;
      this.#note(name, { code: 'network', message });
      this.#act(this.#ladder.failed(name, nowMs()));
      this.dispatchEvent(new CustomEvent('failed', { detail: { code: 'network', message } }));
      return;
    }
    if (this.#ladder.trying.includes(name) && !this.#trials.has(name)) this.#start(name);
  }

  /** What may come next should not have to be fetched when it is needed, over a network that is bad by then. */
  #loadNext() {
    const next = this.#steps.find(({ rung }) => !isLoaded(rung));
    if (!next) return;
    loadRung(next.rung).then(
      () => {
        if (this.foremost) this.#loadTimer = setTimeout(() => this.#loadNext(), LOAD_MORE_AFTER_MS);
      },
      () => undefined,
    );
  }

  /** @param {Attempt} attempt its first picture is there */
  #pictured(attempt) {
    attempt.begin();
    if (!this.#shown || this.#shown.recovery?.silent) this.#ready(attempt);
    else attempt.readyAfterMs = nowMs() + SETTLES_MS;
  }

  /** @param {Attempt} attempt */
  #frame(attempt) {
    if (attempt === this.#shown) {
      this.#with.onFrame();
      return;
    }
    const since = attempt.readyAfterMs;
    if (since === null || nowMs() < since) return;
    if (!attempt.frames.catchingUp || nowMs() > since + SETTLES_AT_MOST_MS) this.#ready(attempt);
  }

  /** @param {Attempt} attempt */
  #ready(attempt) {
    attempt.readyAfterMs = null;
    if (this.#trials.get(attempt.rung.name) !== attempt) return;
    this.#act(this.#ladder.pictured(attempt.rung.name, nowMs()));
  }

  /** @param {string} name */
  #show(name) {
    const attempt = this.#trials.get(name);
    if (!attempt) return;
    const { stage, memory } = this.#with;
    const before = this.#shown;
    this.#trials.delete(name);
    this.#shown = attempt;
    stage.show(attempt.video);
    const now = Date.now();
    for (const [rung, { code }] of this.#unproved) memory.failed(rung, code, now);
    this.#unproved.clear();
    this.#tried.clear();
    memory.worked(name);
    this.#excuses.delete(name);
    if (before) this.#leaving.add(before);
    this.dispatchEvent(new CustomEvent('shown', { detail: attempt }));
  }

  /**
   * @param {string} name
   * @param {string} reason
   */
  #stop(name, reason) {
    const leaving = [...this.#leaving].find(({ rung }) => rung.name === name);
    if (leaving) {
      leaving.run.end = reason;
      this.#leaveSoon(leaving);
      return;
    }
    const attempt = this.#trials.get(name) ?? (this.#shown?.rung.name === name ? this.#shown : null);
    if (!attempt) return;
    const late = reason === 'no picture in time';
    const failure = late ? attempt.rung.excuse : null;
    this.#end(attempt, failure?.message ?? reason);
    if (!late) return;
    const why = failure ?? { code: /** @type {const} */ ('first-frame'), message: 'No picture came in time.' };
    this.#note(name, why);
    this.dispatchEvent(new CustomEvent('failed', { detail: why }));
  }

  /** What covers it is on the screen when its next picture comes. @param {Attempt} attempt */
  #leaveSoon(attempt) {
    const cover = this.#shown?.video;
    const leave = () => this.#leave(attempt);
    if (cover && 'requestVideoFrameCallback' in cover) cover.requestVideoFrameCallback(leave);
    setTimeout(leave, SWAPPED_AT_MOST_MS);
  }

  /** @param {Attempt} attempt */
  #leave(attempt) {
    if (!this.#leaving.delete(attempt)) return;
    this.#finish(attempt, attempt.run.end ?? 'replaced');
  }

  /**
   * @param {Attempt} attempt
   * @param {string} reason for the history
   */
  #end(attempt, reason) {
    if (attempt === this.#shown) {
      if (attempt.frames.presented > 0) this.dispatchEvent(new CustomEvent('detach', { detail: attempt.video }));
      this.#shown = null;
    } else this.#trials.delete(attempt.rung.name);
    this.#finish(attempt, reason);
  }

  /**
   * @param {Attempt} attempt
   * @param {string} reason
   */
  #finish(attempt, reason) {
    this.#with.record.ended(attempt);
    attempt.end(reason);
    this.#with.stage.drop(attempt.video);
  }

  /**
   * @param {string} name
   * @param {Failure} failure
   */
  #note(name, failure) {
    this.#tried.set(name, failure);
    this.#excuses.set(name, failure);
    if (this.#with.blameless() || !OF_THE_NETWORK.has(failure.code)) return;
    if (this.#shown) this.#with.memory.failed(name, failure.code, Date.now());
    else this.#unproved.set(name, failure);
  }
}
