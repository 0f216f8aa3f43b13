/** Which rungs to try, in which order: as the gateway says, and until it does, as this browser can tell itself.  Pure. */

import { offerOf, PROTOCOLS } from './protocols.js';

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./capabilities.js').Capabilities} Capabilities
 * @typedef {import('./failure-memory.js').Failure} Failure
 *
 * @typedef {object} Step a rung as `negotiate` gives it
 * @property {string} rung
 * @property {number} timeoutMs to its first picture
 * @property {string | null} url where it is served, with a grant in it where one is needed; null for the usual place
 * @property {RTCIceServer[]} iceServers
 *
 * @typedef {object} Absent
 * @property {string} rung
 * @property {string} code
 * @property {string} message
 *
 * @typedef {object} Plan
 * @property {readonly Step[]} steps in the order of trying
 * @property {readonly Absent[]} absent
 * @property {string | null} message one sentence, when there is nothing to try
 *
 * @typedef {object} Wishes
 * @property {string} mode
 * @property {readonly string[]} allow rungs
 * @property {readonly string[] | null} candidates kinds of them; null for all
 * @property {readonly Failure[]} failures on the network the browser is on now
 * @property {string | null} region where the viewer is; null for unknown
 */

const VERSION = 1;
const TIMEOUTS_MS = Object.freeze(/** @type {Record<string, number>} */ ({ webrtc: 2000, mse: 2000, 'll-hls': 4000, hls: 6000 }));
const OPENING_MS = 10_000;
const NO_WEBRTC = "This browser can't play H.264 over WebRTC";
const NO_MEDIA_SOURCE = "This browser has no Media Source Extensions for H.264";
const LONGEST_TIMEOUT_MS = 60_000;

/**
 * @param {Capabilities} capabilities
 * @param {Wishes} wishes
 * @returns {Record<string, unknown>} what `negotiate` asks
 */
export function request({ webrtc, mse, native_hls, device, network }, { mode, allow, candidates, failures, region }) {
  return {
    version: VERSION,
    mode,
    webrtc,
    mse,
    native_hls,
    device,
    network,
    failures,
    allow,
    ...(candidates ? { candidates } : {}),
    ...(region ? { region } : {}),
  };
}

/**
 * @param {unknown} value what `negotiate` answers
 * @returns {Plan | null} null for what is no plan
 */
export function readPlan(value) {
  const { version, rungs, absent, message } =
    /** @type {{version?: unknown, rungs?: unknown, absent?: unknown, message?: unknown}} */ (value ?? {});
  if (version !== VERSION || !Array.isArray(rungs)) return null;
  return {
    steps: rungs.flatMap(readStep),
    absent: Array.isArray(absent) ? absent.filter(isAbsent) : [],
    message: typeof message === 'string' ? message : null,
  };
}

/**
 * @param {unknown} value
 * @returns {Step[]} none for a rung this page has not heard of
 */
function readStep(value) {
  const { rung, url, timeout_s: timeoutS, ice_servers: iceServers } =
    /** @type {{rung?: unknown, url?: unknown, timeout_s?: unknown, ice_servers?: unknown}} */ (value ?? {});
  if (typeof rung !== 'string' || !PROTOCOLS.includes(rung)) return [];
  const timeoutMs = typeof timeoutS === 'number' && timeoutS > 0 ? timeoutS * 1000 : TIMEOUTS_MS[rung];
  return [
    {
      rung,
      timeoutMs: Math.min(timeoutMs, LONGEST_TIMEOUT_MS),
      url: typeof url === 'string' ? url : null,
      iceServers: Array.isArray(iceServers) ? iceServers : [],
    },
  ];
}

/**
 * @param {unknown} value
 * @returns {value is Absent}
 */
function isAbsent(value) {
  const { rung, code, message } = /** @type {Record<string, unknown>} */ (value ?? {});
  return typeof rung === 'string' && typeof code === 'string' && typeof message === 'string';
}

/**
 * @param {string} url of a plan
 * @param {string} base URL that the gateway's paths are relative to
 * @param {string} path of the gateway
 * @returns {boolean} whether it is that path, with a grant before it or without
 */
export function isOwn(url, base, path) {
  const full = new URL(url, base).href;
  return full.startsWith(base) && full.slice(base.length).replace(/^g\/[^/]+\//, '') === path;
}

/**
 * @param {RTCIceServer} server
 * @returns {number | null} unix seconds on the gateway's clock until which its credentials are good, which their name says
 *   (draft-uberti-behave-turn-rest); null for ever
 */
export function relayEndsS({ username }) {
  const ends = /^(\d{9,11})(?::|$)/.exec(username ?? '')?.[1];
  return ends === undefined ? null : Number(ends);
}

/**
 * The plan to begin with, so that nobody waits for the gateway's.
 *
 * @param {Camera | null} camera null while nothing is known of it
 * @param {Capabilities} capabilities
 * @param {Wishes} wishes
 * @returns {Plan} it never says that there is nothing to try: only the gateway knows
 */
export function guessPlan(camera, { webrtc, mse, native_hls: nativeHls }, { allow, failures }) {
  const buffers = mse.some((codec) => codec.startsWith('avc1'));
  /** @type {Readonly<Record<string, boolean>>} */
  const able = {
    webrtc: webrtc.some((codec) => codec.startsWith('h264')),
    mse: buffers,
    'll-hls': buffers || nativeHls,
    hls: buffers || nativeHls,
  };
  // Alone, a rung is tried whatever seems to be against it: it says best what that is.
  const usable =
    allow.length === 1
      ? allow
      : PROTOCOLS.filter((rung) => allow.includes(rung) && able[rung] && (offerOf(camera, rung)?.ok ?? true));
  const failed = new Set(failures.map(({ rung }) => rung));
  const ordered = [...usable.filter((rung) => !failed.has(rung)), ...usable.filter((rung) => failed.has(rung))];
  const openingMs = camera?.state === 'idle' ? OPENING_MS : 0;
  // Whole segments end where the camera's groups of pictures do.
  const segmentMs = (camera?.video?.gop_s ?? 0) * 1000;
  /** @param {string} rung */
  const timeoutMs = (rung) => TIMEOUTS_MS[rung] + openingMs + (rung === 'hls' ? segmentMs : 0);
  return {
    steps: ordered.map((rung) => ({ rung, timeoutMs: timeoutMs(rung), url: null, iceServers: [] })),
    absent: PROTOCOLS.filter((rung) => allow.includes(rung) && !able[rung]).map((rung) => {
      return { rung, code: 'browser', message: rung === 'webrtc' ? NO_WEBRTC : NO_MEDIA_SOURCE };
    }),
    message: null,
  };
}
