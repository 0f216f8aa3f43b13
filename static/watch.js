/**
 * Watches over what is shown while a player runs: whether pictures keep coming, what is to be done where they do not, and
 * what is counted meanwhile.
 */

import { nowMs } from './now.js';

/**
 * @typedef {import('./types.js').Failure} Failure
 * @typedef {import('./camera-link.js').CameraLink} CameraLink
 * @typedef {import('./climb.js').Climb} Climb
 * @typedef {import('./record.js').Record} Record
 * @typedef {import('./standing.js').Standing} Standing
 *
 * @typedef {object} Watched
 * @property {Climb} climb
 * @property {CameraLink} link
 * @property {Record} record
 * @property {Standing} standing is kept up to date
 * @property {import('./account.js').Account} account
 * @property {() => void} changed the situation is another
 * @property {() => void} lossy WebRTC loses too much, and there is no socket for the gateway to say so
 */

const TICK_MS = 250;
const TICKS_PER_S = 4;
/** Between two questions how the camera is. */
const ASKING_TICKS = 3 * TICKS_PER_S;

/** @type {Readonly<{[cause: string]: Failure}>} */
const LOST = {
  network: { code: 'lost', message: 'Nothing arrived any more.' },
  loss: { code: 'loss', message: 'Too many packets were lost.' },
  decoder: { code: 'decode', message: 'Pictures arrived, but were not shown.' },
};

/** As the gateway judges it: so much for so long is more than sending again mends. */
const HEAVY_LOSS = 0.2;
const HEAVY_FOR_S = 5;

export class Watch {
  #over;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  #ticks = 0;
  #lossyS = 0;
  /** Pictures stopped while the gateway could not be asked why. */
  #silentWithoutSocket = false;

  /** Nobody can see pictures now, so their absence means nothing. */
  hidden = false;

  /** @param {Watched} watched */
  constructor(watched) {
    this.#over = watched;
  }

  get isOn() {
    return this.#ticker !== undefined;
  }

  start() {
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  stop() {
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  }

  /** The first picture of a connection is on the screen. */
  pictureCame() {
    this.#silentWithoutSocket = false;
  }

  /** The gateway can't be asked any more. */
  gatewayGone() {
    if (this.#over.standing.silent) this.#silentWithoutSocket = true;
  }

  /** @returns {boolean} whether pictures stopped coming, or came again */
  observe() {
    const { climb, link, standing } = this.#over;
    const { shown } = climb;
    const { video } = standing.camera ?? {};
    const verdict = shown?.observe({
      cameraLive: standing.cameraLive,
      gatewayThere: standing.gatewayThere,
      gatewayReturned: this.#silentWithoutSocket && link.isOpen,
      heardAt: link.heardAt,
      fps: video?.fps,
      gopS: video?.gop_s,
    });
    if (!shown || !verdict) return false;
    const { silent, cause, step } = verdict;
    // A rung that mends its own connection is not hurried by a socket that came back first.
    const waiting = silent && !shown.mending;
    this.#silentWithoutSocket = waiting && (this.#silentWithoutSocket || !standing.gatewayThere);
    if (silent && (!standing.silent || link.isMute)) link.ask();
    if (!silent && standing.silent) climb.recovered();
    const changed = standing.judge(verdict);
    if (step === 'others') climb.faltered({ loss: cause === 'loss' });
    else if (step === 'reconnect') climb.failed(shown, LOST[cause ?? ''] ?? LOST.network);
    return changed;
  }

  #tick() {
    const { climb, link, record, standing, changed } = this.#over;
    this.#ticks += 1;
    record.account(nowMs(), {
      lastPictureAt: this.hidden ? null : standing.lastPictureAt,
      stopped: standing.silent || standing.phase === 'starting',
    });
    link.tick({ patient: this.hidden });
    if (this.hidden) climb.shown?.recovery?.forgive(nowMs());
    else if (this.observe()) changed();
    if (this.#ticks % TICKS_PER_S) return;
    this.#report();
    this.#judgeLoss();
    // Where sockets are blocked, nobody says when the camera is back.
    if (!link.isOpen && (standing.phase === 'starting' || !standing.cameraLive) && this.#ticks % ASKING_TICKS === 0) link.ask();
    record.second(standing.silent ? null : (climb.shown?.frames.latencyMs ?? null));
    // Without the module that reads them, or with a connection that just ends, there are none; a second later there may be.
    this.#count().catch(() => undefined);
  }

  #report() {
    const { account, record } = this.#over;
    if (record.reportIsDue(nowMs())) account.tell();
  }

  #judgeLoss() {
    const { climb, link, lossy } = this.#over;
    const { shown } = climb;
    const heavy = !link.isOpen && shown?.rung.name === 'webrtc' && (shown.rates?.lossRatio ?? 0) >= HEAVY_LOSS;
    this.#lossyS = heavy ? this.#lossyS + 1 : 0;
    if (this.#lossyS === HEAVY_FOR_S) lossy();
  }

  async #count() {
    const { climb, changed } = this.#over;
    const { shown } = climb;
    const transport = shown?.counters?.transport;
    await shown?.count();
    if (shown === climb.shown && shown?.counters?.transport !== transport) changed();
  }
}
