import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Player } from '../../static/player.js';
import { fakeTimers } from './support/timers.js';

/** @type {ReturnType<typeof fakeTimers>} */
let timers;
/** @type {object[]} */
let cameras;
/** @type {number} of the list of cameras */
let status;
/** @type {any[]} */
let reports;
const { WebSocket: Socket, document: page, navigator: browser } = globalThis;

beforeEach(async () => {
  timers = fakeTimers();
  mock.method(Math, 'random', () => 0.5);
  mock.method(globalThis, 'setInterval', () => 1);
  mock.method(globalThis, 'clearInterval', () => undefined);
  cameras = [];
  reports = [];
  status = 200;
  const unanswered = new Promise(() => {
    // Nobody plans anything.
  });
  mock.method(globalThis, 'fetch', (/** @type {URL | string} */ url) =>
    String(url).endsWith('/negotiate') ? unanswered : Promise.resolve(Response.json({ cameras }, { status })),
  );
  const sendBeacon = (/** @type {string} */ url, /** @type {Blob} */ body) => reports.push([url, body]);
  Object.defineProperty(globalThis, 'navigator', { value: { userAgent: '', sendBeacon }, configurable: true, writable: true });
  Object.assign(globalThis, {
    document: { createElement: () => ({ canPlayType: () => '' }) },
    WebSocket: class {
      readyState = 0;
      constructor() {
        queueMicrotask(() => /** @type {any} */ (this).onclose?.());
      }
      close() {}
    },
  });
});
afterEach(() => {
  mock.restoreAll();
  Object.defineProperty(globalThis, 'navigator', { value: browser, configurable: true, writable: true });
  Object.assign(globalThis, { document: page, WebSocket: Socket });
  Reflect.deleteProperty(globalThis, 'MediaSource');
});

const settle = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/**
 * @param {Partial<import('../../static/player.js').PlayerOptions>} [options]
 * @returns a player whose sockets are refused, of a browser that plays nothing
 */
async function started(options = {}) {
  class Video extends EventTarget {
    removeAttribute() {}
    load() {}
    canPlayType() {
      return '';
    }
  }
  const stage = { make: () => new Video(), show() {}, drop() {} };
  const player = new Player(/** @type {any} */ (stage), { camera: 'yard', base: 'https://h/live/', protocol: 'mse,webrtc', ...options });
  player.start();
  await settle();
  return player;
}

test('a camera that nobody knows is looked for again, later each time, and plays when it is there', async () => {
  const player = await started();
  assert.equal(player.situation.phase, 'unknown');
  timers.tick(2000);
  await settle();
  assert.equal(player.situation.phase, 'unknown');
  cameras = [{ name: 'yard', state: 'offline', since: 1, reason: null }];
  timers.tick(3999);
  await settle();
  assert.equal(player.situation.phase, 'unknown');
  timers.tick(1);
  await settle();
  assert.equal(player.situation.phase, 'starting');
  player.stop();
});

test('nobody looks for a camera that nobody wants to see any more', async () => {
  const player = await started();
  player.stop();
  cameras = [{ name: 'yard', state: 'live', since: 1, reason: null }];
  timers.tick(100_000);
  await settle();
  assert.equal(player.situation.phase, 'stopped');
});

test('without a socket it is known how the camera is', async () => {
  cameras = [{ name: 'yard', state: 'offline', since: 1, reason: null }];
  const player = await started();
  assert.equal(player.situation.camera?.state, 'offline');
  assert.equal(player.situation.gatewayDownSince, null);
  player.stop();
});

test('who stops is heard of, once', async () => {
  cameras = [{ name: 'yard', state: 'offline', since: 1, reason: null }];
  const player = await started();
  player.stop();
  player.stop();
  assert.equal(reports.length, 1);
  const [[url, body]] = reports;
  assert.equal(url, 'https://h/live/api/report');
  assert.equal(JSON.parse(await body.text()).camera, 'yard');
});

test('a page that was given a grant which is over is given another, later each time, and goes on', async () => {
  status = 401;
  cameras = [{ name: 'yard', state: 'offline', since: 1, reason: null }];
  let given = 0;
  const player = await started({ getGrant: () => `kid.${(given += 1)}.0123456789abcdef.aa` });
  assert.deepEqual([player.situation.phase, player.situation.failure?.code], ['signed-out', 'grant']);
  const before = given;
  timers.tick(2000);
  await settle();
  assert.equal(player.situation.phase, 'signed-out');
  assert.ok(given > before, 'another one is asked for');
  status = 200;
  timers.tick(4000);
  await settle();
  assert.equal(player.situation.phase, 'starting');
  player.stop();
});

test('who signed in by themselves is not asked for again', async () => {
  status = 401;
  const player = await started();
  assert.equal(player.situation.phase, 'signed-out');
  assert.equal(timers.waiting, 0);
});

test('a kind of candidates that does not exist is told, and nothing is tried', async () => {
  const player = await started({ candidates: ['upd'] });
  assert.deepEqual([player.situation.phase, player.situation.failure?.code], ['no-protocol', 'candidates']);
  player.stop();
});

for (const [what, failure, expected] of /** @type {[string, () => Error, number][]} */ ([
  ['nothing is asked of a gateway that is away', () => new TypeError('refused'), 0],
  ['a gateway that may only be slow is asked for a plan again', () => new DOMException('', 'TimeoutError'), 1],
])) {
  test(what, async () => {
    // One that plays something, over a socket alone.
    Object.assign(globalThis, { MediaSource: { isTypeSupported: () => true } });
    let plans = 0;
    mock.method(globalThis, 'fetch', (/** @type {URL | string} */ url) => {
      if (String(url).endsWith('/negotiate')) plans += 1;
      return Promise.reject(failure());
    });
    const player = await started({ base: `https://h/${encodeURIComponent(what)}/`, protocol: 'mse' });
    await settle();
    assert.notEqual(player.situation.gatewayDownSince, null);
    const before = plans;
    timers.tick(1000);
    await settle();
    assert.equal(plans - before, expected);
    player.stop();
  });
}
