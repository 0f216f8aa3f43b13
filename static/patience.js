/**
 * How long a rung is waited for: longer among many players that start at once, and for a rung that brings others their
 * pictures meanwhile, as the network lets that one through.  Pure; times are of the clock that all of them go by.
 */

/** @typedef {import('./crowd.js').Company} Company */

/** Those that start at once try further rungs one after the other, so long apart. */
export const APART_MS = 150;
/** After another player's first picture by a rung, one's own may take that long. */
export const FOLLOWS_WITHIN_MS = 1500;
/** Whatever works for others, this many timeouts are enough. */
export const MOST_TIMEOUTS = 3;

const MOST_AHEAD = 32;

/**
 * @typedef {object} Trial a rung that is being tried
 * @property {string} rung
 * @property {number} sinceMs
 * @property {number} timeoutMs to its first picture, for one that is alone
 */

/**
 * @param {Trial} trial
 * @param {Company} company
 * @returns {number} when it has had its time
 */
export function overAtMs({ rung, sinceMs, timeoutMs }, company) {
  const followsAtMs = (company.broughtAtMs(rung) ?? -Infinity) + Math.max(timeoutMs, FOLLOWS_WITHIN_MS);
  return Math.max(sinceMs + timeoutMs, Math.min(followsAtMs, sinceMs + MOST_TIMEOUTS * timeoutMs));
}

/**
 * @param {number} nextAtMs when the next rung would join in for one that is alone
 * @param {readonly Trial[]} trials
 * @param {Company} company
 * @returns {number} when it joins in
 */
export function joinsAtMs(nextAtMs, trials, company) {
  const inTurnMs = nextAtMs + APART_MS * Math.min(company.ahead, MOST_AHEAD);
  const follow = trials.map(({ rung, sinceMs, timeoutMs }) => {
    return Math.min((company.broughtAtMs(rung) ?? -Infinity) + FOLLOWS_WITHIN_MS, sinceMs + MOST_TIMEOUTS * timeoutMs);
  });
  return Math.max(inTurnMs, ...follow);
}
