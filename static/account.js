/** What a player tells of itself: its numbers, for people, for measurements and for the gateway. */

import { AUTO, protocolName } from './protocols.js';
import { reportOf } from './report.js';

/**
 * @typedef {object} Told
 * @property {string} camera
 * @property {string} [wanted] protocol: `auto`, or some of `PROTOCOLS` with commas between
 * @property {import('./camera-link.js').CameraLink} link
 * @property {import('./climb.js').Climb} climb
 * @property {import('./planner.js').Planner} planner
 * @property {import('./record.js').Record} record
 * @property {import('./standing.js').Standing} standing
 */

export class Account {
  #of;

  /** @param {Told} of */
  constructor(of) {
    this.#of = of;
  }

  /** @returns {string} of the rung that plays or is tried; else what is wanted */
  get protocol() {
    const { climb, planner, wanted } = this.#of;
    return climb.foremost?.rung.name ?? (planner.allow.length === 1 ? planner.allow[0] : (wanted ?? AUTO));
  }

  /** @returns {import('./types.js').Metrics} */
  get metrics() {
    return this.#of.record.metrics(this.#of.climb.foremost);
  }

  /** @returns {import('./stats.js').Statistics} */
  get statistics() {
    const { camera, climb, planner, record, standing } = this.#of;
    return {
      ...this.metrics,
      camera,
      rung: this.protocol,
      protocol: protocolName(this.protocol),
      counters: climb.foremost?.counters ?? null,
      rates: climb.foremost?.rates ?? null,
      history: record.history,
      absent: planner.absentAbove(climb.shown?.rung.name),
      session: record.session,
      mode: planner.mode,
      source: standing.camera,
    };
  }

  /** Tells the gateway how it goes, on the socket or beside it. */
  tell() {
    const report = this.#report;
    if (!this.#of.link.signalling.send({ type: 'report', value: report })) this.#post(report);
  }

  /** Tells it by a way that outlives the page, or this player: whoever leaves at once has no time to load anything for it. */
  tellAtTheEnd() {
    this.#post(this.#report);
  }

  /** @returns {{[key: string]: unknown}} protocol.md, Report */
  get #report() {
    const { camera, climb, planner, record } = this.#of;
    const { firstEverMs, watchedMs, stalledMs, latencies, history, renditions, session } = record;
    return reportOf({
      camera,
      session,
      firstPictureMs: firstEverMs,
      watchedMs,
      stalledMs,
      latencies,
      history,
      renditions,
      absent: planner.absentAbove(climb.shown?.rung.name),
      pair: climb.shown?.counters?.pair ?? null,
    });
  }

  /** @param {{[key: string]: unknown}} report */
  #post(report) {
    const body = new Blob([JSON.stringify(report)], { type: 'text/plain' });
    navigator.sendBeacon?.(this.#of.link.addressNow('api/report'), body);
  }
}
