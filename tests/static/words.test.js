import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { describe as say, failureOf, loadVerdicts } from '../../static/words.js';

await loadVerdicts();

const NOW = new Date(2026, 10, 22, 14, 5, 0).getTime();
const SINCE = new Date(2026, 10, 22, 14, 3, 20).getTime() / 1000;

/**
 * @typedef {import('../../static/types.js').Camera} Camera
 * @typedef {import('../../static/types.js').Situation} Situation
 */

/** @param {Partial<Camera>} [changes] @returns {Camera} */
const camera = (changes) => ({ name: 'yard', state: 'live', reason: null, since: SINCE, ...changes });

/** @param {Partial<Situation>} changes @returns {Situation} */
const situation = (changes) => ({
  phase: 'playing',
  camera: camera(),
  outage: null,
  clockOffsetMs: 0,
  startedAt: NOW - 10_000,
  progress: 1,
  lastPictureAt: NOW - 20,
  silent: false,
  catchingUp: false,
  smaller: false,
  gatewayDownSince: null,
  gatewayRetryAt: null,
  ungranted: false,
  failures: 0,
  failure: null,
  tried: [],
  cause: null,
  lowered: null,
  protocol: 'webrtc',
  transport: 'UDP',
  ...changes,
});

const BEFORE = { phase: /** @type {const} */ ('starting'), lastPictureAt: null, transport: null };
const OFFLINE = {
  ...BEFORE,
  camera: camera({ state: 'offline', retry_at: NOW / 1000 + 10 }),
  outage: { since: SINCE, reason: null },
};
const BLOCKED = { rung: 'webrtc', code: 'ice', message: "The gateway's media port did not answer." };
const NO_SOCKET = { rung: 'mse', code: 'signalling', message: 'The WebSocket did not open.' };
const SILENT_GATEWAY = { rung: 'll-hls', code: 'network', message: 'The gateway did not answer when it was asked for a playlist.' };
const WRONG_PASSWORD = { code: 'auth_failed', message: 'Wrong user name or password' };
const NO_ANSWER = { code: 'no_answer', message: 'No answer', address: '192.0.2.10:554' };

/** @type {[string, Partial<Situation>, Partial<import('../../static/types.js').Words>][]} */
const TABLE = [
  ['live', {}, { kind: 'live', mark: '', title: '', picture: 'clear', waiting: false }],
  [
    'the substream',
    { smaller: true },
    {
      kind: 'live',
      mark: 'SD',
      title: '',
      detail: "The network is too narrow for the full picture — showing the camera's smaller one until it carries more",
      picture: 'clear',
    },
  ],
  ['a lower rung after the substream', { smaller: true, protocol: 'mse', transport: null }, { kind: 'live', mark: 'MSE' }],
  ['waiting for 200 ms', { ...BEFORE, startedAt: NOW - 200 }, { kind: 'starting', title: '', waiting: false }],
  ['waiting for 400 ms', { ...BEFORE, startedAt: NOW - 400 }, { title: '', waiting: true, picture: 'dimmed' }],
  ['waiting for 5 s', { ...BEFORE, startedAt: NOW - 5000 }, { title: 'Waiting for the first picture for 5 s' }],
  ['connecting camera', { ...BEFORE, camera: camera({ state: 'connecting' }) }, { title: 'Connecting to the camera' }],
  ['idle camera', { ...BEFORE, camera: camera({ state: 'idle' }) }, { title: 'Opening the camera' }],
  ['stalled camera, none yet', { ...BEFORE, camera: camera({ state: 'stalled' }) }, { title: 'The camera sends no pictures' }],
  ['nothing known of the camera', { ...BEFORE, camera: null, startedAt: NOW - 400 }, { kind: 'starting', title: '' }],
  ['stopped', { ...BEFORE, phase: 'stopped' }, { kind: 'live', title: '' }],
  ['catching up', { catchingUp: true }, { kind: 'catching-up', mark: 'Catching up', title: '' }],
  [
    'stalled',
    { silent: true, lastPictureAt: NOW - 4300 },
    { kind: 'stalled', mark: 'Stalled', title: 'No new pictures for 4 s', spoken: 'No new pictures', picture: 'dimmed' },
  ],
  [
    'stalled, and the gateway knows why',
    { silent: true, lastPictureAt: NOW - 4300, camera: camera({ state: 'stalled', reason: NO_ANSWER }) },
    { detail: 'No answer (192.0.2.10:554)' },
  ],
  ['a new connection within a second', { ...BEFORE, lastPictureAt: NOW - 700, silent: true }, { kind: 'live', title: '' }],
  [
    'a new connection that takes longer',
    { ...BEFORE, lastPictureAt: NOW - 9000, silent: true },
    { kind: 'stalled', title: 'No new pictures for 9 s', waiting: true },
  ],
  [
    'offline',
    OFFLINE,
    {
      kind: 'offline',
      mark: 'Offline',
      title: 'Camera not reachable since 14:03 — trying again in 10 s',
      picture: 'greyed',
      needsPerson: false,
      spoken: 'Camera not reachable since 14:03',
    },
  ],
  [
    'wrong password',
    { ...OFFLINE, camera: camera({ state: 'offline', reason: WRONG_PASSWORD, retry_at: NOW / 1000 + 75 }) },
    {
      title: 'Camera not reachable since 14:03 — trying again in 1 min 15 s',
      detail: 'Wrong user name or password',
      spoken: 'Camera not reachable since 14:03. Wrong user name or password',
      needsPerson: true,
    },
  ],
  [
    'offline, and tried this moment',
    { ...OFFLINE, camera: camera({ state: 'connecting' }), outage: { since: SINCE, reason: NO_ANSWER } },
    { kind: 'offline', title: 'Camera not reachable since 14:03 — trying again now', detail: 'No answer (192.0.2.10:554)' },
  ],
  [
    'offline, retry due',
    { ...OFFLINE, camera: camera({ state: 'offline', retry_at: NOW / 1000 - 1 }) },
    { title: 'Camera not reachable since 14:03 — trying again now' },
  ],
  [
    'offline, retry unknown',
    { ...OFFLINE, camera: camera({ state: 'offline' }) },
    { title: 'Camera not reachable since 14:03 — trying again' },
  ],
  [
    'offline, on a gateway whose clock is an hour ahead',
    {
      ...OFFLINE,
      clockOffsetMs: 3_600_000,
      camera: camera({ state: 'offline', retry_at: NOW / 1000 + 3610 }),
      outage: { since: SINCE + 3600, reason: null },
    },
    { title: 'Camera not reachable since 14:03 — trying again in 10 s' },
  ],
  ['offline, but pictures still come', { ...OFFLINE, phase: 'playing', lastPictureAt: NOW }, { kind: 'live' }],
  [
    'H.265, without a sentence of the gateway’s',
    { ...BEFORE, camera: camera({ state: 'unsupported', video: { codec: 'hvc1.1.6.L93', width: 1, height: 1, fps: 25 } }) },
    {
      kind: 'unsupported',
      title: "This camera sends H.265. Your browser can't play it. Switch its sub-stream to H.264.",
      needsPerson: true,
    },
  ],
  [
    'B-frames',
    { camera: camera({ state: 'unsupported', video: { codec: 'avc1.64', width: 1, height: 1, fps: 25, b_frames: true } }) },
    { title: "This camera sends B-frames, which can't be shown live. Switch them off in its settings." },
  ],
  ['no video', { camera: camera({ state: 'unsupported' }) }, { title: 'This camera sends no video.' }],
  [
    'unsupported, in the gateway’s words',
    { camera: camera({ state: 'unsupported', reason: { code: 'codec', message: 'This camera sends MJPEG.' } }) },
    { title: 'This camera sends MJPEG.' },
  ],
  [
    'a browser without H.264',
    { ...BEFORE, phase: 'unplayable', protocol: 'auto', failure: { code: 'codec', message: "This browser can't play HLS." } },
    {
      title: "This browser can't play HLS.",
      detail: 'Use a browser that plays H.264: Chrome, Edge, Firefox or Safari.',
      needsPerson: true,
    },
  ],
  [
    'a browser that the gateway has nothing for',
    { ...BEFORE, phase: 'unplayable', protocol: 'auto', failure: { code: 'absent', message: 'Nothing; use a current Chrome.' } },
    { title: 'Nothing; use a current Chrome.', detail: '', needsPerson: true },
  ],
  [
    'a browser without what the protocol needs',
    { ...BEFORE, phase: 'unplayable', protocol: 'mse', failure: { code: 'codec', message: 'This browser has no MSE.' } },
    {
      title: 'This browser has no MSE.',
      detail: 'Watch without “protocol=mse”, or use another browser: Chrome, Edge, Firefox or Safari.',
      needsPerson: true,
    },
  ],
  [
    'a protocol that is none',
    { ...BEFORE, phase: 'no-protocol', protocol: 'foo' },
    { title: 'There is no protocol “foo”.', detail: 'Choose one of these: webrtc, mse, ll-hls, hls.', action: 'home' },
  ],
  ['MSE', { protocol: 'mse', transport: 'WebSocket' }, { kind: 'live', mark: 'MSE', title: '', needsPerson: false }],
  ['LL-HLS', { protocol: 'll-hls', transport: null }, { mark: 'LL-HLS', detail: 'Pictures come piece by piece over HTTP, about a second behind' }],
  [
    'MSE in the place of something else',
    { protocol: 'mse', lowered: { code: 'missing', message: 'This gateway was installed without hls.js.' } },
    {
      mark: 'MSE',
      detail:
        "This gateway was installed without hls.js. Pictures come over the page's own connection, a fraction of a second later than over WebRTC",
    },
  ],
  [
    'the gateway away',
    { ...BEFORE, gatewayDownSince: NOW - 60_000, gatewayRetryAt: NOW + 4000 },
    { kind: 'gateway-down', title: 'Gateway not reachable since 14:04 — trying again in 4 s', picture: 'greyed' },
  ],
  ['the gateway away, while pictures come', { gatewayDownSince: NOW - 60_000 }, { kind: 'live', mark: '' }],
  [
    'nobody gives grants',
    { ...BEFORE, gatewayDownSince: SINCE * 1000, gatewayRetryAt: NOW + 4000, ungranted: true },
    { kind: 'gateway-down', mark: 'No grant', title: "This page's server gives no grant for the camera since 14:03 — trying again in 4 s" },
  ],
  ['the gateway away for an instant', { ...BEFORE, startedAt: NOW, gatewayDownSince: NOW - 100 }, { kind: 'starting' }],
  [
    'no way through for 15 s',
    { ...BEFORE, startedAt: NOW - 15_000, failures: 2, tried: [BLOCKED, NO_SOCKET, SILENT_GATEWAY] },
    {
      kind: 'failed',
      title: 'No picture gets through to this browser.',
      detail:
        "Tried WebRTC (the gateway's media port did not answer), MSE (the WebSocket did not open) and LL-HLS (the gateway did not answer when it was asked for a playlist). Check the network between this computer and the gateway.",
      action: 'retry',
      needsPerson: true,
    },
  ],
  [
    'no way through for 15 s after pictures came',
    { silent: true, startedAt: NOW - 60_000, lastPictureAt: NOW - 15_000, tried: [BLOCKED] },
    { kind: 'failed', title: 'No picture gets through to this browser.' },
  ],
  [
    'the gateway back after a minute, and the connection of before is gone',
    { ...BEFORE, silent: true, lastPictureAt: NOW - 60_000, startedAt: NOW - 1000, tried: [BLOCKED] },
    { kind: 'stalled', title: 'No new pictures for 1 min 0 s' },
  ],
  [
    'the only rung failed thrice',
    { ...BEFORE, failures: 3, tried: [BLOCKED] },
    {
      kind: 'failed',
      detail:
        "Tried WebRTC (the gateway's media port did not answer). Check that the gateway's port for pictures (8190 unless changed), UDP or TCP, is open between this computer and the gateway.",
    },
  ],
  [
    'refused, in the gateway’s words',
    { ...BEFORE, failures: 4, tried: [{ rung: 'webrtc', code: 'refused', message: 'Too many viewers.' }] },
    { detail: 'Tried WebRTC (too many viewers).' },
  ],
  ['two failures', { ...BEFORE, failures: 2, tried: [BLOCKED] }, { kind: 'starting' }],
  ['three failures of three rungs', { ...BEFORE, failures: 3, tried: [BLOCKED, NO_SOCKET, SILENT_GATEWAY] }, { kind: 'starting' }],
  ['a failed round while the camera is away', { ...BEFORE, camera: camera({ state: 'stalled' }), failures: 9, tried: [BLOCKED] }, { kind: 'starting' }],
  [
    'nothing arrives',
    { silent: true, lastPictureAt: NOW - 3000, cause: 'network' },
    { kind: 'stalled', detail: 'The camera is live, but nothing arrives here — looking for another way.' },
  ],
  [
    'pictures arrive and are not shown',
    { silent: true, lastPictureAt: NOW - 3000, cause: 'decoder' },
    { kind: 'stalled', detail: "Pictures arrive, but this browser doesn't show them — starting anew." },
  ],
  [
    'on a lower rung because of the network',
    { protocol: 'mse', transport: 'WebSocket', lowered: { code: 'ice', message: 'x' } },
    {
      mark: 'MSE',
      detail:
        "The gateway's media port is blocked, UDP and TCP. Pictures come over the page's own connection, a fraction of a second later than over WebRTC",
    },
  ],
  [
    'on a lower rung for a reason of the gateway’s',
    { protocol: 'll-hls', transport: null, lowered: { code: 'codec', message: "This browser can't decode H.265 over WebRTC" } },
    { detail: "This browser can't decode H.265 over WebRTC. Pictures come piece by piece over HTTP, about a second behind" },
  ],
  [
    'a grant that is not taken',
    { ...BEFORE, phase: 'signed-out', failure: { code: 'grant', message: 'The gateway does not take the grant.' } },
    { kind: 'signed-out', mark: 'No grant', title: 'The gateway does not take the grant.', action: 'retry' },
  ],
  [
    'a kind of candidates that does not exist',
    { ...BEFORE, phase: 'no-protocol', failure: { code: 'candidates', message: 'There is no kind of candidates “upd”.' } },
    { kind: 'no-protocol', title: 'There is no kind of candidates “upd”.', detail: '' },
  ],
  [
    'a protocol that is switched off',
    { ...BEFORE, phase: 'unplayable', protocol: 'hls', failure: { code: 'absent', message: 'HLS is switched off on this gateway' } },
    { title: 'HLS is switched off on this gateway', detail: 'Or watch without “protocol=hls”.' },
  ],
  ['signed out', { ...BEFORE, phase: 'signed-out' }, { title: 'Sign in to see this camera.', action: 'sign-in' }],
  ['not allowed', { ...BEFORE, phase: 'forbidden' }, { title: 'You may not see this camera.', action: null }],
  ['unknown', { ...BEFORE, phase: 'unknown' }, { title: 'There is no camera of this name.', action: 'home' }],
  ['over TCP', { transport: 'TCP' }, { kind: 'live', mark: 'TCP', title: '' }],
  ['over a relay', { transport: 'relay' }, { kind: 'live', mark: 'Relay', title: '' }],
];

describe('describe', () => {
  for (const [name, changes, expected] of TABLE) {
    it(name, () => {
      const words = say(situation(changes), NOW);
      const actual = Object.fromEntries(Object.keys(expected).map((key) => [key, words[/** @type {keyof typeof words} */ (key)]]));
      assert.deepEqual(actual, expected);
    });
  }

  it('never says "error", and never leaves a person without a sentence', () => {
    for (const [name, changes] of TABLE) {
      const words = say(situation(changes), NOW);
      assert.doesNotMatch(JSON.stringify(words), /error/i, name);
      if (words.needsPerson) assert.match(words.title, /\S+ \S+/, name);
      assert.doesNotMatch(words.spoken, /trying again|for \d/, 'counting is not spoken');
    }
  });
});

describe('the failure of a camera that can’t be had', () => {
  const unsupported = camera({ state: 'unsupported', reason: NO_ANSWER });
  for (const [what, changes, expected] of /** @type {[string, Partial<Situation>, object][]} */ ([
    ['is why its last try failed', { ...BEFORE, failure: { code: 'ice', message: 'x' }, camera: unsupported }, { code: 'ice', message: 'x' }],
    ['else what the camera says', { ...BEFORE, camera: unsupported }, NO_ANSWER],
    ['else what was tried', { ...BEFORE, startedAt: NOW - 16_000, tried: [BLOCKED] }, BLOCKED],
    ['else what the tile says', { ...BEFORE, camera: camera({ state: 'unsupported' }) }, { code: 'unsupported', message: 'This camera sends no video.' }],
  ])) {
    it(what, () => {
      const now = situation(changes);
      assert.deepEqual(failureOf(now, say(now, NOW)), expected);
    });
  }
});
