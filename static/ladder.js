/**
 * Decides which rung is tried, shown and given up when.  Pure: what happened and `now` go in, what to do comes out.
 *
 * The first rung starts; each further one a moment later, while none has brought a picture.  The first picture is shown,
 * a better rung's takes its place, worse ones are stopped.  What fails rests for a time that grows each time (rests.js);
 * while something worse is shown, better rungs are probed in its background.  A rung that falters stays on the screen
 * while the others are tried, and whichever shows a picture first goes on.
 */

import { ALONE } from './crowd.js';
import { joinsAtMs, overAtMs } from './patience.js';
import { rankOf } from './protocols.js';
import { FIRST_REST_MS, Rests } from './rests.js';
import { Round } from './round.js';

/**
 * @typedef {object} Step one rung of a plan, in the order of trying
 * @property {string} rung
 * @property {number} timeoutMs to its first picture
 *
 * @typedef {{do: 'start' | 'stop' | 'show', rung: string, reason?: string}} Action
 *   `stop` comes with its reason; a rung that is shown takes the place of the one before, which is stopped after it
 */

export class Ladder {
  #steps;
  #company;
  /** @type {Map<string, number>} rungs being tried, and since when */
  #trials = new Map();
  #rests = new Rests();
  #round = new Round();
  /** Whether pictures are wanted: begun, and neither suspended nor halted since. */
  #isOn = false;
  /** @type {string | null} */
  #shown = null;
  #shownAt = 0;
  /** @type {{loss: boolean, sinceMs: number, why: string} | null} why what is shown may be replaced by anything: it brings no
   *  pictures, or too few */
  #doubt = null;

  /** @param {readonly Step[]} steps @param {import('./crowd.js').Company} [company] other players of the page */
  constructor(steps, company = ALONE) {
    this.#company = company;
    this.#steps = new Map(steps.map((step) => [step.rung, step]));
  }

  /** @returns {string | null} the rung whose pictures are on the screen */
  get shown() {
    return this.#shown;
  }

  /** Whether what is shown brings no pictures, or too few. */
  get doubts() {
    return this.#doubt !== null;
  }

  /** @returns {readonly string[]} rungs being tried */
  get trying() {
    return [...this.#trials.keys()];
  }

  /** @returns {number} rounds in a row in which nothing worked */
  get rounds() {
    return this.#round.failed;
  }

  /** Whether it looks for pictures, as others on the page may, and has not found out yet that there are none. */
  get isSearching() {
    return this.#isOn && !this.#isContent && this.#round.failed === 0;
  }

  /** @returns {number | null} when `tick` has something to do; null when only an event can change anything */
  get dueMs() {
    const times = this.#tried.map((trial) => overAtMs(trial, this.#company));
    const { againAtMs } = this.#round;
    times.push(...[this.#nextAtMs, againAtMs].filter((at) => at !== null));
    if (this.#probing) times.push(...this.#better().map((rung) => this.#restUntil(rung)));
    return times.length ? Math.min(...times) : null;
  }

  /** @returns {boolean} whether something is left to try at all */
  get hopeful() {
    return this.#steps.size > 0;
  }

  /** Starts from the top. @param {number} nowMs any steady clock @returns {Action[]} */
  begin(nowMs) {
    this.#isOn = true;
    if (this.#isContent) {
      this.#round.end();
      return [];
    }
    const rungs = [...this.#steps.keys()].filter((rung) => rung !== this.#shown && !this.#trials.has(rung));
    const rested = rungs.filter((rung) => this.#restUntil(rung) <= nowMs);
    this.#round.begin([...rested, ...rungs.filter((rung) => !rested.includes(rung))]);
    return this.#goOn(nowMs);
  }

  /**
   * The plan is another: what it no longer has is stopped, unless it brings pictures already.
   *
   * @param {readonly Step[]} steps
   * @param {number} nowMs
   * @returns {Action[]}
   */
  revise(steps, nowMs) {
    const before = this.#steps;
    this.#steps = new Map(steps.map((step) => [step.rung, step]));
    /** @type {Action[]} */
    const actions = [];
    for (const rung of [...this.#trials.keys()].filter((trial) => !this.#steps.has(trial))) {
      this.#trials.delete(rung);
      actions.push({ do: 'stop', rung, reason: 'not for this camera and browser' });
    }
    if (!this.#isOn || this.#isContent) return actions;
    const rungs = [...this.#steps.keys()].filter((rung) => rung !== this.#shown);
    this.#round.revise(nowMs, rungs, (rung) => !before.has(rung));
    return this.#trials.size > 0 ? actions : [...actions, ...this.#goOn(nowMs)];
  }

  /** This rung will never play here. @param {string} rung @param {number} nowMs @returns {Action[]} */
  drop(rung, nowMs) {
    this.#steps.delete(rung);
    this.#round.drop(rung);
    if (rung === this.#shown) {
      this.#shown = null;
      this.#doubt = null;
      return this.begin(nowMs);
    }
    return this.#trials.has(rung) ? this.#gaveUp(rung, nowMs) : [];
  }

  /**
   * There is nothing to be had now, from nowhere: what is on trial is stopped, and nobody is to blame.
   *
   * @param {string} reason
   * @returns {Action[]}
   */
  suspend(reason) {
    const rungs = [...this.#trials.keys()];
    this.#isOn = false;
    this.#trials.clear();
    this.#round.end();
    this.#doubt = null;
    return rungs.map((rung) => ({ do: 'stop', rung, reason }));
  }

  /** A rung on trial is connected: its picture can't be far. @param {string} rung @param {number} nowMs */
  near(rung, nowMs) {
    if (this.#trials.has(rung)) this.#round.putOff(nowMs);
  }

  /** A rung on trial brings pictures that are not to be shown yet: it has its time anew. @param {string} rung @param {number} nowMs */
  settles(rung, nowMs) {
    if (this.#trials.has(rung)) this.#trials.set(rung, nowMs);
  }

  /** What is on trial has little hope: the next need not wait. @param {number} nowMs */
  hasten(nowMs) {
    this.#round.hasten(nowMs);
  }

  /**
   * What is shown brings no pictures, or too few: the others are tried beside it.
   *
   * @param {number} nowMs
   * @param {{loss?: boolean}} [how] `loss`: its link carries too little for the camera
   * @returns {Action[]}
   */
  faltered(nowMs, { loss = false } = {}) {
    if (this.#shown === null) return [];
    const before = this.#doubt;
    // That its link carries too little may turn out while the others are tried because nothing arrived.
    if (loss) this.#doubt = { loss, sinceMs: before?.sinceMs ?? nowMs, why: 'too many packets are lost' };
    else this.#doubt ??= { loss, sinceMs: nowMs, why: 'no pictures arrived any more' };
    return before ? [] : this.begin(nowMs);
  }

  /** What is shown brings pictures again. @returns {Action[]} */
  recovered() {
    const shown = this.#shown;
    if (shown === null || !this.#doubt || this.#doubt.loss) return [];
    this.#round.forgive();
    return this.suspend(`${shown} recovered`);
  }

  /** Ends everything; `begin` may come again. @param {string} reason @returns {Action[]} */
  halt(reason) {
    const rungs = [...this.#trials.keys(), ...(this.#shown === null ? [] : [this.#shown])];
    this.suspend(reason);
    this.#shown = null;
    this.#round.forgive();
    return rungs.map((rung) => ({ do: 'stop', rung, reason }));
  }

  /** Another network: what failed on the last one may work on this one. @param {number} nowMs @returns {Action[]} */
  moved(nowMs) {
    this.#rests.forgetAll();
    return this.tick(nowMs);
  }

  /** @param {number} nowMs @returns {Action[]} */
  tick(nowMs) {
    /** @type {Action[]} */
    const actions = [];
    for (const trial of this.#tried) {
      const { rung } = trial;
      if (nowMs < overAtMs(trial, this.#company)) continue;
      actions.push({ do: 'stop', rung, reason: 'no picture in time' });
      actions.push(...this.#gaveUp(rung, nowMs));
    }
    if (nowMs >= (this.#nextAtMs ?? Infinity)) actions.push(...this.#startNext(nowMs));
    if (nowMs >= (this.#round.againAtMs ?? Infinity)) actions.push(...this.begin(nowMs));
    if (this.#probing) actions.push(...this.#probe(nowMs));
    return actions;
  }

  /** A rung on trial brought its first picture. @param {string} rung @param {number} nowMs @returns {Action[]} */
  pictured(rung, nowMs) {
    if (!this.#trials.delete(rung)) return [];
    const before = this.#shown;
    const doubt = this.#doubt;
    const wellMs = this.#wellMs(nowMs);
    if (before !== null && !doubt && rankOf(before) <= rankOf(rung)) return [{ do: 'stop', rung, reason: `${before} is better` }];
    this.#shown = rung;
    this.#shownAt = nowMs;
    this.#round.end();
    this.#round.forgive();
    /** @type {Action[]} */
    const actions = [{ do: 'show', rung }];
    if (before !== null) {
      if (doubt) this.#rests.relapse(before, nowMs, { wellMs, loss: doubt.loss });
      else this.#rests.left(before, wellMs);
      actions.push({ do: 'stop', rung: before, reason: doubt?.why ?? `${rung} is better` });
    }
    this.#doubt = null;
    for (const other of [...this.#trials.keys()]) {
      if (rankOf(other) < rankOf(rung)) continue;
      this.#trials.delete(other);
      actions.push({ do: 'stop', rung: other, reason: `${rung} was quicker` });
    }
    return actions;
  }

  /**
   * A rung gave up: on trial, or while it was shown and nothing more could be done for it.
   *
   * @param {string} rung
   * @param {number} nowMs
   * @param {{blameless?: boolean}} [how] `blameless`: nothing could have brought pictures now
   * @returns {Action[]}
   */
  failed(rung, nowMs, { blameless = false } = {}) {
    if (rung === this.#shown) return this.#lost(rung, nowMs, blameless);
    if (!this.#trials.has(rung)) return [];
    return this.#gaveUp(rung, nowMs);
  }

  /** @param {string} rung @param {number} nowMs @returns {Action[]} */
  #gaveUp(rung, nowMs) {
    this.#trials.delete(rung);
    this.#rests.begin(rung, nowMs);
    if (this.#isContent) return [];
    if (this.#trials.size === 0 || this.#company.ahead === 0) return this.#goOn(nowMs);
    // While something else may bring pictures, those who came first have their turn first.
    this.#round.hasten(nowMs);
    return [];
  }

  /** @param {string} rung @param {number} nowMs @param {boolean} blameless @returns {Action[]} */
  #lost(rung, nowMs, blameless) {
    const wellMs = this.#wellMs(nowMs);
    // What worked for long is tried again first: more often than not it was the gateway or the network, not the rung.
    if (blameless) this.#rests.left(rung, wellMs);
    else this.#rests.relapse(rung, nowMs, { wellMs, loss: this.#doubt?.loss, alone: true });
    this.#shown = null;
    this.#doubt = null;
    return this.begin(nowMs);
  }

  /** Tries the next; where there is none, and nobody is tried, the round is lost. @param {number} nowMs @returns {Action[]} */
  #goOn(nowMs) {
    const actions = this.#startNext(nowMs);
    if (this.#trials.size > 0 || this.#round.isOn) return actions;
    if ([...this.#steps.keys()].some((rung) => rung !== this.#shown)) this.#round.lose(nowMs);
    return actions;
  }

  /** @param {number} nowMs @returns {Action[]} */
  #startNext(nowMs) {
    const rung = this.#round.next(nowMs, (candidate) => this.#trials.has(candidate));
    if (rung === null) return [];
    this.#trials.set(rung, nowMs);
    return [{ do: 'start', rung }];
  }

  /** How long what is shown brought pictures as it should. @param {number} nowMs */
  #wellMs(nowMs) {
    return (this.#doubt?.sinceMs ?? nowMs) - this.#shownAt;
  }

  /** Whether what is shown brings pictures as it should. */
  get #isContent() {
    return this.#shown !== null && !this.#doubt;
  }

  /** Whether something better could be looked for. */
  get #probing() {
    return this.#isContent && this.#trials.size === 0 && this.#better().length > 0;
  }

  /** @returns {string[]} rungs above the one that is shown, the best first */
  #better() {
    const shown = this.#shown;
    if (shown === null) return [];
    return [...this.#steps.keys()]
      .filter((rung) => rankOf(rung) < rankOf(shown))
      .sort((one, other) => rankOf(one) - rankOf(other));
  }

  /** @param {number} nowMs @returns {Action[]} */
  #probe(nowMs) {
    const rung = this.#better().find((candidate) => this.#restUntil(candidate) <= nowMs);
    if (rung === undefined) return [];
    this.#trials.set(rung, nowMs);
    return [{ do: 'start', rung }];
  }

  /** @returns {import('./patience.js').Trial[]} */
  get #tried() {
    return [...this.#trials].map(([rung, sinceMs]) => {
      return { rung, sinceMs, timeoutMs: this.#steps.get(rung)?.timeoutMs ?? 0 };
    });
  }

  /** @returns {number | null} when the next rung joins in */
  get #nextAtMs() {
    const { nextAtMs } = this.#round;
    return nextAtMs === null ? null : joinsAtMs(nextAtMs, this.#tried, this.#company);
  }

  /** @param {string} rung */
  #restUntil(rung) {
    // A rung that the plan put behind worse ones is not probed in the first moments either.
    return this.#rests.untilMs(rung) ?? (this.#shown === null ? 0 : this.#shownAt + FIRST_REST_MS);
  }
}
