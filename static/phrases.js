/** The pieces of sentences that the page is written in: codecs, durations, times, reasons.  Pure. */

/** @typedef {import('./types.js').Reason} Reason */

/** @type {Readonly<Record<string, string>>} */
const CODEC_NAMES = { avc1: 'H.264', avc3: 'H.264', hvc1: 'H.265', hev1: 'H.265', av01: 'AV1', vp09: 'VP9', mp4v: 'MPEG-4' };

/**
 * @param {string} codec RFC 6381
 * @returns {string} as people call it
 */
export function codecName(codec) {
  return CODEC_NAMES[codec.split('.')[0]] ?? codec;
}

/**
 * @param {number} milliseconds
 * @returns {string} `4 s`, `2 min 5 s`, `1 h 3 min`
 */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * @param {number} milliseconds
 * @returns {string} as precise as matters: `71 ms`, `1.3 s`, `12 s`
 */
export function lateness(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

/**
 * @param {number} atMs unix milliseconds
 * @param {number} nowMs
 * @param {{seconds?: boolean}} [options]
 * @returns {string} `14:03`, and the day too if it is not today
 */
export function timeOfDay(atMs, nowMs, { seconds = false } = {}) {
  const at = new Date(atMs);
  const time = [at.getHours(), at.getMinutes(), ...(seconds ? [at.getSeconds()] : [])]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  if (at.toDateString() === new Date(nowMs).toDateString()) return time;
  return `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, ${time}`;
}

/**
 * @param {number | null | undefined} atMs
 * @param {number} nowMs
 * @returns {string} `trying again in 10 s`
 */
export function tryingAgain(atMs, nowMs) {
  if (!atMs) return 'trying again';
  const leftMs = atMs - nowMs;
  return leftMs > 500 ? `trying again in ${duration(Math.ceil(leftMs / 1000) * 1000)}` : 'trying again now';
}

/**
 * @param {Reason | null} reason
 * @returns {string} as the gateway gave it, with the address if it said one
 */
export function reasonOf(reason) {
  if (!reason) return '';
  const { message, address } = reason;
  return address && !message.includes(address) ? `${message} (${address})` : message;
}
