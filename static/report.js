/** What a viewer tells the gateway of how it went (protocol.md, Report).  Pure. */

/**
 * @typedef {import('./types.js').RungRun} RungRun
 *
 * @typedef {object} Course
 * @property {string} camera
 * @property {string} session
 * @property {number | null} firstPictureMs since the viewing began
 * @property {number} watchedMs with pictures that moved
 * @property {number} stalledMs with one that stood still
 * @property {readonly (number | null)[]} latencies of the last minute
 * @property {readonly RungRun[]} history
 * @property {readonly import('./types.js').RenditionRun[]} renditions
 * @property {readonly import('./plan.js').Absent[]} absent rungs that were not tried, and why
 * @property {{protocol: string, type: string} | null} pair
 */

/** The gateway takes no longer text. */
const LONGEST_END = 120;

/** @param {number} seconds */
function rounded(seconds) {
  return Math.round(seconds * 1000) / 1000;
}

/**
 * @param {readonly (number | null)[]} latencies
 * @returns {number | null} in seconds
 */
function median(latencies) {
  const known = latencies.filter((latency) => latency !== null).toSorted((a, b) => a - b);
  // Clocks that disagree by more than the latency make it negative: then it is nothing to tell.
  return known.length && known[known.length >> 1] >= 0 ? rounded(known[known.length >> 1] / 1000) : null;
}

/**
 * @param {Course} course
 * @returns {Record<string, unknown>}
 */
export function reportOf(course) {
  const { camera, session, firstPictureMs, watchedMs, stalledMs, latencies, history, renditions, absent, pair } = course;
  return {
    camera,
    session,
    start_s: firstPictureMs === null ? null : rounded(firstPictureMs / 1000),
    watched_s: rounded(watchedMs / 1000),
    stalled_s: rounded(stalledMs / 1000),
    latency_s: median(latencies),
    rungs: [
      ...absent.map(({ rung, message }) => ({ rung, at_s: 0, first_frame_s: null, end: message.slice(0, LONGEST_END) })),
      ...history.map(({ rung, atS, firstPictureS, end }) => ({
        rung,
        at_s: rounded(atS),
        first_frame_s: firstPictureS === null ? null : rounded(firstPictureS),
        end: end === null ? null : end.slice(0, LONGEST_END),
      })),
    ],
    renditions: renditions.map(({ rendition, atS, reason }) => {
      return { rendition, at_s: rounded(atS), reason: reason === null ? null : reason.slice(0, LONGEST_END) };
    }),
    pair,
  };
}
