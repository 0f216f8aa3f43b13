/** How long to wait before the next try.  Pure. */

/**
 * Doubles from `firstMs` up to `mostMs`, with jitter so that a wall of tiles does not knock all at once.
 *
 * @param {number} failures in a row so far, from 1
 * @param {{firstMs: number, mostMs: number, random?: () => number}} limits
 * @returns {number} milliseconds, ±20 %
 */
export function retryDelayMs(failures, { firstMs, mostMs, random = Math.random }) {
  const delay = Math.min(mostMs, firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 16));
  return delay * (0.8 + 0.4 * random());
}
