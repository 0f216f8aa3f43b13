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
    { camera: 'yard', base: 'https://h/live/', ...options },
    new StreamClock(),
  );
  /** @type {[string, any][]} */
  const heard = [];
  for (const type of ['open', 'down', 'camera', 'fallback', 'grant', 'refused', 'answers', 'unreachable']) {
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
  /** @type {ReturnType<typeof fakeTimers>} */
  let timers;
  beforeEach(() => {
    timers = fakeTimers();
    FakeSocket.made = [];
    globalThis.WebSocket = /** @type {any} */ (FakeSocket);
  });
  afterEach(() => {
    mock.restoreAll();
    globalThis.WebSocket = original;
  });

  /** @param {() => Response} respond @returns {string[]} the addresses that were asked for */
  function overHttp(respond) {
    /** @type {string[]} */
    const asked = [];
    mock.method(globalThis, 'fetch', (/** @type {URL} */ url) => {
      asked.push(url.href);
      return Promise.resolve().then(respond);
    });
    return asked;
  }
  const YARD = { name: 'yard', state: 'live' };
  const listed = () => Response.json({ cameras: [YARD] });

  it('tells what the gateway says of the camera', () => {
    const { made, heard } = link();
    made.start();
    const [socket] = FakeSocket.made;
    socket.open();
    socket.onmessage?.({ data: '{"type":"state","value":{"name":"yard"}}' });
    socket.onmessage?.({ data: '{"type":"fallback","value":{"to":"mse"}}' });
    assert.deepEqual(heard, [['open', undefined], ['camera', { name: 'yard' }], ['fallback', { to: 'mse' }]]);
    assert.equal(socket.sent[0].type, 'clock');
    made.stop();
  });

  it('needs no grant where nobody gives any', async () => {
    const { made } = link({ base: 'https://h/g/kid.1.0123456789abcdef.aa/' });
    made.renew(token(FAR));
    assert.equal(await made.address('yard/index.m3u8'), 'https://h/g/kid.1.0123456789abcdef.aa/yard/index.m3u8', 'it is in the base');
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
    assert.equal(await made.address('x'), `https://h/live/g/${token(expires)}/x`, 'it has just been given');
    const now = performance.now();
    mock.method(performance, 'now', () => now + 6000);
    expires = FAR;
    assert.equal(await made.address('x'), `https://h/live/g/${token(FAR)}/x`);
    made.stop();
  });

  it('asks no more often where every grant seems to be over, and its news ask for addresses themselves', async () => {
    let asked = 0;
    const { made } = link({ getGrant: () => Promise.resolve(token(FAR - 7200 + (asked += 1))) });
    made.addEventListener('grant', () => void made.address('yard/whep'));
    made.start();
    await settle();
    for (let count = 0; count < 20; count += 1) {
      // eslint-disable-next-line no-await-in-loop
      await made.address('x');
    }
    assert.equal(asked, 1);
    made.stop();
  });

  it('asks once for all who wait for the same grant', async () => {
    let asked = 0;
    const { made } = link({ getGrant: () => Promise.resolve(token(FAR + (asked += 1))) });
    const [one, other] = await Promise.all([made.address('x'), made.address('y')]);
    assert.deepEqual([one, other], [`https://h/live/g/${token(FAR + 1)}/x`, `https://h/live/g/${token(FAR + 1)}/y`]);
  });

  it('does not wait for ever for whoever gives grants', async () => {
    const never = new Promise(() => {
      // Whoever should answer hangs.
    });
    const { made } = link({ getGrant: () => /** @type {Promise<string>} */ (never) });
    const asked = made.lookUp();
    timers.tick(8000);
    assert.deepEqual(await asked, { access: 'ungranted', camera: null });
  });

  it('forgets a grant that the gateway does not take', async () => {
    overHttp(() => new Response('', { status: 401 }));
    let asked = 0;
    const { made, heard } = link({ getGrant: () => token(FAR + (asked += 1)) });
    made.start();
    FakeSocket.made[0].onclose?.();
    await settle();
    assert.deepEqual(heard.at(-1), ['refused', 'signed-out']);
    assert.equal(await made.address('x'), `https://h/live/g/${token(FAR + 2)}/x`);
    made.stop();
  });

  it('goes on with the grant it has while sockets are blocked, as long as that lasts', async () => {
    overHttp(listed);
    let expires = FAR;
    let asked = 0;
    const getGrant = () => {
      asked += 1;
      return token(expires);
    };
    const { made, heard } = link({ getGrant });
    made.start();
    for (let retries = 0; retries < 5; retries += 1) {
      FakeSocket.made.at(-1)?.onclose?.();
      // eslint-disable-next-line no-await-in-loop
      await settle();
      timers.tick(3000);
    }
    assert.deepEqual(FakeSocket.made.map(({ url }) => url), Array(6).fill(`wss://h/live/g/${token(FAR)}/api/ws?src=yard`));
    assert.equal(asked, 1);
    assert.equal(heard.filter(([type]) => type === 'grant').length, 1, 'and nobody is told of another');
    const now = performance.now();
    mock.method(performance, 'now', () => now + 3_550_000);
    expires = FAR + 3600;
    FakeSocket.made.at(-1)?.onclose?.();
    timers.tick(3000);
    assert.equal(FakeSocket.made.at(-1)?.url, `wss://h/live/g/${token(FAR + 3600)}/api/ws?src=yard`);
    made.stop();
  });

  it('asks for another grant after a socket that had opened: it may have been closed for that', async () => {
    overHttp(listed);
    let asked = 0;
    const { made } = link({ getGrant: () => token(FAR + (asked += 1)) });
    made.start();
    FakeSocket.made[0].open();
    FakeSocket.made[0].onclose?.();
    timers.tick(3000);
    assert.equal(FakeSocket.made[1].url, `wss://h/live/g/${token(FAR + 2)}/api/ws?src=yard`);
    made.stop();
  });

  it('asks over HTTP why no socket opens, with the grant it has, and hears how the camera is', async () => {
    const asked = overHttp(listed);
    const { made, heard } = link({ getGrant: () => token(FAR) });
    made.start();
    FakeSocket.made[0].onclose?.();
    await settle();
    assert.deepEqual(asked, [`https://h/live/g/${token(FAR)}/api/cameras`]);
    assert.deepEqual(heard.slice(2), [['answers', undefined], ['camera', YARD]]);
    assert.ok(made.heardAt > 0, 'the network as such is there');
    made.stop();
  });

  for (const [what, respond, expected] of /** @type {[string, () => Response, [string, unknown]][]} */ ([
    ['nobody of this name', () => Response.json({ cameras: [] }), ['refused', 'unknown']],
    ['a refusal', () => new Response('', { status: 403 }), ['refused', 'forbidden']],
    ['no answer', () => { throw new TypeError('network'); }, ['unreachable', { ungranted: false, late: false }]],
    ['no answer in time', () => { throw new DOMException('', 'TimeoutError'); }, ['unreachable', { ungranted: false, late: true }]],
  ])) {
    it(`tells ${what}`, async () => {
      overHttp(respond);
      const { made, heard } = link({ base: `https://h/${encodeURIComponent(what)}/` });
      made.start();
      FakeSocket.made[0].onclose?.();
      await settle();
      assert.deepEqual(heard.slice(1), [expected]);
      assert.equal(made.heardAt, 0);
      made.stop();
    });
  }

  it('asks by whatever way there is, and not again before a second has passed', async () => {
    const asked = overHttp(listed);
    const { made } = link();
    made.start();
    made.ask();
    made.ask();
    await settle();
    made.ask();
    await settle();
    assert.equal(asked.length, 1);
    FakeSocket.made[0].open();
    const before = FakeSocket.made[0].sent.length;
    made.ask();
    assert.deepEqual(FakeSocket.made[0].sent.slice(before).map(({ type }) => type), ['clock']);
    made.stop();
  });

  /** @param {import('../../static/camera-link.js').CameraLink} made @returns a socket that owes an answer */
  function deadSocket(made) {
    const now = performance.now();
    made.start();
    const [socket] = FakeSocket.made;
    socket.open();
    mock.method(performance, 'now', () => now + 60_000);
    made.ask();
    mock.method(performance, 'now', () => now + 60_600);
    return socket;
  }

  it('asks over HTTP too where an open socket owes an answer, and hears how the camera is', async () => {
    const asked = overHttp(listed);
    const { made, heard } = link();
    const socket = deadSocket(made);
    const before = socket.sent.length;
    made.ask();
    await settle();
    assert.equal(asked.length, 1);
    assert.equal(socket.sent.length, before, 'what it is asked again would give it more time');
    assert.deepEqual(heard, [['open', undefined], ['camera', YARD]]);
    assert.ok(made.heardAt > 0, 'the network as such is there');
    made.stop();
  });

  it('leaves it to the socket where that answers first', async () => {
    overHttp(() => Response.json({ cameras: [{ ...YARD, state: 'offline' }] }));
    const { made, heard } = link();
    const socket = deadSocket(made);
    made.ask();
    socket.onmessage?.({ data: '{"type":"state","value":{"name":"yard","state":"live"}}' });
    await settle();
    assert.deepEqual(heard, [['open', undefined], ['camera', YARD]]);
    made.stop();
  });

  it('does not take a socket that is open for gone because HTTP brings nothing either', async () => {
    overHttp(() => { throw new TypeError('network'); });
    const { made, heard } = link({ base: 'https://gone/' });
    deadSocket(made);
    made.ask();
    await settle();
    assert.deepEqual(heard, [['open', undefined]]);
    assert.equal(made.heardAt, 0);
    made.stop();
  });

  for (const [how, getGrant] of /** @type {[string, () => Promise<string>][]} */ ([
    ['rejects', () => Promise.reject(new Error('no server'))],
    ['throws', () => { throw new Error('no server'); }],
  ])) {
    it(`tells of a giver of grants that ${how}`, async () => {
      overHttp(listed);
      const { made, heard } = link({ getGrant });
      made.start();
      await settle();
      assert.deepEqual(heard.map(([type]) => type), ['down', 'unreachable']);
      assert.deepEqual(heard[1][1], { ungranted: true, late: false });
      made.stop();
    });
  }
});
