import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  FIRST_REST_MS,
  FORGIVEN_AFTER_MS,
  LONGEST_RELAPSE_REST_MS,
  LONGEST_REST_MS,
  LOSS_REST_MS,
  PROBATION_MS,
  Rests,
} from '../../static/rests.js';

/** @param {Rests} rests @param {Parameters<Rests['relapse']>[2]} how @returns {number} milliseconds of rest */
function relapse(rests, how) {
  rests.relapse('webrtc', 1000, how);
  return Number(rests.untilMs('webrtc')) - 1000;
}

/** @param {Rests} rests @returns {number} milliseconds of rest */
function failure(rests) {
  rests.begin('webrtc', 1000);
  return Number(rests.untilMs('webrtc')) - 1000;
}

test('the rest of what never connects grows up to the longest, and begins anew on another network', () => {
  const rests = new Rests();
  assert.equal(rests.untilMs('webrtc'), null);
  const lengths = [1, 2, 3, 4, 5].map(() => failure(rests));
  assert.deepEqual(lengths, [FIRST_REST_MS, 10_000, 20_000, 40_000, LONGEST_REST_MS]);
  rests.forgetAll();
  assert.equal(rests.untilMs('webrtc'), null);
  assert.equal(failure(rests), FIRST_REST_MS);
});

test('what fails after having been shown rests up to ten minutes, more so when it does not stand its probation', () => {
  const proved = new Rests();
  const lengths = [1, 2, 3, 4].map(() => relapse(proved, { wellMs: PROBATION_MS }));
  assert.deepEqual(lengths, [FIRST_REST_MS, 10_000, 20_000, 40_000]);
  const unproved = new Rests();
  const longer = [1, 2, 3, 4, 5].map(() => relapse(unproved, { wellMs: PROBATION_MS - 1 }));
  assert.deepEqual(longer, [10_000, 40_000, 160_000, LONGEST_RELAPSE_REST_MS, LONGEST_RELAPSE_REST_MS]);
});

test('a link that carries too little rests for half a minute at first', () => {
  const rests = new Rests();
  const lengths = [1, 2, 3].map(() => relapse(rests, { wellMs: 0, loss: true }));
  assert.deepEqual(lengths, [LOSS_REST_MS, 4 * LOSS_REST_MS, 16 * LOSS_REST_MS]);
});

test('what proved itself is tried again at once where nothing is shown in its place, but not twice in a row', () => {
  const rests = new Rests();
  assert.equal(relapse(rests, { wellMs: PROBATION_MS, alone: true }), 0);
  assert.equal(relapse(rests, { wellMs: PROBATION_MS, alone: true }), 2 * FIRST_REST_MS);
  assert.equal(relapse(new Rests(), { wellMs: PROBATION_MS - 1, alone: true }), 2 * FIRST_REST_MS);
  assert.equal(relapse(new Rests(), { wellMs: PROBATION_MS, alone: true, loss: true }), LOSS_REST_MS);
});

test('what could not connect meanwhile has been shown since: only that counts', () => {
  const rests = new Rests();
  for (let tries = 0; tries < 5; tries += 1) failure(rests);
  assert.equal(relapse(rests, { wellMs: PROBATION_MS }), FIRST_REST_MS);
  assert.equal(failure(rests), FIRST_REST_MS);
});

test('long watching without trouble makes up for relapses, one doubling at a time', () => {
  const rests = new Rests();
  for (let times = 0; times < 4; times += 1) relapse(rests, { wellMs: PROBATION_MS });
  rests.left('webrtc', FORGIVEN_AFTER_MS - 1);
  assert.equal(relapse(rests, { wellMs: PROBATION_MS }), 16 * FIRST_REST_MS);
  rests.left('webrtc', 2 * FORGIVEN_AFTER_MS);
  assert.equal(relapse(rests, { wellMs: FORGIVEN_AFTER_MS }), 4 * FIRST_REST_MS);
  rests.left('webrtc', 99 * FORGIVEN_AFTER_MS);
  assert.equal(rests.untilMs('webrtc'), null);
});
