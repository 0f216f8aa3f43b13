/**
 * Sets a climb to work: as soon as there is something to try, with what the gateway plans, for as long as that makes sense.
 */

import { nowMs } from './now.js';
import { offerOf } from './protocols.js';
import { retryDelayMs } from './retry.js';

/**
 * @typedef {import('./types.js').Failure} Failure
 *
 * @typedef {object} Searched
 * @property {string} camera
 * @property {import('./clock.js').StreamClock} clock
 * @property {import('./camera-link.js').CameraLink} link
 * @property {import('./climb.js').Climb} climb
 * @property {import('./planner.js').Planner} planner
 * @property {import('./record.js').Record} record
 * @property {import('./standing.js').Standing} standing is told how far this has come
 * @property {(why: Failure) => void} unplayable nothing is left to try
 */

const ANSWER_DEADLINE_MS = 5000;
const OPENING_ANSWER_DEADLINE_MS = 12_000;
const PICTURE_DEADLINE_MS = 3000;
const BEGUN = 0.2;
/** Between questions for a plan that got no answer. */
const ASK_AGAIN = Object.freeze({ firstMs: 1000, mostMs: 15_000 });
/** @type {Readonly<Failure>} */
const NO_RELAY = Object.freeze({ code: 'relay', message: 'The gateway did not say which relay to use.' });
/** Plays wherever there is a media source, with nothing that an installation may lack. */
const WITHOUT_MORE = 'mse';

export class Search {
  #with;
  #isOn = false;
  #hidden = false;
  #away = false;
  #inVain = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  /** @type {Failure | null} */
  #lowered = null;

  /** @param {Searched} searched */
  constructor(searched) {
    this.#with = searched;
  }

  /** @returns {Failure | null} why what is wanted can't be had here */
  get lowered() {
    return this.#lowered;
  }

  /** Asks for a plan, and begins without it where it can. */
  start() {
    void this.#negotiate();
    this.begin();
  }

  /** Asks for a plan, unless there is one. */
  ask() {
    const { planner } = this.#with;
    if (!planner.planned && this.#wanted && !this.#away) void this.#negotiate();
  }

  /** @returns {ReadonlyMap<string, Failure>} why each rung failed since pictures last came, or could not be tried */
  get tried() {
    const { climb, planner } = this.#with;
    return planner.lacksRelay ? new Map([['webrtc', NO_RELAY], ...climb.tried]) : climb.tried;
  }

  /** Nobody can see pictures now: nothing is tried, for none would come. @param {boolean} hidden */
  set hidden(hidden) {
    this.#hidden = hidden;
    if (hidden) this.#hold();
    else this.begin();
  }

  /** What was shown is not any more. */
  lost() {
    if (this.#hidden) this.#hold();
    else if (this.#away) this.gatewayGone();
  }

  #hold() {
    const { climb } = this.#with;
    climb.suspend('nobody looks');
    climb.forgive();
    this.#isOn = climb.shown !== null;
  }

  get #wanted() {
    const { phase } = this.#with.standing;
    return phase === 'starting' || phase === 'playing';
  }

  /** Begins, unless it has or there is nothing to be had now. */
  begin() {
    const { climb, planner, record, standing } = this.#with;
    if (this.#isOn || this.#hidden || this.#away || !this.#wanted) return;
    if (standing.cameraAway || !planner.ready) return;
    if (planner.lacksRelay && planner.steps(standing.camera).length === 0) return;
    this.#isOn = true;
    standing.advance(BEGUN);
    if (record.history.length > 0) standing.waitAnew(nowMs());
    climb.remember(planner.failures);
    climb.plan(planner.steps(standing.camera));
    climb.begin();
  }

  /** What would be tried later is tried now. */
  hurry() {
    this.ask();
    if (this.#isOn) this.#with.climb.hurry();
    else this.begin();
  }

  /** The gateway answers by no way: nothing would come, and what would be loaded for it neither. */
  gatewayGone() {
    this.#away = true;
    this.#with.climb.suspend('the gateway does not answer');
  }

  /** The gateway answers again. */
  resume() {
    this.#away = false;
    this.ask();
    if (this.#isOn) this.#with.climb.hurry();
    else this.begin();
  }

  /** What is known of the camera is another. */
  cameraChanged() {
    const { climb, standing } = this.#with;
    if (standing.camera?.state === 'unsupported') {
      climb.halt('the camera can’t be played');
      if (this.#wanted) standing.withdrawn(nowMs());
    }
    if (standing.cameraAway && this.#isOn) {
      climb.suspend('the camera is away');
      this.#isOn = climb.shown !== null;
    } else if (!standing.cameraAway && !this.#isOn) {
      standing.forgive();
      this.begin();
    }
  }

  /** @param {Failure} failure of the last rung that was left */
  exhausted(failure) {
    const { planner, unplayable } = this.#with;
    if (failure.code !== 'missing' || planner.allow.includes(WITHOUT_MORE)) {
      unplayable(failure);
      return;
    }
    this.#lowered = failure;
    planner.allow = [WITHOUT_MORE];
    planner.restart();
    this.#isOn = false;
    this.begin();
    void this.#negotiate();
  }

  /** @param {string} reason */
  halt(reason) {
    clearTimeout(this.#again);
    this.#with.climb.halt(reason);
    this.#isOn = false;
    this.#away = false;
  }

  /** What was planned says nothing about what comes. */
  forget() {
    this.#with.planner.restart();
  }

  /** @param {string} rung @returns {import('./rungs/rung.js').RungOptions} */
  optionsFor(rung) {
    const { camera: name, clock, link, planner, standing } = this.#with;
    const { camera, cameraLive } = standing;
    clock.forgetStream();
    link.askClock();
    return {
      signalling: link.signalling,
      clock,
      mode: planner.mode,
      audio: camera === null || (Boolean(camera.audio) && !offerOf(camera, rung)?.audio),
      // The gateway may have to open the camera first.
      answerDeadlineMs: cameraLive ? ANSWER_DEADLINE_MS : OPENING_ANSWER_DEADLINE_MS,
      pictureDeadlineMs: PICTURE_DEADLINE_MS + (camera?.video?.gop_s ?? 0) * 1000,
      whep: () => link.address(`${name}/whep?mode=${planner.mode}`),
      playlist: () => planner.playlist(rung),
      renewal: () => planner.renewal(rung),
      iceServers: planner.iceServers(rung),
      freshIceServers: () => planner.freshIceServers(rung),
      relayOnly: planner.relayOnly,
      candidates: planner.candidates,
    };
  }

  async #negotiate() {
    const { climb, planner, standing, unplayable } = this.#with;
    clearTimeout(this.#again);
    // Of several who waited for the same answer, one may have ended everything.
    if (!(await planner.ask()) || !this.#wanted) return;
    this.#inVain = planner.planned ? 0 : this.#inVain + 1;
    clearTimeout(this.#again);
    if (!planner.planned) this.#again = setTimeout(() => this.ask(), retryDelayMs(this.#inVain, ASK_AGAIN));
    const steps = planner.steps(standing.camera);
    // A camera that can't be played now says so itself, and may be set up better.
    if (steps.length === 0 && (standing.camera?.state === 'unsupported' || planner.lacksRelay)) return;
    if (steps.length === 0 && !climb.shown) unplayable(planner.lack);
    else if (!this.#isOn) this.begin();
    else if (steps.length > 0) climb.plan(steps);
  }
}
