import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { CameraLink } from '../../static/camera-link.js';
import { StreamClock } from '../../static/clock.js';
import { fakeTimers } from './support/timers.js';

const FAR = Math.floor(Date.now() / 1000) + 3600;
/** @param {number} expires */
const token = (expires) => `kid.${expires}.0123456789abcdef.${'a'.repeat(64)}`;

class FakeSocket {
  /** @type {FakeSocket[]} */
  static made = [];
  readyState = 0;
  /** @type {any[]} */
  sent = [];
  /** @type {(() => void) | null} */
  onopen = null;
  /** @type {((event: {data: string}) => void) | null} */
  onmessage = null;
  /** @type {(() => void) | null} */
  onclose = null;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    FakeSocket.made.push(this);
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.onopen?.();
  }
}

/** @param {Partial<import('../../static/camera-link.js').LinkOptions>} [options] */
function link(options = {}) {
  const made = new CameraLink(
    { camera: 'yard', base: 'https://h/live/', diagnose: () => Promise.resolve('unreachable'), ...options },
    new StreamClock(),
  );
  /** @type {[string, any][]} */
  const heard = [];
  for (const type of ['open', 'down', 'camera', 'fallback', 'grant', 'refused']) {
    made.addEventListener(type, (event) => heard.push([type, /** @type {CustomEvent} */ (event).detail]));
  }
  return { made, heard };
}

/** Lets promises settle. */
const settle = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe('CameraLink', () => {
  const { WebSocket: original } = globalThis;
  beforeEach(() => {
    fakeTimers();
    FakeSocket.made = [];
    globalThis.WebSocket = /** @type {any} */ (FakeSocket);
  });
  afterEach(() => {
    mock.restoreAll();
    globalThis.WebSocket = original;
  });

  it('tells what the gateway says of the camera', () => {
    const { made, heard } = link();
    made.start();
    const [socket] = FakeSocket.made;
    socket.open();
    socket.onmessage?.({ data: '{"type":"state","value":{"name":"yard"}}' });
    socket.onmessage?.({ data: '{"type":"fallback","value":{"to":"mse"}}' });
    assert.deepEqual(heard, [['open', false], ['camera', { name: 'yard' }], ['fallback', { to: 'mse' }]]);
    assert.equal(socket.sent[0].type, 'clock');
    made.stop();
  });

  it('needs no grant where nobody gives any', async () => {
    assert.equal(await link().made.address('yard/index.m3u8'), 'https://h/live/yard/index.m3u8');
  });

  it('puts the newest grant into addresses, and asks for one only when it must', async () => {
    let asked = 0;
    const { made, heard } = link({ getGrant: () => token(FAR + (asked += 1)) });
    made.start();
    assert.equal(FakeSocket.made[0].url, `wss://h/live/g/${token(FAR + 1)}/api/ws?src=yard`);
    assert.equal(await made.address('yard/index.m3u8'), `https://h/live/g/${token(FAR + 1)}/yard/index.m3u8`);
    made.renew(token(FAR + 500));
    assert.equal(await made.address('x'), `https://h/live/g/${token(FAR + 500)}/x`);
    assert.equal(asked, 1);
    assert.deepEqual(heard, [['grant', token(FAR + 1)], ['grant', token(FAR + 500)]]);
    made.stop();
  });

  it('asks for another grant when the one it has is about to end', async () => {
    let expires = FAR - 3595;
    const { made } = link({ getGrant: () => token(expires) });
    made.start();
    expires = FAR;
    assert.equal(await made.address('x'), `https://h/live/g/${token(FAR)}/x`);
    made.stop();
  });

  it('says why no socket opens', async () => {
    /** @type {'forbidden' | 'unreachable'} */
    let why = 'unreachable';
    const { made, heard } = link({ diagnose: () => Promise.resolve(why) });
    made.start();
    FakeSocket.made[0].onclose?.();
    await settle();
    assert.deepEqual(heard.map(([type]) => type), ['down']);
    why = 'forbidden';
    made.signalling.reset();
    await settle();
    assert.deepEqual(heard.at(-1), ['refused', 'forbidden']);
    made.stop();
  });
});
