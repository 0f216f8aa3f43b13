import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { WebRtcRung } from '../../static/rungs/webrtc.js';
import { fakeTimers } from './support/timers.js';

const OLD = { urls: 'turn:relay.test', username: '1790000000:a' };
const FRESH = { urls: 'turn:relay.test', username: '1790000600:a' };

/** As much of a peer connection as the rung touches. */
class FakeConnection {
  /** @type {FakeConnection[]} */
  static made = [];
  connectionState = 'new';
  iceConnectionState = 'checking';
  /** @type {any} */
  localDescription = null;
  /** @type {any} */
  remoteDescription = null;
  /** @type {(() => void) | null} */
  onconnectionstatechange = null;
  /** @type {((event: object) => void) | null} */
  onicecandidateerror = null;
  #receiver = { track: {}, transport: new EventTarget() };

  /** @param {any} configuration */
  constructor(configuration) {
    this.configuration = configuration;
    FakeConnection.made.push(this);
  }

  addTransceiver() {
    return { receiver: this.#receiver };
  }

  getReceivers() {
    return [this.#receiver];
  }

  createOffer({ iceRestart = false } = {}) {
    return Promise.resolve({ sdp: iceRestart ? 'again' : 'offer' });
  }

  /** @param {any} description */
  setLocalDescription(description) {
    this.localDescription = description;
    return Promise.resolve();
  }

  /** @param {any} description */
  setRemoteDescription(description) {
    this.remoteDescription = description;
    return Promise.resolve();
  }

  getConfiguration() {
    return { ...this.configuration };
  }

  /** @param {any} configuration */
  setConfiguration(configuration) {
    this.configuration = configuration;
  }

  close() {
    this.connectionState = 'closed';
  }

  /** @param {string} state */
  become(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

class FakeVideo extends EventTarget {
  /** @type {() => void} */
  picture = () => undefined;
  srcObject = null;

  /** @param {() => void} came */
  requestVideoFrameCallback(came) {
    this.picture = came;
  }
}

const settle = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

const { RTCPeerConnection: Connection, MediaStream: Stream, RTCRtpReceiver: Receiver } = globalThis;
beforeEach(() => {
  fakeTimers();
  mock.method(globalThis, 'setInterval', () => 1);
  mock.method(globalThis, 'clearInterval', () => undefined);
  FakeConnection.made = [];
  const codecs = [{ mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1;profile-level-id=42e01f' }];
  Object.assign(globalThis, {
    RTCPeerConnection: FakeConnection,
    MediaStream: class {},
    RTCRtpReceiver: { getCapabilities: () => ({ codecs }) },
  });
});
afterEach(() => {
  mock.restoreAll();
  Object.assign(globalThis, { RTCPeerConnection: Connection, MediaStream: Stream, RTCRtpReceiver: Receiver });
});

/** @param {{relayOnly?: boolean, servers?: object[]}} [how] */
async function started({ relayOnly = false, servers = [OLD] } = {}) {
  const signalling = Object.assign(new EventTarget(), {
    isOpen: true,
    failing: false,
    /** @type {any[]} */
    sent: [],
    /** @param {any} message */
    send(message) {
      this.sent.push(message);
      return true;
    },
    answer() {
      const detail = { type: 'webrtc', value: { type: 'answer', sdp: 'o=- 1 1 IN IP4 0.0.0.0\r\n' } };
      this.dispatchEvent(new CustomEvent('message', { detail }));
    },
  });
  const around = { servers };
  const video = new FakeVideo();
  const rung = new WebRtcRung();
  /** @type {{code: string, message: string}[]} */
  const failed = [];
  rung.addEventListener('failed', (event) => failed.push(/** @type {CustomEvent} */ (event).detail));
  const options = {
    signalling,
    clock: {},
    audio: false,
    answerDeadlineMs: 1000,
    pictureDeadlineMs: 1000,
    whep: () => Promise.reject(new Error('no HTTP')),
    iceServers: servers,
    freshIceServers: () => Promise.resolve(around.servers),
    relayOnly,
    candidates: relayOnly ? ['relay'] : null,
    mode: 'ultra-low',
  };
  rung.start(/** @type {any} */ (video), /** @type {any} */ (options));
  await settle();
  return { rung, signalling, video, failed, around, connection: FakeConnection.made.at(-1) };
}

test('a connection begins with the credentials that are good when it does', async () => {
  const { connection, rung } = await started({ servers: [FRESH] });
  assert.deepEqual(connection?.configuration.iceServers, [FRESH]);
  rung.stop();
});

test('where relays alone may be used and none is named, that is the reason', async () => {
  const { connection, failed } = await started({ relayOnly: true, servers: [] });
  assert.equal(connection, undefined);
  assert.equal(failed[0].code, 'relay');
});

test('what is stopped meanwhile connects to nothing', async () => {
  const { rung } = await started();
  rung.stop();
  FakeConnection.made = [];
  const other = new WebRtcRung();
  const never = { signalling: new EventTarget(), freshIceServers: () => Promise.resolve([]) };
  other.start(/** @type {any} */ (new FakeVideo()), /** @type {any} */ (never));
  other.stop();
  await settle();
  assert.deepEqual(FakeConnection.made, []);
});

for (const [relayOnly, expected] of /** @type {[boolean, object][]} */ ([
  [true, { code: 'relay', message: 'The relay refused this browser (401 Unauthorized).' }],
  [false, { code: 'ice', message: "The gateway's media port did not answer, and the relay refused this browser (401 Unauthorized)." }],
])) {
  test(`a relay that refuses is told as one, ${relayOnly ? 'alone' : 'beside the port'}`, async () => {
    const { connection, signalling, failed } = await started({ relayOnly });
    signalling.answer();
    await settle();
    connection?.onicecandidateerror?.({ errorCode: 701, errorText: 'timeout' });
    connection?.onicecandidateerror?.({ errorCode: 401, errorText: 'Unauthorized' });
    connection?.become('failed');
    assert.deepEqual(failed, [expected]);
  });
}

test('a relay that can’t be reached is no refusal', async () => {
  const { connection, signalling, failed } = await started();
  signalling.answer();
  await settle();
  connection?.onicecandidateerror?.({ errorCode: 701, errorText: 'timeout' });
  connection?.become('failed');
  assert.deepEqual(failed, [{ code: 'ice', message: "The gateway's media port did not answer." }]);
});

/** @returns a rung that plays */
async function playing() {
  const made = await started();
  made.signalling.answer();
  await settle();
  made.connection?.become('connected');
  made.video.picture();
  return made;
}

test('ICE restarts with fresh credentials', async () => {
  const { connection, rung, signalling, around } = await playing();
  around.servers = [FRESH];
  connection?.become('failed');
  await settle();
  assert.deepEqual(connection?.configuration.iceServers, [FRESH]);
  assert.equal(signalling.sent.at(-1).value.sdp, 'again');
  rung.stop();
});

test('what a socket says is meant for the connection that was made on another, as soon as that plays', async () => {
  const { connection, rung, signalling, video } = await started();
  rung.claim();
  signalling.answer();
  await settle();
  rung.claim();
  assert.equal(signalling.sent.length, 1, 'it would be taken for another connection');
  connection?.become('connected');
  video.picture();
  assert.deepEqual(signalling.sent.map(({ value }) => value.sdp), ['offer', 'offer']);
  rung.claim();
  assert.equal(signalling.sent.length, 3);
  rung.stop();
});

test('a socket that opened in time for the offer is told nothing twice', async () => {
  const { connection, rung, signalling, video } = await started();
  rung.claim();
  signalling.answer();
  await settle();
  connection?.become('connected');
  video.picture();
  assert.equal(signalling.sent.length, 1);
  rung.stop();
});
