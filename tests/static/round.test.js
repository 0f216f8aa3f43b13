import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NEAR_MS, Round, WARM_AFTER_MS } from '../../static/round.js';

const nobody = () => false;

test('one after the other joins in, those that are tried already are passed over', () => {
  const round = new Round();
  round.begin(['webrtc', 'mse', 'll-hls']);
  assert.equal(round.next(0, nobody), 'webrtc');
  assert.equal(round.nextAtMs, WARM_AFTER_MS);
  assert.equal(round.next(WARM_AFTER_MS, (rung) => rung === 'mse'), 'll-hls');
  assert.deepEqual([round.nextAtMs, round.againAtMs], [null, null]);
  assert.equal(round.next(1000, nobody), null);
});

test('the next waits longer for one that is near, and not at all where there is little hope', () => {
  const round = new Round();
  round.begin(['webrtc', 'mse']);
  round.putOff(0);
  round.hasten(0);
  assert.equal(round.nextAtMs, null, 'nobody has begun');
  round.next(0, nobody);
  round.putOff(100);
  assert.equal(round.nextAtMs, 100 + NEAR_MS);
  round.hasten(200);
  assert.equal(round.nextAtMs, 200);
});

test('rounds in which nothing worked are further and further apart', () => {
  const round = new Round();
  const pauses = [0, 1, 2, 3, 4, 5, 6].map(() => {
    round.begin([]);
    round.lose(0);
    return round.againAtMs;
  });
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  assert.equal(round.failed, 7);
  assert.equal(round.isOn, true);
  round.forgive();
  round.end();
  assert.deepEqual([round.failed, round.isOn, round.againAtMs], [0, false, null]);
});

test('a plan that changes keeps who is still to be tried, and adds who is new', () => {
  const round = new Round();
  round.begin(['webrtc', 'mse', 'hls']);
  round.next(0, nobody);
  round.revise(50, ['webrtc', 'll-hls', 'hls'], (rung) => rung === 'll-hls');
  assert.equal(round.nextAtMs, WARM_AFTER_MS, 'nobody waits longer for that');
  assert.equal(round.next(400, nobody), 'll-hls');
  round.drop('hls');
  assert.equal(round.hasMore, false);
  round.revise(500, ['webrtc', 'hls'], (rung) => rung === 'hls');
  assert.equal(round.nextAtMs, 2400, 'after ll-hls the next waits as long as before');
  round.revise(500, ['webrtc'], nobody);
  assert.deepEqual([round.nextAtMs, round.againAtMs], [null, null]);
  round.revise(500, ['webrtc', 'mse'], (rung) => rung === 'mse');
  assert.equal(round.nextAtMs, 500 + WARM_AFTER_MS);
});
