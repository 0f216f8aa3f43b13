/**
 * What a tile says in each situation.  Pure: a situation and the time in, words out.
 *
 * Plain sentences that name what is wrong and what happens next; nothing at all while pictures come as they should.
 */

import { helpWhenHopeless, isHopeless } from './hopeless.js';
import { codecName, duration, reasonOf, timeOfDay, tryingAgain } from './phrases.js';
import { AUTO, protocolName, PROTOCOLS } from './protocols.js';

/**
 * @typedef {import('./types.js').Situation} Situation
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./types.js').Words} Words
 */

const PATIENCE_MS = 300;
const LONG_WAIT_MS = 4000;

const NEEDS_PERSON = new Set(['auth_failed', 'not_found', 'unresolved', 'no_video', 'codec', 'b_frames']);

/** @type {Readonly<Record<string, string>>} */
const WHY_SILENT = {
  network: 'The camera is live, but nothing arrives here — looking for another way.',
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
 * @param {Partial<Words> & {kind: string}} words
 * @returns {Words}
 */
function say(words) {
  return {
    mark: '',
    title: '',
    detail: '',
    spoken: '',
    picture: 'clear',
    needsPerson: false,
    waiting: false,
    action: null,
    ...words,
  };
}

/**
 * @param {Situation} situation
 * @param {number} nowMs unix milliseconds of this browser
 * @returns {Words}
 */
export function describe(situation, nowMs) {
  return (
    describeAccess(situation) ??
    describeCamera(situation, nowMs) ??
    describeConnection(situation, nowMs) ??
    describePicture(situation)
  );
}

/**
 * @param {Situation} situation
 * @returns {Words | null}
 */
function describeAccess({ phase, protocol, failure }) {
  const unusable = { picture: /** @type {const} */ ('greyed'), needsPerson: true };
  switch (phase) {
    case 'signed-out': {
      const title = 'Sign in to see this camera.';
      return say({ kind: 'signed-out', mark: 'Signed out', title, spoken: title, action: 'sign-in', ...unusable });
    }
    case 'forbidden': {
      const title = 'You may not see this camera.';
      return say({ kind: 'forbidden', mark: 'Not allowed', title, spoken: title, ...unusable });
    }
    case 'unknown': {
      const title = 'There is no camera of this name.';
      const detail = 'It may have been renamed or removed.';
      return say({ kind: 'unknown', mark: 'Unknown', title, detail, spoken: title, action: 'home', ...unusable });
    }
    case 'no-protocol': {
      const title = `There is no protocol “${protocol}”.`;
      const detail = `Choose one of these: ${PROTOCOLS.join(', ')}.`;
      return say({ kind: 'no-protocol', mark: 'Unknown', title, detail, spoken: title, action: 'home', ...unusable });
    }
    case 'unplayable': {
      const title = failure?.message ?? '';
      const detail = adviceFor(protocol, failure);
      return say({ kind: 'unsupported', mark: 'Unsupported', title, detail, spoken: title, ...unusable });
    }
    default:
      return null;
  }
}

/**
 * @param {string} protocol
 * @param {Situation['failure']} failure
 * @returns {string} what would help a browser that plays nothing of what it was given
 */
function adviceFor(protocol, failure) {
  const browsers = 'Chrome, Edge, Firefox or Safari';
  if (protocol !== AUTO) return `Watch without “protocol=${protocol}”, or use another browser: ${browsers}.`;
  // The gateway's sentence says it.
  return failure?.code === 'absent' ? '' : `Use a browser that plays H.264: ${browsers}.`;
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
  const { lastPictureAt, silent, cause, phase, startedAt, gatewayDownSince, gatewayRetryAt, camera } = situation;
  if (lastPictureAt !== null && !silent) return null;
  if (gatewayDownSince !== null && nowMs - gatewayDownSince > PATIENCE_MS) {
    const since = `Gateway not reachable since ${timeOfDay(gatewayDownSince, nowMs)}`;
    return say({
      kind: 'gateway-down',
      mark: 'No connection',
      title: `${since} — ${tryingAgain(gatewayRetryAt, nowMs)}`,
      spoken: since,
      picture: 'greyed',
    });
  }
  // What the gateway or the network took until it was back is no time in which this browser tried anything.
  const waitedMs = nowMs - Math.max(lastPictureAt ?? 0, startedAt);
  if ((camera?.state ?? 'live') === 'live' && isHopeless(situation, waitedMs)) return describeHopeless(situation);
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
 * @returns {Words}
 */
function describeHopeless({ tried }) {
  const title = 'No picture gets through to this browser.';
  const told = helpWhenHopeless(tried);
  return say({
    kind: 'failed',
    mark: 'No picture',
    title,
    detail: `${told.tried} ${told.help}`.trim(),
    spoken: `${title} ${told.help}`.trim(),
    picture: 'greyed',
    needsPerson: true,
    action: 'retry',
  });
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
