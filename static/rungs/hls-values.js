/**
 * What hls.js is told in each mode on each kind of device.  Pure.
 *
 * Measured (docs/benchmarks.md, `hls-modes`), not guessed: the table there says what else was tried.
 */

/**
 * @typedef {import('../capabilities.js').Capabilities['device']} Tier
 *
 * @typedef {object} HlsValues
 * @property {number | null} behindS how far behind live it aims; null for as close as the playlist allows
 * @property {number} mostBehindS where it jumps
 * @property {boolean} parts whether parts of segments are fetched as they come, where the playlist has some, once it is where it is to be
 * @property {number} fastest how fast it may play to come nearer to live
 * @property {number} keptBehindS of what was seen, to go back there when a mode wants it
 * @property {number} aheadS of pictures at most
 *
 * @typedef {Omit<HlsValues, 'keptBehindS'>} ModeValues
 */

/**
 * Of whole segments there are a tenth of the requests, and half the work: at a distance at which that is all the same.
 *
 * @type {Record<string, ModeValues>}
 */
const BY_MODE = {
  'ultra-low': { behindS: null, mostBehindS: 4, parts: true, fastest: 1.25, aheadS: 10 },
  balanced: { behindS: 2, mostBehindS: 8, parts: true, fastest: 1.1, aheadS: 10 },
  stable: { behindS: 6, mostBehindS: 15, parts: false, fastest: 1, aheadS: 20 },
};

/** @type {Record<Tier, number>} */
const KEPT_BEHIND_S = { desktop: 10, mobile: 4, 'low-end': 4 };

/** A tenth slower: what is gathered so, nobody notices. */
export const SLACKENED = 0.9;
const TOO_NEAR_S = 0.3;
const REACHED_S = 0.05;

/**
 * @param {string} mode the name of one of `MODES`
 * @param {Tier} tier
 * @returns {HlsValues}
 */
export function hlsValues(mode, tier) {
  return { ...BY_MODE[mode], keptBehindS: KEPT_BEHIND_S[tier] };
}

/**
 * Whether to play more slowly: a playlist that has just begun holds less than the distance that is wanted, and hls.js
 * would stay that near for good.
 *
 * @param {{behindS: number, wantedS: number, slackened: boolean}} state `behindS` is where it plays
 */
export function slackens({ behindS, wantedS, slackened }) {
  return wantedS - behindS > (slackened ? REACHED_S : TOO_NEAR_S);
}
