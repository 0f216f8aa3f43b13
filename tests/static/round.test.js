import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NEAR_MS, Round, WARM_AFTER_MS } from '../../static/round.js';

const nobody = () => false;

test('one after the other joins in, those that are tried already are passed over', () => {
  const round = new Round();
  round.begin(['webrtc', 'mse', 'll-hls']);
  assert.equal(round.next(0, nobody), 'webrtc');
  assert.deepEqual(round.dueMs, [WARM_AFTER_MS]);
  assert.equal(round.isNext(WARM_AFTER_MS - 1), false);
  assert.equal(round.isNext(WARM_AFTER_MS), true);
  assert.equal(round.next(WARM_AFTER_MS, (rung) => rung === 'mse'), 'll-hls');
  assert.deepEqual(round.dueMs, []);
  assert.equal(round.next(1000, nobody), null);
});

test('the next waits longer for one that is near, and not at all where there is little hope', () => {
  const round = new Round();
  round.begin(['webrtc', 'mse']);
  round.putOff(0);
  round.hasten(0);
  assert.deepEqual(round.dueMs, [], 'nobody has begun');
  round.next(0, nobody);
  round.putOff(100);
  assert.deepEqual(round.dueMs, [100 + NEAR_MS]);
  round.hasten(200);
  assert.equal(round.isNext(200), true);
});

test('rounds in which nothing worked are further and further apart', () => {
  const round = new Round();
  const pauses = [0, 1, 2, 3, 4, 5, 6].map(() => {
    round.begin([]);
    round.lose(0);
    return round.dueMs[0];
  });
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  assert.equal(round.failed, 7);
  assert.equal(round.isAgain(14_999), false);
  assert.equal(round.isAgain(15_000), true);
  assert.equal(round.isOn, true);
  round.forgive();
  round.end();
  assert.deepEqual([round.failed, round.isOn, round.dueMs], [0, false, []]);
});

test('a plan that changes keeps who is still to be tried, and adds who is new', () => {
  const round = new Round();
  round.begin(['webrtc', 'mse', 'hls']);
  round.next(0, nobody);
  round.revise(50, ['webrtc', 'll-hls', 'hls'], (rung) => rung === 'll-hls');
  assert.deepEqual(round.dueMs, [WARM_AFTER_MS], 'nobody waits longer for that');
  assert.equal(round.next(400, nobody), 'll-hls');
  round.drop('hls');
  assert.equal(round.hasMore, false);
  round.revise(500, ['webrtc', 'hls'], (rung) => rung === 'hls');
  assert.deepEqual(round.dueMs, [2400], 'after ll-hls the next waits as long as before');
  round.revise(500, ['webrtc'], nobody);
  assert.deepEqual(round.dueMs, []);
  round.revise(500, ['webrtc', 'mse'], (rung) => rung === 'mse');
  assert.deepEqual(round.dueMs, [500 + WARM_AFTER_MS]);
});
