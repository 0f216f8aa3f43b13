import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Planner } from '../../static/planner.js';
import { fakeTimers } from './support/timers.js';

const NOW_S = 1_790_000_000;
const { navigator: original, document: page } = globalThis;
/** @type {ReturnType<typeof fakeTimers>} */
let timers;
beforeEach(() => {
  timers = fakeTimers();
  Object.defineProperty(globalThis, 'navigator', { value: { userAgent: '' }, configurable: true, writable: true });
  Object.assign(globalThis, { document: { createElement: () => ({ canPlayType: () => '' }) } });
});
afterEach(() => {
  mock.restoreAll();
  Object.defineProperty(globalThis, 'navigator', { value: original, configurable: true, writable: true });
  globalThis.document = page;
});

const settle = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** @param {readonly string[] | null} [candidates] */
function planning(candidates = null) {
  const signalling = Object.assign(new EventTarget(), {
    /** @type {string[]} user names of the relay, one for each answer; empty for no answer */
    usernames: /** @type {string[]} */ ([]),
    asked: 0,
    send() {
      this.asked += 1;
      const username = this.usernames.shift();
      if (username === undefined) return true;
      const ice_servers = [{ urls: ['turn:relay.test'], username, credential: 'x' }];
      const value = { version: 1, rungs: [{ rung: 'webrtc', url: 'x', timeout_s: 2, ice_servers }], absent: [] };
      queueMicrotask(() => this.dispatchEvent(new CustomEvent('message', { detail: { type: 'negotiate', value } })));
      return true;
    },
  });
  const link = { signalling, nowS: NOW_S, address: () => Promise.reject(new Error('no HTTP')) };
  const memory = { recall: () => [] };
  const options = { camera: 'yard', base: 'https://h/', memory, candidates, region: null };
  const planner = new Planner(/** @type {any} */ (link), /** @type {any} */ (options));
  planner.allow = ['webrtc', 'mse'];
  return { planner, signalling, link };
}

/** @param {RTCIceServer[]} servers */
const names = (servers) => servers.map(({ username }) => username);
const LASTING = `${NOW_S + 500}:a`;

test('credentials of a relay that last are used without asking', async () => {
  const { planner, signalling } = planning();
  signalling.usernames = [LASTING];
  await planner.ask();
  assert.deepEqual(names(await planner.freshIceServers('webrtc')), [LASTING]);
  assert.equal(signalling.asked, 1);
});

test('those that end within a minute are asked for anew before anything begins with them', async () => {
  const { planner, signalling, link } = planning();
  signalling.usernames = [LASTING, `${NOW_S + 900}:b`];
  await planner.ask();
  link.nowS += 441;
  assert.deepEqual(names(await planner.freshIceServers('webrtc')), [`${NOW_S + 900}:b`]);
  assert.equal(signalling.asked, 2);
});

test('a gateway that does not answer keeps nobody waiting, and what is over is not used', async () => {
  const { planner, signalling, link } = planning();
  signalling.usernames = [LASTING];
  await planner.ask();
  link.nowS += 450;
  const soon = planner.freshIceServers('webrtc');
  timers.tick(300);
  assert.deepEqual(names(await soon), [LASTING], 'it is good for a moment yet');
  link.nowS += 51;
  const over = planner.freshIceServers('webrtc');
  timers.tick(300);
  assert.deepEqual(await over, []);
});

test('names that say no time are good for ever', async () => {
  const { planner, signalling } = planning();
  signalling.usernames = ['alice'];
  await planner.ask();
  assert.deepEqual(names(await planner.freshIceServers('webrtc')), ['alice']);
  assert.equal(signalling.asked, 1);
});

test('where relays alone may be used, nothing begins before the gateway has answered, or not', async () => {
  const { planner, signalling } = planning(['relay']);
  assert.deepEqual([planner.relayOnly, planner.ready, planner.lacksRelay], [true, false, false]);
  const asked = planner.ask();
  timers.tick(2000);
  await asked;
  assert.deepEqual([planner.planned, planner.ready, planner.lacksRelay], [false, true, true]);
  assert.deepEqual(planner.steps(null).filter(({ rung }) => rung === 'webrtc'), []);
  signalling.usernames = [LASTING];
  await planner.ask();
  assert.deepEqual([planner.planned, planner.ready, planner.lacksRelay], [true, true, false]);
  assert.deepEqual(planner.steps(null).map(({ rung }) => rung), ['webrtc']);
  planner.restart();
  assert.deepEqual([planner.planned, planner.ready], [false, false]);
  await settle();
});
