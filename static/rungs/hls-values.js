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
/** Where a playlist is asked for once in a segment, its end is known no better. */
const TOO_FAR_S = 0.5;
const REACHED_S = 0.05;
/** Who hurries with less than that left would only stall. */
const HURRIES_WITH_S = 1;
/** Of whole segments one is being made, and the one before it has to come in that time. */
const SEGMENTS_BEHIND = 1.5;
const SEGMENT_COMES_WITHIN_S = 1;

/**
 * @param {string} mode the name of one of `MODES`
 * @param {Tier} tier
 * @returns {HlsValues}
 */
export function hlsValues(mode, tier) {
  return { ...BY_MODE[mode], keptBehindS: KEPT_BEHIND_S[tier] };
}

/**
 * How near to live a playlist allows to play for long.
 *
 * For whole segments HOLD-BACK is three of them, for players that don't know when the next one will be there.  Who is
 * answered as soon as it is there needs half of that.
 *
 * Where the target duration is a bound that no segment comes near, two of them may come at once.
 *
 * @param {{partHoldBack: number, holdBack: number, targetduration: number, canBlockReload: boolean,
 *   fragments: readonly {duration: number}[]}} details of a playlist
 * @param {{byParts: boolean}} how it is to be played
 * @returns {number} seconds behind its end
 */
export function nearestS({ partHoldBack, holdBack, targetduration, canBlockReload, fragments }, { byParts }) {
  if (byParts && partHoldBack) return partHoldBack;
  const boundS = Math.max(targetduration * SEGMENTS_BEHIND, targetduration + SEGMENT_COMES_WITHIN_S);
  if (!canBlockReload) return Math.max(holdBack, boundS);
  // Whole seconds, so that it does not change with each segment.
  const longestS = Math.ceil(Math.max(0, ...fragments.map(({ duration }) => duration)));
  return longestS > 0 ? Math.min(boundS, 2 * longestS + SEGMENT_COMES_WITHIN_S) : boundS;
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

/**
 * Whether to play faster: by whole segments hls.js itself never does.
 *
 * @param {{behindS: number, wantedS: number, leftS: number, hurried: boolean}} state `leftS` is what is there to be played
 */
export function hurries({ behindS, wantedS, leftS, hurried }) {
  return leftS > HURRIES_WITH_S && behindS - wantedS > (hurried ? REACHED_S : TOO_FAR_S);
}
