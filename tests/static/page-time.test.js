import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';

import { pageTime, PageTime } from '../../static/page-time.js';
import { Rung } from '../../static/rungs/rung.js';
import { fakeTimers } from './support/timers.js';

/** A page whose clock goes on while its timers may not. */
function page() {
  const timers = fakeTimers();
  let busyMs = 0;
  /** @type {(() => void) | null} */
  let ticked = null;
  let sinceTick = 0;
  mock.method(performance, 'now', () => timers.nowMs + busyMs);
  mock.method(globalThis, 'setInterval', (/** @type {() => void} */ run) => {
    ticked = run;
    return 1;
  });
  mock.method(globalThis, 'clearInterval', () => {
    ticked = null;
  });
  return {
    get ticks() {
      return ticked !== null;
    },
    /** @param {number} ms in which everything runs when it is due */
    idle(ms) {
      for (let passed = 0; passed < ms; passed += 10) {
        timers.tick(10);
        sinceTick += 10;
        if (sinceTick < 100) continue;
        sinceTick = 0;
        ticked?.();
      }
    },
    /** @param {number} ms in which nothing runs */
    busy(ms) {
      busyMs += ms;
    },
  };
}

afterEach(() => mock.restoreAll());

test('time stands still while the page can do nothing, and was never ahead', () => {
  const { idle, busy } = page();
  const time = new PageTime();
  const before = time.nowMs;
  time.isOn = true;
  idle(1000);
  assert.equal(time.nowMs - before, 1000);
  busy(3000);
  assert.ok(time.nowMs - before <= 1130, 'nobody has noticed yet');
  idle(500);
  assert.ok(time.nowMs - before >= 1500 && time.nowMs - before <= 1630, `${time.nowMs - before} ms`);
  time.isOn = false;
  busy(3000);
  assert.ok(time.nowMs - before >= 4500, 'nobody looks how busy it is');
});

test('it looks how busy the page is only while somebody needs it', () => {
  const seen = page();
  const time = new PageTime();
  assert.equal(seen.ticks, false);
  time.isOn = true;
  time.isOn = true;
  assert.equal(seen.ticks, true);
  time.isOn = false;
  assert.equal(seen.ticks, false);
});

test('a rung’s deadline has been its own time: a page that was too busy to hear the answer waits for it', () => {
  const { idle, busy } = page();
  class Waiting extends Rung {
    /** @override */
    start() {
      this.expect(1000, () => this.fail('signalling', 'No answer.'));
    }
  }
  const rung = new Waiting();
  /** @type {string[]} */
  const failures = [];
  rung.addEventListener('failed', () => failures.push('failed'));
  pageTime.isOn = true;
  rung.start();
  idle(500);
  busy(5000);
  idle(450);
  assert.deepEqual(failures, [], 'half of its second is left');
  idle(400);
  assert.deepEqual(failures, ['failed']);
  pageTime.isOn = false;
});

test('a deadline that was taken back does not come', () => {
  const { idle } = page();
  const controller = new AbortController();
  const time = new PageTime();
  let came = 0;
  const act = () => {
    came += 1;
  };
  time.after(act, 100, controller.signal);
  controller.abort();
  time.after(act, 100, controller.signal);
  idle(1000);
  assert.equal(came, 0);
  time.after(act, 100, new AbortController().signal);
  idle(200);
  assert.equal(came, 1);
});
