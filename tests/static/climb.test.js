import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';

import { Climb } from '../../static/climb.js';
import { Crowd } from '../../static/crowd.js';
import { loadRung } from '../../static/rungs/maker.js';
import { fakeTimers } from './support/timers.js';

/** @typedef {import('../../static/attempt.js').Attempt} Attempt */

const RELAY = [{ urls: 'turn:relay.example' }];

/** A video that gets a picture when it is told to. */
class Video extends EventTarget {
  /** @type {Map<number, (atMs: number, metadata: object) => void>} */
  #waiting = new Map();
  #handle = 0;

  /** @param {(atMs: number, metadata: object) => void} act @returns {number} */
  requestVideoFrameCallback(act) {
    this.#waiting.set((this.#handle += 1), act);
    return this.#handle;
  }

  /** @param {number} handle */
  cancelVideoFrameCallback(handle) {
    this.#waiting.delete(handle);
  }

  /** A picture is on the screen. */
  picture() {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const act of waiting) act(0, { presentedFrames: 1 });
  }

  removeAttribute() {}
  load() {}
  pause() {}
  async play() {}
  canPlayType() {
    return '';
  }
}

const NEVER = new Promise(() => {});

afterEach(() => mock.restoreAll());

/** @param {string[]} rungs @param {Crowd} [crowd] */
function climbOf(rungs, crowd = new Crowd()) {
  /** @type {Attempt[]} */
  const attempts = [];
  /** @type {string[]} */
  const remembered = [];
  /** @type {Set<Attempt>} */
  const ended = new Set();
  /** @type {unknown} */
  const surroundings = {
    stage: { make: () => new Video(), show() {}, drop() {} },
    clock: {},
    record: {
      beganAt: 0,
      begun: (/** @type {Attempt} */ attempt) => attempts.push(attempt),
      ended: (/** @type {Attempt} */ attempt) => ended.add(attempt),
    },
    memory: { failed: (/** @type {string} */ rung) => remembered.push(rung), worked() {} },
    optionsFor: () => ({
      signalling: Object.assign(new EventTarget(), { isOpen: false, failing: false }),
      iceServers: [],
      playlist: () => NEVER,
      answerDeadlineMs: 5000,
      pictureDeadlineMs: 5000,
    }),
    crowd,
    onFrame() {},
    blameless: () => false,
  };
  const climb = new Climb(/** @type {import('../../static/climb.js').Surroundings} */ (surroundings));
  /** @param {RTCIceServer[]} [iceServers] */
  const plan = (iceServers = []) => climb.plan(rungs.map((rung) => ({ rung, timeoutMs: 10_000, url: null, iceServers })));
  plan();
  return {
    climb,
    plan,
    ended,
    remembered,
    attempts,
    get begun() {
      return attempts.map(({ run }) => run.rung);
    },
    /** A picture of the latest try. */
    picture: () => /** @type {Video} */ (/** @type {unknown} */ (attempts[attempts.length - 1].video)).picture(),
  };
}

function drivenTime() {
  const timers = fakeTimers();
  mock.method(performance, 'now', () => timers.nowMs);
  return timers;
}

test('a rung whose module is still on its way is being tried: there is nothing to hurry', async () => {
  const seen = climbOf(['ll-hls', 'hls']);
  const { climb } = seen;
  climb.begin();
  climb.hurry();
  await Promise.all([loadRung('ll-hls'), loadRung('hls')]);
  await immediate();
  climb.halt('the test ends');
  assert.deepEqual(seen.begun, ['ll-hls']);
});

test('a halt ends a rung that is tried anew while its last try is still leaving', async () => {
  await Promise.all([loadRung('ll-hls'), loadRung('hls')]);
  const timers = drivenTime();
  const seen = climbOf(['ll-hls', 'hls']);
  const { climb } = seen;
  climb.begin();
  seen.picture();
  climb.faltered();
  seen.picture();
  timers.tick(300);
  seen.picture();
  climb.faltered();
  assert.deepEqual([seen.begun, seen.ended.size], [['ll-hls', 'hls', 'll-hls'], 0], 'the first is leaving');
  climb.halt('the test ends');
  assert.equal(seen.ended.size, 3);
  assert.equal(timers.waiting, 0, 'nothing is to be done later');
});

test('a try that was begun without the relays of the gateway begins anew with them, unless it was halted', async () => {
  await Promise.all([loadRung('ll-hls'), loadRung('hls')]);
  const timers = drivenTime();
  const seen = climbOf(['ll-hls', 'hls']);
  seen.climb.begin();
  seen.plan(RELAY);
  timers.tick(300);
  assert.deepEqual(seen.begun, ['ll-hls', 'll-hls']);
  seen.climb.halt('stopped');
  seen.climb.begin();
  seen.plan(RELAY);
  seen.climb.halt('stopped');
  assert.equal(timers.waiting, 0, 'nothing is to be done later');
});

test('what is suspended neither tries nor loads anything until it is hurried', async () => {
  await Promise.all([loadRung('ll-hls'), loadRung('hls')]);
  const timers = drivenTime();
  const seen = climbOf(['ll-hls', 'hls']);
  seen.climb.begin();
  seen.climb.suspend('the gateway does not answer');
  assert.deepEqual([seen.ended.size, timers.waiting], [1, 0], 'nothing is to be done later');
  seen.climb.hurry();
  assert.deepEqual(seen.begun, ['ll-hls', 'll-hls']);
  seen.climb.halt('the test ends');
});

test('what takes the place of pictures that come is steady first, and has the time for it', async () => {
  await Promise.all([loadRung('ll-hls'), loadRung('hls')]);
  const timers = drivenTime();
  const seen = climbOf(['hls', 'll-hls']);
  const { attempts, climb } = seen;
  climb.begin();
  seen.picture();
  timers.tick(5000);
  assert.deepEqual(seen.begun, ['hls', 'll-hls'], 'the better one is probed below it');
  const better = attempts[1];
  timers.tick(9900);
  seen.picture();
  timers.tick(200);
  seen.picture();
  assert.equal(climb.shown, attempts[0], 'its picture was long in coming');
  for (let wait = 0; wait < 10; wait += 1) {
    timers.tick(30);
    seen.picture();
  }
  assert.equal(climb.shown, better);
  climb.halt('the test ends');
});

test('a player counts among those that look for pictures until it has some, is halted, or nobody sees it', async () => {
  await Promise.all([loadRung('ll-hls'), loadRung('hls')]);
  const timers = drivenTime();
  const crowd = new Crowd();
  const ahead = () => crowd.place(() => undefined).ahead;
  const seen = climbOf(['ll-hls', 'hls'], crowd);
  const { climb } = seen;
  assert.equal(ahead(), 0);
  climb.begin();
  assert.equal(ahead(), 1);
  climb.hidden = true;
  assert.equal(ahead(), 0);
  climb.hidden = false;
  assert.equal(ahead(), 1);
  seen.picture();
  assert.equal(ahead(), 0);
  climb.faltered();
  assert.equal(ahead(), 1);
  climb.halt('the test ends');
  assert.deepEqual([ahead(), timers.waiting], [0, 0]);
});

test('the pictures of one player hold back what another would try next', async () => {
  await Promise.all([loadRung('ll-hls'), loadRung('hls')]);
  const timers = drivenTime();
  const crowd = new Crowd();
  const [first, second] = [climbOf(['ll-hls', 'hls'], crowd), climbOf(['ll-hls', 'hls'], crowd)];
  first.climb.begin();
  second.climb.begin();
  timers.tick(1900);
  first.picture();
  timers.tick(1000);
  assert.deepEqual(second.begun, ['ll-hls'], 'alone it would have tried the next after two seconds');
  timers.tick(1000);
  assert.deepEqual(second.begun, ['ll-hls', 'hls']);
  first.climb.halt('the test ends');
  second.climb.halt('the test ends');
});

test('what fails for one player and has just worked for another is not remembered of the network', async () => {
  await Promise.all([loadRung('ll-hls'), loadRung('hls')]);
  const timers = drivenTime();
  const crowd = new Crowd();
  const other = crowd.place(() => undefined);
  const seen = climbOf(['ll-hls', 'hls'], crowd);
  const { attempts, climb, remembered } = seen;
  const fail = () => {
    climb.begin();
    climb.failed(attempts[attempts.length - 1], { code: 'network', message: 'cut' });
    seen.picture();
    climb.halt('the next');
  };
  other.brought('ll-hls', performance.timeOrigin + performance.now());
  fail();
  assert.deepEqual(remembered, []);
  timers.tick(10_000);
  fail();
  assert.deepEqual(remembered, ['ll-hls']);
});
