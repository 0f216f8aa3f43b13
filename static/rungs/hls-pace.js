/**
 * How far behind live hls.js plays: the distance its mode wants, kept by pace, and by a jump where that would take too long.
 *
 * By parts hls.js hurries by itself; by whole segments it never does, and it never slackens.
 */

import { hlsConfig, mostBehindS } from './hls-js.js';
import { hurries, nearestS, SLACKENED, slackens } from './hls-values.js';

/**
 * @typedef {import('./hls-values.js').HlsValues} HlsValues
 * @typedef {import('hls.js').LevelDetails} LevelDetails
 *
 * @typedef {Pick<InstanceType<import('./hls-js.js').HlsClass>, 'config' | 'latency' | 'targetLatency' | 'lowLatencyMode' |
 *   'latestLevelDetails' | 'mainForwardBufferInfo'>} Hls as far as this needs it
 * @typedef {Pick<HTMLVideoElement, 'currentTime' | 'playbackRate' | 'buffered'>} Video
 */

export class HlsPace {
  #hls;
  #video;
  #lowLatency;
  #values;
  /** Whether the mode is another than the one it began in. */
  #switched = false;
  /** How near the playlist allows to play; 0 while that is unknown. */
  #nearestS = 0;
  #slackened = false;
  #hurried = false;

  /**
   * @param {Hls} hls
   * @param {Video} video
   * @param {{lowLatency: boolean, values: HlsValues}} how
   */
  constructor(hls, video, { lowLatency, values }) {
    this.#hls = hls;
    this.#video = video;
    this.#lowLatency = lowLatency;
    this.#values = values;
    this.#keepBehind(null);
  }

  /** Another mode, from now on. @param {HlsValues} values */
  change(values) {
    const [hls, video] = [this.#hls, this.#video];
    const before = hls.targetLatency ?? 0;
    this.#values = values;
    this.#switched = true;
    Object.assign(hls.config, hlsConfig({ lowLatency: this.#lowLatency }, values));
    // hls.js might leave the pace as it was in the mode before.
    video.playbackRate = 1;
    this.#slackened = false;
    this.#hurried = false;
    this.#keepBehind(hls.latestLevelDetails);
    // What was seen is there to go back to at once.
    const back = (hls.targetLatency ?? 0) - Math.max(before, hls.latency);
    const start = video.buffered.length > 0 ? video.buffered.start(0) : video.currentTime;
    if (back > 0) video.currentTime = Math.max(start, video.currentTime - back);
  }

  /** The playlist is another. @param {LevelDetails} details */
  updated(details) {
    if (nearestS(details, { byParts: this.#byParts }) === this.#nearestS) this.#boundDrift(details);
    else this.#keepBehind(details);
  }

  /** To be called again and again while pictures are shown. */
  keep() {
    const { behindS, fastest } = this.#values;
    const hls = this.#hls;
    const state = { behindS: hls.latency, wantedS: hls.targetLatency ?? 0 };
    const slackened = behindS !== null && slackens({ ...state, slackened: this.#slackened });
    const byParts = this.#byParts || (this.#lowLatency && slackened);
    const leftS = hls.mainForwardBufferInfo?.len ?? 0;
    const hurried = !byParts && hurries({ ...state, leftS, hurried: this.#hurried });
    const rate = slackened ? SLACKENED : 1;
    // Again and again, as an element that is given its pictures anew forgets it.
    if (slackened || this.#slackened || hurried || this.#hurried) this.#video.playbackRate = hurried ? fastest : rate;
    this.#slackened = slackened;
    this.#hurried = hurried;
    hls.lowLatencyMode = byParts;
    // With more than this it would set the pace itself.
    hls.config.maxLiveSyncPlaybackRate = slackened ? 1 : fastest;
  }

  /** Whether parts are fetched once it is where it is to be. */
  get #byParts() {
    return this.#lowLatency && this.#values.parts;
  }

  /** @param {LevelDetails | null} details of the playlist; null while there is none */
  #keepBehind(details) {
    const hls = this.#hls;
    const { behindS } = this.#values;
    this.#nearestS = details ? nearestS(details, { byParts: this.#byParts }) : 0;
    if (behindS !== null) hls.targetLatency = Math.max(this.#nearestS, behindS);
    // By parts hls.js keeps that distance by itself, as long as it was never told of another.
    else if (this.#nearestS > 0 && (this.#switched || !this.#byParts)) hls.targetLatency = this.#nearestS;
    if (details) this.#boundDrift(details);
  }

  /**
   * Among the settings it would have to come with a distance to keep, and take the place of the playlist's own.
   *
   * @param {LevelDetails} details
   */
  #boundDrift(details) {
    const hls = this.#hls;
    const playlist = {
      lowLatency: hls.config.lowLatencyMode,
      targetLatencyS: hls.targetLatency ?? 0,
      targetDurationS: details.targetduration,
      startsAtS: details.startTimeOffset,
    };
    hls.config.liveMaxLatencyDuration = mostBehindS(playlist, this.#values.mostBehindS);
  }
}
