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
 * @property {boolean} parts whether parts of segments are fetched as they come, where the playlist has some
 * @property {number} fastest how fast it may play to come nearer to live
 * @property {number} keptBehindS of what was seen
 * @property {number} aheadS of pictures at most
 *
 * @typedef {Omit<HlsValues, 'fastest' | 'keptBehindS'>} ModeValues
 * @typedef {Pick<HlsValues, 'fastest' | 'keptBehindS'>} TierValues
 */

/** @type {Record<string, ModeValues>} */
const BY_MODE = {
  'ultra-low': { behindS: null, mostBehindS: 4, parts: true, aheadS: 10 },
  balanced: { behindS: 3, mostBehindS: 8, parts: true, aheadS: 10 },
  stable: { behindS: 6, mostBehindS: 15, parts: true, aheadS: 20 },
};

/** @type {Record<Tier, TierValues>} */
const BY_TIER = {
  desktop: { fastest: 1.1, keptBehindS: 10 },
  mobile: { fastest: 1.1, keptBehindS: 10 },
  'low-end': { fastest: 1.1, keptBehindS: 10 },
};

/**
 * @param {string} mode the name of one of `MODES`
 * @param {Tier} tier
 * @returns {HlsValues}
 */
export function hlsValues(mode, tier) {
  return { ...BY_MODE[mode], ...BY_TIER[tier] };
}
