/**
 * Carries out what the ladder decides: rungs on videos of their own, one shown, others tried below it.
 *
 * Events: `shown` (detail: the attempt whose first picture came), `detach` (detail: the video whose picture is about to
 * go, with nothing to take its place), `lost` (detail: `Failure`; nothing is shown any more), `failed` (detail: rung and
 * `Failure` of a try), `exhausted` (detail: `Failure`; there is no rung left that could ever play here), `progress`
 * (detail: 0 to 1).
 */

import { Attempt } from './attempt.js';
import { Crowd } from './crowd.js';
import { Excuses } from './excuses.js';
import { Ladder } from './ladder.js';
import { pageTime } from './page-time.js';
import { protocolName } from './protocols.js';
import { LoadingAhead } from './rungs/ahead.js';
import { loadRungToPlay, makeRung } from './rungs/maker.js';

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
 * @property {Crowd} [crowd] the players of this page that are told apart; all of them unless given
 * @property {() => void} onFrame after each picture that is seen
 * @property {() => boolean} blameless whether a failure now says nothing about the rung
 */

/** Of this page. */
const CROWD = new Crowd((busy) => {
  pageTime.isOn = busy;
});
/** What no further try will change. */
const FOR_GOOD = new Set(['codec', 'missing']);
const NEEDS_SOCKET = 'mse';
const SWAPPED_AT_MOST_MS = 400;
const NEAR = 0.8;
/** So soon after a rung brought some player of this page its picture, the network is not what another one's fails for. */
const WORKS_FOR_MS = 10_000;
/** A connection that does not stand by then will not be a direct one: checks and handshake are four round trips. */
const DIRECT_WITHIN_MS = 300;
const DIRECT_ROUND_TRIPS = 4;

export class Climb extends EventTarget {
  #with;
  #place;
  #ladder;
  /** @type {readonly Step[]} */
  #steps = [];
  /** @type {Map<string, Attempt>} that are tried */
  #trials = new Map();
  /** @type {Attempt | null} */
  #shown = null;
  /** @type {Set<Attempt>} covered by what took their place, about to end */
  #leaving = new Set();
  #excuses;
  #ahead = new LoadingAhead();
  /** @type {Set<string>} rungs that will never play here, whatever the gateway thinks */
  #dropped = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #hidden = false;

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    super();
    this.#with = surroundings;
    this.#place = (surroundings.crowd ?? CROWD).place(() => this.#plan());
    this.#ladder = new Ladder([], this.#place);
    this.#excuses = new Excuses(surroundings.memory);
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
    return this.#excuses.tried;
  }

  /** @returns {Failure | null} why nothing better is shown; null where nothing better failed */
  get lowered() {
    return this.#shown && this.#excuses.above(this.#shown.rung.name);
  }

  /** @param {readonly import('./failure-memory.js').Failure[]} failures from before */
  remember(failures) {
    this.#excuses.remember(failures);
  }

  /** @param {readonly Step[]} steps in the order of trying */
  plan(steps) {
    this.#steps = steps.filter(({ rung }) => !this.#dropped.has(rung));
    this.#act(this.#ladder.revise(this.#steps, pageTime.nowMs));
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
    attempt.after(patienceMs, () => {
      if (attempt !== this.#trials.get(name) || attempt.near) return;
      this.#end(attempt, 'no direct way: begun anew with a relay');
      this.#start(name);
    });
  }

  begin() {
    this.#act(this.#ladder.begin(pageTime.nowMs));
    this.#ahead.start(() => this.#steps.map(({ rung }) => rung));
  }

  /** @param {string} reason */
  halt(reason) {
    this.#ahead.stop();
    this.#act(this.#ladder.halt(reason));
    for (const attempt of [...this.#leaving]) this.#leave(attempt);
    clearTimeout(this.#timer);
    this.#excuses.acquit();
    this.#dropped.clear();
  }

  /** Nothing can be had now: stops what is tried. @param {string} reason */
  suspend(reason) {
    this.#ahead.stop();
    this.#act(this.#ladder.suspend(reason));
  }

  /** What failed until now says nothing about what comes. */
  forgive() {
    this.#excuses.forgive();
  }

  /** Another network. */
  moved() {
    this.#excuses.moved();
    this.#act(this.#ladder.moved(pageTime.nowMs));
  }

  /** Tries now what would be tried later. */
  hurry() {
    if (!this.#shown && this.#ladder.trying.length === 0) this.begin();
  }

  /**
   * What is shown brings no pictures, or too few: others are tried beside it.
   *
   * @param {{loss?: boolean}} [how]
   */
  faltered(how) {
    if (how?.loss && this.#shown) this.#note(this.#shown.rung.name, { code: 'loss', message: 'too many packets are lost' });
    this.#act(this.#ladder.faltered(pageTime.nowMs, how));
  }

  recovered() {
    this.#act(this.#ladder.recovered());
  }

  /** @param {Attempt} attempt shown or tried @param {Failure} failure */
  failed(attempt, failure) {
    const { name } = attempt.rung;
    const wasShown = attempt === this.#shown;
    if (!wasShown && this.#trials.get(name) !== attempt) return;
    this.#end(attempt, failure.message);
    this.#note(name, failure);
    const now = pageTime.nowMs;
    if (FOR_GOOD.has(failure.code)) {
      this.#dropped.add(name);
      this.#act(this.#ladder.drop(name, now));
      if (!this.#ladder.hopeful) this.dispatchEvent(new CustomEvent('exhausted', { detail: failure }));
    } else this.#act(this.#ladder.failed(name, now, { blameless: this.#with.blameless() }));
    const type = wasShown ? 'lost' : 'failed';
    this.dispatchEvent(new CustomEvent(type, { detail: failure }));
  }

  /** @param {boolean} hidden nobody can see pictures now */
  set hidden(hidden) {
    this.#hidden = hidden;
    if (this.#shown) this.#shown.rung.hidden = hidden;
    for (const { rung } of this.#trials.values()) rung.hidden = hidden;
    this.#act([]);
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
    this.#place.looking = this.#ladder.isSearching && !this.#hidden;
  }

  #plan() {
    clearTimeout(this.#timer);
    const due = this.#ladder.dueMs;
    if (due === null || this.#hidden) return;
    this.#timer = setTimeout(() => this.#act(this.#ladder.tick(pageTime.nowMs)), Math.max(0, due - pageTime.nowMs));
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
      beganAt: record.beganAt,
      onFrame: () => this.#frame(attempt),
    });
    this.#trials.set(name, attempt);
    record.begun(attempt);
    rung.addEventListener('progress', (event) => {
      const { detail } = /** @type {CustomEvent<number>} */ (event);
      if (detail >= NEAR) {
        attempt.near = true;
        this.#ladder.near(name, pageTime.nowMs);
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
    if (name === NEEDS_SOCKET && !options.signalling.isOpen && this.#trials.size > 1) this.#ladder.hasten(pageTime.nowMs);
  }

  /** @param {string} name whose module is not on this page yet */
  async #load(name) {
    try {
      await loadRungToPlay(name);
    } catch {
      if (!this.#ladder.trying.includes(name)) return;
      const message = `The part of this page that plays ${protocolName(name)} could not be loaded.`;
      this.#note(name, { code: 'network', message });
      this.#act(this.#ladder.failed(name, pageTime.nowMs));
      this.dispatchEvent(new CustomEvent('failed', { detail: { code: 'network', message } }));
      return;
    }
    if (this.#ladder.trying.includes(name) && !this.#trials.has(name)) this.#start(name);
  }

  /** @param {Attempt} attempt its first picture is there */
  #pictured(attempt) {
    attempt.begin();
    if (!this.#shown || this.#shown.recovery?.silent) {
      this.#ready(attempt);
      return;
    }
    attempt.settle({ regularly: !this.#ladder.doubts });
    this.#ladder.settles(attempt.rung.name, pageTime.nowMs);
    this.#plan();
  }

  /** @param {Attempt} attempt */
  #frame(attempt) {
    if (attempt === this.#shown) {
      this.#with.onFrame();
      return;
    }
    if (attempt.settled()) this.#ready(attempt);
  }

  /** @param {Attempt} attempt */
  #ready(attempt) {
    if (this.#trials.get(attempt.rung.name) !== attempt) return;
    this.#act(this.#ladder.pictured(attempt.rung.name, pageTime.nowMs));
  }

  /** @param {string} name */
  #show(name) {
    const attempt = this.#trials.get(name);
    if (!attempt) return;
    const before = this.#shown;
    this.#trials.delete(name);
    this.#shown = attempt;
    this.#with.stage.show(attempt.video);
    this.#excuses.worked(name, Date.now());
    this.#place.brought(name, pageTime.nowMs);
    if (before) this.#leaving.add(before);
    this.dispatchEvent(new CustomEvent('shown', { detail: attempt }));
  }

  /** @param {string} name @param {string} reason */
  #stop(name, reason) {
    const attempt = this.#trials.get(name) ?? (this.#shown?.rung.name === name ? this.#shown : null);
    if (!attempt) {
      this.#leaveSoon(name, reason);
      return;
    }
    const late = reason === 'no picture in time';
    const failure = late ? attempt.rung.excuse : null;
    this.#end(attempt, failure?.message ?? reason);
    if (!late) return;
    const why = failure ?? { code: /** @type {const} */ ('first-frame'), message: 'No picture came in time.' };
    this.#note(name, why);
    this.dispatchEvent(new CustomEvent('failed', { detail: why }));
  }

  /** What covers it is on the screen when its next picture comes. @param {string} name @param {string} reason */
  #leaveSoon(name, reason) {
    const attempt = [...this.#leaving].find(({ rung, run }) => rung.name === name && run.end === null);
    if (!attempt) return;
    attempt.run.end = reason;
    const cover = this.#shown?.video;
    const leave = () => this.#leave(attempt);
    if (cover && 'requestVideoFrameCallback' in cover) cover.requestVideoFrameCallback(leave);
    attempt.after(SWAPPED_AT_MOST_MS, leave);
  }

  /** @param {Attempt} attempt */
  #leave(attempt) {
    if (!this.#leaving.delete(attempt)) return;
    this.#finish(attempt, attempt.run.end ?? 'replaced');
  }

  /** @param {Attempt} attempt @param {string} reason for the history */
  #end(attempt, reason) {
    if (attempt === this.#shown) {
      if (attempt.frames.presented > 0) this.dispatchEvent(new CustomEvent('detach', { detail: attempt.video }));
      this.#shown = null;
    } else this.#trials.delete(attempt.rung.name);
    this.#finish(attempt, reason);
  }

  /** @param {Attempt} attempt @param {string} reason */
  #finish(attempt, reason) {
    this.#with.record.ended(attempt);
    attempt.end(reason);
    this.#with.stage.drop(attempt.video);
  }

  /** @param {string} name @param {Failure} failure */
  #note(name, failure) {
    const worksForOthers = pageTime.nowMs - (this.#place.broughtAtMs(name) ?? -Infinity) < WORKS_FOR_MS;
    const blameless = this.#with.blameless() || (worksForOthers && failure.code !== 'loss');
    const circumstances = { blameless, picturesCome: this.#shown !== null };
    this.#excuses.failed(name, failure, circumstances, Date.now());
  }
}
