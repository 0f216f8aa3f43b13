/**
 * What a tile says in each situation.  Pure: a situation and the time in, words out.
 *
 * Plain sentences that name what is wrong and what happens next; nothing at all while pictures come as they should.
 */

import { codecName, duration, reasonOf, timeOfDay, tryingAgain } from './phrases.js';
import { protocolName } from './protocols.js';
import { say } from './say.js';

/**
 * @typedef {import('./types.js').Situation} Situation
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./types.js').Words} Words
 */

const PATIENCE_MS = 300;
const LONG_WAIT_MS = 4000;
/** Whoever waits for so long is told what was tried. */
const HOPELESS_AFTER_MS = 15_000;
/** Sooner if every rung failed so often. */
const HOPELESS_AFTER = 3;

/** @type {ReadonlySet<Situation['phase']>} */
const FINAL = new Set(['signed-out', 'forbidden', 'unknown', 'no-protocol', 'unplayable']);

const NEEDS_PERSON = new Set(['auth_failed', 'not_found', 'unresolved', 'no_video', 'codec', 'b_frames']);

/** @type {Readonly<Record<string, string>>} */
const WHY_SILENT = {
  network: 'The camera is live, but nothing arrives here — looking for another way.',
  loss: 'The network loses too many packets — looking for another way.',
  decoder: "Pictures arrive, but this browser doesn't show them — starting anew.",
};

/** @type {Readonly<Record<string, string>>} */
const WHY_LOWER = {
  ice: "The gateway's media port is blocked, UDP and TCP.",
  dtls: 'Something on the way cuts encrypted media.',
  signalling: 'WebSockets are blocked.',
  network: 'The quicker ways did not get through.',
  loss: 'The network loses too many packets for WebRTC.',
};

const TOO_NARROW = "The network is too narrow for the full picture — showing the camera's smaller one until it carries more";

/** @type {Readonly<Record<string, string>>} */
const HOW_IT_PLAYS = {
  mse: "Pictures come over the page's own connection, a fraction of a second later than over WebRTC",
  'll-hls': 'Pictures come piece by piece over HTTP, about a second behind',
  hls: 'Pictures come over HTTP, several seconds behind',
};

/**
 * @param {{tried: Situation['tried'], failures: number}} since pictures last came: why each rung failed, and how many tries did
 * @param {number} waitedMs
 */
function isHopeless({ tried, failures }, waitedMs) {
  return tried.length > 0 && (waitedMs >= HOPELESS_AFTER_MS || failures >= HOPELESS_AFTER * tried.length);
}

/** @type {typeof import('./verdicts.js') | null} */
let verdicts = null;

/** What is said only when something ends in failure, so that the first screen need not bring it along. */
export async function loadVerdicts() {
  const loaded = await import('./verdicts.js');
  verdicts = loaded;
}

/**
 * @param {(said: typeof import('./verdicts.js')) => Words} words
 * @returns {Words}
 */
function sayFinally(words) {
  if (verdicts) return words(verdicts);
  loadVerdicts().catch(() => undefined);
  return say({ kind: 'starting', picture: 'dimmed', waiting: true });
}

/**
 * @param {Situation} situation
 * @param {number} nowMs unix milliseconds of this browser
 * @returns {Words}
 */
export function describe(situation, nowMs) {
  if (FINAL.has(situation.phase)) return sayFinally(({ describeEnd }) => describeEnd(situation));
  return (
    describeCamera(situation, nowMs) ??
    describeConnection(situation, nowMs) ??
    describePicture(situation)
  );
}

/**
 * @param {Situation} situation
 * @param {Words} words what is said in it: that nothing can be had
 * @returns {{code: string, message: string}}
 */
export function failureOf({ failure, camera, tried }, words) {
  return failure ?? camera?.reason ?? tried.at(-1) ?? { code: words.kind, message: words.title };
}

/**
 * What the camera itself is up to.
 *
 * @param {Situation} situation
 * @param {number} nowMs
 * @returns {Words | null}
 */
function describeCamera({ camera, outage, clockOffsetMs, gatewayDownSince, lastPictureAt, silent }, nowMs) {
  if (!camera || gatewayDownSince !== null) return null;
  const picturesCome = lastPictureAt !== null && !silent;
  if (camera.state === 'unsupported') {
    const title = reasonOf(camera.reason) || unsupportedSentence(camera);
    return say({ kind: 'unsupported', mark: 'Unsupported', title, spoken: title, picture: 'greyed', needsPerson: true });
  }
  if (outage && (camera.state === 'offline' || camera.state === 'connecting') && !picturesCome) {
    const since = `Camera not reachable since ${timeOfDay(outage.since * 1000 - clockOffsetMs, nowMs)}`;
    const retryAt = camera.retry_at ? camera.retry_at * 1000 - clockOffsetMs : null;
    const reason = camera.reason ?? outage.reason;
    const detail = reasonOf(reason);
    return say({
      kind: 'offline',
      mark: 'Offline',
      title: `${since} — ${camera.state === 'connecting' ? 'trying again now' : tryingAgain(retryAt, nowMs)}`,
      detail,
      spoken: [since, detail].filter(Boolean).join('. '),
      picture: 'greyed',
      needsPerson: reason !== null && NEEDS_PERSON.has(reason.code),
    });
  }
  return null;
}

/** @param {Camera} camera */
function unsupportedSentence({ video }) {
  if (video?.b_frames) return "This camera sends B-frames, which can't be shown live. Switch them off in its settings.";
  if (!video) return 'This camera sends no video.';
  return `This camera sends ${codecName(video.codec)}. Your browser can't play it. Switch its sub-stream to H.264.`;
}

/**
 * What the way from the camera to this browser is up to.
 *
 * @param {Situation} situation
 * @param {number} nowMs
 * @returns {Words | null}
 */
function describeConnection(situation, nowMs) {
  const { lastPictureAt, silent, cause, phase, startedAt, gatewayDownSince, gatewayRetryAt, ungranted, camera } = situation;
  if (lastPictureAt !== null && !silent) return null;
  if (gatewayDownSince !== null && nowMs - gatewayDownSince > PATIENCE_MS) {
    const what = ungranted ? "This page's server gives no grant for the camera" : 'Gateway not reachable';
    const since = `${what} since ${timeOfDay(gatewayDownSince, nowMs)}`;
    return say({
      kind: 'gateway-down',
      mark: ungranted ? 'No grant' : 'No connection',
      title: `${since} — ${tryingAgain(gatewayRetryAt, nowMs)}`,
      spoken: since,
      picture: 'greyed',
    });
  }
  // What the gateway or the network took until it was back is no time in which this browser tried anything.
  const waitedMs = nowMs - Math.max(lastPictureAt ?? 0, startedAt);
  if ((camera?.state ?? 'live') === 'live' && isHopeless(situation, waitedMs)) {
    return sayFinally(({ describeHopeless }) => describeHopeless(situation));
  }
  if (silent && lastPictureAt !== null) {
    // A new connection that stands within a second needs no words.
    if (nowMs - lastPictureAt < 1000) return say({ kind: 'live' });
    return say({
      kind: 'stalled',
      mark: 'Stalled',
      title: `No new pictures for ${duration(nowMs - lastPictureAt)}`,
      detail: camera && camera.state !== 'live' ? reasonOf(camera.reason) : (WHY_SILENT[cause ?? ''] ?? ''),
      spoken: 'No new pictures',
      picture: 'dimmed',
      waiting: phase === 'starting',
    });
  }
  return phase === 'starting' ? describeWaiting(situation, nowMs) : null;
}

/**
 * @param {Situation} situation
 * @param {number} nowMs
 * @returns {Words}
 */
function describeWaiting({ startedAt, camera }, nowMs) {
  const waitedMs = nowMs - startedAt;
  const waiting = waitedMs > PATIENCE_MS;
  let title = '';
  if (waiting && camera?.state === 'connecting') title = 'Connecting to the camera';
  else if (waiting && camera?.state === 'idle') title = 'Opening the camera';
  else if (waiting && camera?.state === 'stalled') title = 'The camera sends no pictures';
  else if (waitedMs > LONG_WAIT_MS) title = `Waiting for the first picture for ${duration(waitedMs)}`;
  const detail = title && camera ? reasonOf(camera.reason) : '';
  return say({ kind: 'starting', title, detail, picture: 'dimmed', waiting });
}

/**
 * Pictures come.
 *
 * @param {Situation} situation
 * @returns {Words}
 */
function describePicture({ catchingUp, protocol, transport, lowered, smaller }) {
  if (catchingUp) return say({ kind: 'catching-up', mark: 'Catching up' });
  const live = { kind: 'live', spoken: 'Live' };
  if (smaller && protocol === 'webrtc') return say({ ...live, mark: 'SD', detail: TOO_NARROW });
  if (transport === 'TCP') {
    return say({ ...live, mark: 'TCP', detail: "UDP doesn't get through — using TCP, which falls behind when packets are lost" });
  }
  if (transport === 'relay') {
    return say({ ...live, mark: 'Relay', detail: 'No direct way to the gateway — using a relay' });
  }
  const how = HOW_IT_PLAYS[protocol];
  const why = lowered && (WHY_LOWER[lowered.code] ?? `${lowered.message.replace(/\.$/, '')}.`);
  if (how) return say({ ...live, mark: protocolName(protocol), detail: [why, how].filter(Boolean).join(' ') });
  return say(live);
}
