/** The statistics of one tile as people read them: in the overlay, and in a bug report.  Pure. */

import { modeOf } from '../modes.js';
import { codecName } from '../phrases.js';
import { offerOf } from '../protocols.js';

/**
 * @typedef {import('../types.js').RungRun} RungRun
 * @typedef {import('../stats.js').Statistics} Statistics
 */

/**
 * @param {number | null | undefined} value
 * @param {string} unit
 * @param {number} [digits]
 * @returns {string} an en dash for what is unknown
 */
export function withUnit(value, unit, digits = 0) {
  return value === null || value === undefined || !Number.isFinite(value) ? '–' : `${value.toFixed(digits)} ${unit}`;
}

/**
 * @param {number | null | undefined} bps
 * @returns {string}
 */
export function bitrate(bps) {
  if (bps === null || bps === undefined) return '–';
  return bps >= 1e6 ? withUnit(bps / 1e6, 'Mb/s', 1) : withUnit(bps / 1e3, 'kb/s');
}

/**
 * The overlay's lines, in order.
 *
 * @param {Statistics} statistics
 * @returns {[label: string, value: string][]}
 */
export function lines(statistics) {
  const { counters, rates: now, source } = statistics;
  const video = source?.video;
  const size = counters && counters.width ? `${counters.width} × ${counters.height}` : '–';
  const how = { picture: ', read off the picture', clock: ', by the stream’s clock' };
  const latency = withUnit(statistics.latencyMs, 'ms');
  return [
    ['Protocol', [statistics.protocol, statistics.transport].filter(Boolean).join(' over ')],
    ['Latency', statistics.latencySource ? latency + how[statistics.latencySource] : latency],
    ['First picture', withUnit(statistics.firstPictureMs, 'ms')],
    ['Picture', `${size}, ${withUnit(now?.fps, 'fps', 1)}`],
    ['Bitrate', bitrate(now?.bitrateBps)],
    ['Loss', now?.lossRatio === null || !now ? '–' : withUnit(now.lossRatio * 100, '%', 1)],
    ['Round trip', withUnit(counters?.roundTripMs, 'ms')],
    ['Buffer', withUnit(now?.jitterBufferMs, 'ms')],
    ['Candidates', counters?.pair ? `${counters.pair.type}, ${counters.pair.protocol.toUpperCase()}` : '–'],
    ['Mode', modeOf(statistics.mode).label],
    ['Stalls', String(statistics.stalls)],
    ['Reconnects', String(statistics.reconnects)],
    [
      'Camera',
      video
        ? `${codecName(video.codec)} (${video.codec}), ${video.width} × ${video.height}, ${withUnit(video.fps, 'fps')}`
        : '–',
    ],
    ['GOP', withUnit(video?.gop_s, 's', 1)],
    ['Sound', source?.audio ? (offerOf(source, statistics.rung)?.audio?.message ?? source.audio.codec) : 'none'],
    ['Session', statistics.session],
  ];
}

/**
 * @param {RungRun} run
 * @returns {string} one line about one try at one rung
 */
export function historyLine({ rung, atS, firstPictureS, end }) {
  const came = firstPictureS === null ? 'no picture' : `picture after ${firstPictureS.toFixed(2)} s`;
  const ended = end === null ? '' : `; ended: ${end}`;
  return `${atS.toFixed(1)} s ${rung}: ${firstPictureS === null && end === null ? 'connecting' : came}${ended}`;
}

/**
 * @param {Statistics} statistics
 * @param {number} [most] tries, the last ones
 * @returns {string[]} what was not tried and why, then what was
 */
export function historyLines({ absent, history }, most = Infinity) {
  return [...absent.map(({ rung, message }) => `${rung}: not tried. ${message}`), ...history.slice(-most).map(historyLine)];
}

/**
 * @param {Statistics} statistics
 * @param {{at: Date, browser: string}} context
 * @returns {string} for a bug report
 */
export function asText(statistics, { at, browser }) {
  return [
    `camera-gateway, ${statistics.camera}, ${at.toISOString()}`,
    browser,
    ...lines(statistics).map(([label, value]) => `${label}: ${value}`),
    'History:',
    ...historyLines(statistics).map((line) => `  ${line}`),
  ].join('\n');
}
