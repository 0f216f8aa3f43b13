import assert from 'node:assert/strict';
import { afterEach, beforeEach, it, mock } from 'node:test';

import { ClockSync } from '../../static/clock-sync.js';
import { StreamClock } from '../../static/clock.js';

/** @typedef {import('../../static/signalling.js').Signalling} Signalling */

let now = 0;
beforeEach(() => {
  now = 1000;
  mock.method(performance, 'now', () => now);
});
afterEach(() => mock.restoreAll());

function sync() {
  const socket = { isOpen: true, asked: 0, resets: 0, send: () => Boolean((socket.asked += 1)), reset: () => (socket.resets += 1) };
  const clock = new StreamClock();
  const made = new ClockSync(/** @type {Signalling} */ (/** @type {unknown} */ (socket)), clock);
  const reply = () => {
    const t = (performance.timeOrigin + now) / 1000;
    made.receive({ t0: t, t1: t, t2: t });
  };
  return { made, socket, clock, reply };
}

it('asks three times soon after the socket opened, then every ten seconds', () => {
  const { made, socket, reply } = sync();
  made.restart();
  const askedAt = [1000];
  for (now = 1000; now < 25_000; now += 50) {
    reply();
    const before = socket.asked;
    made.tick({ patient: false });
    if (socket.asked > before) askedAt.push(now);
  }
  assert.deepEqual(askedAt, [1000, 1250, 2250, 12_250, 22_250]);
});

it('gives up a socket that owes an answer for five seconds', () => {
  const { made, socket } = sync();
  made.restart();
  now += 4900;
  made.tick({ patient: false });
  assert.equal(socket.resets, 0);
  now += 200;
  made.tick({ patient: false });
  assert.equal(socket.resets, 1);
});

it('takes an answer that is owed for longer than half a second for one that may never come', () => {
  const { made, reply } = sync();
  made.restart();
  now += 500;
  assert.equal(made.isLate, false);
  now += 1;
  assert.equal(made.isLate, true);
  reply();
  assert.equal(made.isLate, false);
});

it('judges nobody while the page itself is throttled', () => {
  const { made, socket } = sync();
  made.restart();
  now += 60_000;
  made.tick({ patient: true });
  assert.equal(socket.resets, 0);
});

it('asks nothing of a closed socket, and expects nothing of a new one', () => {
  const { made, socket } = sync();
  made.restart();
  socket.isOpen = false;
  now += 60_000;
  made.tick({ patient: false });
  assert.equal(socket.resets, 0);
  socket.isOpen = true;
  made.restart();
  made.tick({ patient: false });
  assert.equal(socket.resets, 0);
});

it('feeds the clock', () => {
  const { made, clock, reply } = sync();
  made.restart();
  reply();
  assert.notEqual(clock.offsetMs, null);
});
