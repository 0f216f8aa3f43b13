/** One try at playing a camera: its rung, the pictures it brings, and how well it does. */

import { FrameWatch } from './frames.js';
import { nowMs } from './now.js';
import { Recovery } from './recovery.js';
import { Settling } from './settling.js';

/**
 * @typedef {import('./types.js').RungRun} RungRun
 * @typedef {import('./clock.js').StreamClock} StreamClock
 * @typedef {import('./rungs/rung.js').Rung} Rung
 * @typedef {import('./recovery.js').Observation} Observation
 * @typedef {import('./recovery.js').Verdict} Verdict
 * @typedef {import('./stats.js').Counters} Counters
 * @typedef {import('./stats.js').Rates} Rates
 */

/** What was said so soon after the last picture may have been under way with it. */
const HEARD_AFTER_MS = 500;

export class Attempt {
  /** @type {Rung} */
  rung;
  /** @type {HTMLVideoElement} */
  video;
  /** @type {FrameWatch} */
  frames;
  /** @type {RungRun} */
  run;
  /** @type {Counters | null} */
  counters = null;
  /** @type {Rates | null} */
  rates = null;
  /** @type {Recovery | null} null before the first picture */
  recovery = null;
  /** @type {Settling | null} */
  #settling = null;
  /** Connected: its picture can't be far. */
  near = false;
  /** Whether it was told of the gateway's relays. */
  relayed = false;
  #begunAt = nowMs();
  /** @type {Set<ReturnType<typeof setTimeout>>} */
  #timers = new Set();

  /**
   * @param {HTMLVideoElement} video nobody else's
   * @param {Rung} rung not started yet
   * @param {{clock: StreamClock, beganAt: number, onFrame: () => void}} context
   */
  constructor(video, rung, { clock, beganAt, onFrame }) {
    this.video = video;
    this.rung = rung;
    this.run = {
      rung: rung.name,
      atS: (this.#begunAt - beganAt) / 1000,
      firstPictureS: null,
      end: null,
    };
    this.frames = new FrameWatch(video, {
      clock,
      latencyMs: (metadata, now) => rung.latencyMs(metadata, now),
      onFrame,
    });
  }

  /** The rung brought its first picture. */
  begin() {
    const now = nowMs();
    this.run.firstPictureS = (now - this.#begunAt) / 1000;
    this.recovery = new Recovery(now);
  }

  /**
   * Its first picture came while another rung's are to be seen.
   *
   * @param {{regularly: boolean}} how as `Settling`
   */
  settle(how) {
    this.#settling = new Settling(nowMs(), how);
  }

  /** Another picture came. @returns {boolean} whether it may take the place of another's now */
  settled() {
    return this.#settling?.picture(nowMs(), this.frames) ?? false;
  }

  /** Does something later, unless this try has ended by then. @param {number} withinMs @param {() => void} act */
  after(withinMs, act) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, withinMs);
    this.#timers.add(timer);
  }

  /** @param {string} reason for the history */
  end(reason) {
    this.run.end = reason;
    for (const timer of this.#timers) clearTimeout(timer);
    this.frames.stop();
    this.rung.stop();
  }

  /** Reads the connection's statistics. */
  async count() {
    const [{ rates }, counters] = await Promise.all([import('./stats.js'), this.rung.count()]);
    if (counters === null) return;
    this.rates = rates(this.counters, counters);
    this.counters = counters;
  }

  /** Whether the rung is getting its connection back by itself. */
  get mending() {
    return this.rung.mending;
  }

  /**
   * Judges, and does what is the rung's own to do; the player does the rest.
   *
   * @param {Pick<Observation, 'cameraLive' | 'gatewayThere' | 'gatewayReturned' | 'fps' | 'gopS'> & {heardAt: number}} facts
   *   `heardAt`: when the gateway last said anything
   * @returns {Verdict | null} null before the first picture
   */
  observe({ heardAt, ...facts }) {
    if (!this.recovery) return null;
    const { rung } = this;
    const verdict = this.recovery.observe({
      nowMs: nowMs(),
      framesDecoded: this.counters?.framesDecoded ?? 0,
      framesPresented: this.frames.presented,
      presentedAtMs: this.frames.lastPictureAt,
      bytesReceived: this.counters?.bytesReceived ?? 0,
      lossRatio: this.rates?.lossRatio ?? 0,
      gatewayHeard: heardAt > (this.frames.lastPictureAt ?? 0) + HEARD_AFTER_MS,
      mending: rung.mending,
      mendable: rung.mendable,
      segmentS: rung.segmentS,
      ...facts,
    });
    if (!verdict.silent) rung.mended();
    if (verdict.step === 'mend') rung.mend();
    else if (verdict.step === 'reattach') rung.reattach();
    return verdict;
  }
}
