/** One try at playing a camera: its rung, the pictures it brings, and how well it does. */

import { FrameWatch } from './frames.js';
import { Health } from './health.js';
import { nowMs } from './now.js';
import { rates } from './stats.js';

/**
 * @typedef {import('./types.js').RungRun} RungRun
 * @typedef {import('./clock.js').StreamClock} StreamClock
 * @typedef {import('./rungs/rung.js').Rung} Rung
 * @typedef {import('./health.js').Observation} Observation
 * @typedef {import('./health.js').Verdict} Verdict
 * @typedef {import('./stats.js').Counters} Counters
 * @typedef {import('./stats.js').Rates} Rates
 */

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
  /** @type {Health | null} null before the first picture */
  health = null;
  #begunAt = nowMs();

  /**
   * @param {HTMLVideoElement} video nobody else's
   * @param {Rung} rung not started yet
   * @param {{clock: StreamClock, playerStartedAt: number, onFrame: () => void}} context
   */
  constructor(video, rung, { clock, playerStartedAt, onFrame }) {
    this.video = video;
    this.rung = rung;
    this.run = {
      rung: rung.name,
      atS: (this.#begunAt - playerStartedAt) / 1000,
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
    this.health = new Health(now);
  }

  /** @param {string} reason for the history */
  end(reason) {
    this.run.end = reason;
    this.frames.stop();
    this.rung.stop();
  }

  /** Reads the connection's statistics. */
  async count() {
    const counters = await this.rung.count();
    if (counters === null) return;
    this.rates = rates(this.counters, counters);
    this.counters = counters;
  }

  /** Whether the rung is getting its connection back by itself. */
  get mending() {
    return this.rung.mending;
  }

  /**
   * @param {Pick<Observation, 'cameraLive' | 'gatewayReturned' | 'fps' | 'gopS'>} facts
   * @returns {Verdict | null} null before the first picture
   */
  observe(facts) {
    if (!this.health) return null;
    const verdict = this.health.observe({
      nowMs: nowMs(),
      framesDecoded: this.counters?.framesDecoded ?? 0,
      framesPresented: this.frames.presented,
      ...facts,
      cameraLive: facts.cameraLive && !this.mending,
    });
    if (!verdict.silent) this.rung.mended();
    // Packets that can't be shown need a new connection; where none come at all, it is the network.
    if (verdict.rebuild && this.rates?.bitrateBps === 0 && this.rung.mend()) return { ...verdict, rebuild: false };
    return verdict;
  }
}
