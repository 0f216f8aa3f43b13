import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Standing } from '../../static/standing.js';
import { Watch } from '../../static/watch.js';

/** @type {() => void} */
let tick;
beforeEach(() => {
  mock.method(globalThis, 'setInterval', (/** @type {() => void} */ run) => {
    tick = run;
    return 1;
  });
  mock.method(globalThis, 'clearInterval', () => undefined);
});
afterEach(() => mock.restoreAll());

/** @param {{silent?: boolean, isOpen?: boolean, isMute?: boolean, heardAt?: number, shows?: boolean}} [how] */
function watching({ silent = true, isOpen = false, isMute = !isOpen, heardAt = 0, shows = true } = {}) {
  const standing = new Standing();
  standing.begin(0);
  if (shows) standing.pictureCame(100, { catchingUp: false });
  /** @type {any[]} */
  const seen = [];
  /** @type {string[]} */
  const done = [];
  const shown = {
    /** @type {string | null} */
    cause: 'network',
    /** @type {string | null} */
    step: null,
    mending: false,
    rung: { name: 'webrtc' },
    rates: { lossRatio: 0 },
    counters: null,
    frames: { latencyMs: null },
    count: () => Promise.reject(new Error('the network is gone')),
    /** @param {any} facts */
    observe(facts) {
      seen.push(facts);
      return { silent, silentMs: 2000, cause: silent ? shown.cause : null, step: shown.step };
    },
  };
  const around = {
    standing,
    climb: { shown: shows ? shown : null, faltered: (/** @type {unknown} */ how) => done.push(`faltered ${JSON.stringify(how)}`), recovered: () => done.push('recovered') },
    link: { isOpen, isMute, heardAt, ask: () => done.push('ask'), tick() {} },
    record: { account() {}, second() {}, reportIsDue: () => true },
    account: { tell: () => done.push('tell') },
    changed: () => done.push('changed'),
    lossy: () => done.push('lossy'),
  };
  const watch = new Watch(/** @type {any} */ (around));
  watch.start();
  return { watch, standing, seen, done, shown };
}

test('a camera of which nobody has said anything is not what is to blame', () => {
  const { seen } = watching({ heardAt: 77 });
  tick();
  assert.deepEqual([seen[0].cameraLive, seen[0].gatewayThere, seen[0].heardAt], [true, true, 77]);
});

test('a silence has the gateway asked: over HTTP until it answers, on a socket once', () => {
  const blocked = watching();
  tick();
  tick();
  assert.deepEqual(blocked.done.filter((what) => what === 'ask'), ['ask', 'ask']);
  const open = watching({ isOpen: true });
  tick();
  tick();
  assert.deepEqual(open.done.filter((what) => what === 'ask'), ['ask']);
});

test('a silence has the gateway asked again and again where its socket owes an answer too', () => {
  const { done } = watching({ isOpen: true, isMute: true });
  tick();
  tick();
  assert.deepEqual(done.filter((what) => what === 'ask'), ['ask', 'ask']);
});

test('without a socket the gateway is asked now and then how a camera is that brings no pictures', () => {
  for (const [isOpen, asked] of /** @type {[boolean, number][]} */ ([[false, 2], [true, 0]])) {
    const { done } = watching({ isOpen, shows: false });
    for (let quarter = 0; quarter < 24; quarter += 1) tick();
    assert.equal(done.filter((what) => what === 'ask').length, asked);
  }
});

test('where others are to be tried beside it, they are told whether its link carries too little', () => {
  const { done, shown } = watching();
  for (const cause of ['network', 'loss']) {
    Object.assign(shown, { cause, step: 'others' });
    tick();
  }
  assert.deepEqual(done.filter((what) => what.startsWith('faltered')), ['faltered {"loss":false}', 'faltered {"loss":true}']);
});

test('a report that is due is told, and statistics that can’t be had are no failure', async () => {
  const { done } = watching({ silent: false });
  for (let quarter = 0; quarter < 4; quarter += 1) tick();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  assert.ok(done.includes('tell'));
});

test('without a socket, five seconds of heavy loss are noticed here, once', () => {
  const second = () => [1, 2, 3, 4].forEach(() => tick());
  /** @param {boolean} isOpen @param {readonly number[]} losses of each second */
  const told = (isOpen, losses) => {
    const { done, shown } = watching({ silent: false, isOpen });
    for (const lossRatio of losses) {
      shown.rates = { lossRatio };
      second();
    }
    return done.filter((what) => what === 'lossy').length;
  };
  assert.equal(told(false, [0.2, 0.3, 0.2, 0.5]), 0);
  assert.equal(told(false, [0.2, 0.3, 0.2, 0.5, 0.2, 0.3, 0.3]), 1);
  assert.equal(told(false, [0.2, 0.3, 0.19, 0.5, 0.2, 0.3, 0.3]), 0);
  assert.equal(told(true, [0.2, 0.3, 0.2, 0.5, 0.2, 0.3]), 0, 'the gateway says it');
});
