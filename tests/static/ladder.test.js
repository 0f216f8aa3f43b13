import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Ladder } from '../../static/ladder.js';
import { FIRST_REST_MS, LONGEST_RELAPSE_REST_MS, LONGEST_REST_MS, LOSS_REST_MS, PROBATION_MS } from '../../static/rests.js';
import { NEAR_MS, WARM_AFTER_MS } from '../../static/round.js';

const ALL = [
  { rung: 'webrtc', timeoutMs: 2000 },
  { rung: 'mse', timeoutMs: 2000 },
  { rung: 'll-hls', timeoutMs: 4000 },
  { rung: 'hls', timeoutMs: 6000 },
];

/** @param {import('../../static/ladder.js').Action[]} actions */
function told(actions) {
  return actions.map((action) => `${action.do} ${action.rung}`);
}

/** A ladder whose first rung shows pictures at 100 ms. */
function playing(rung = 'webrtc', steps = ALL) {
  const ladder = new Ladder(steps);
  ladder.begin(0);
  let now = 0;
  while (!ladder.trying.includes(rung)) {
    now += WARM_AFTER_MS;
    ladder.tick(now);
  }
  ladder.pictured(rung, now + 100);
  for (const other of ladder.trying) ladder.failed(other, now + 100);
  return { ladder, now: now + 100 };
}

test('a rung that shows a picture at once is the only one that is started', () => {
  const ladder = new Ladder(ALL);
  assert.deepEqual(told(ladder.begin(0)), ['start webrtc']);
  assert.equal(ladder.dueMs, WARM_AFTER_MS);
  assert.deepEqual(told(ladder.pictured('webrtc', 90)), ['show webrtc']);
  assert.equal(ladder.shown, 'webrtc');
  assert.equal(ladder.dueMs, null, 'nothing is better, so there is nothing to wait for');
  assert.deepEqual(ladder.tick(60_000), []);
});

test('while there is no picture, the next rungs join in one after the other', () => {
  const ladder = new Ladder(ALL);
  ladder.begin(0);
  assert.deepEqual(ladder.tick(WARM_AFTER_MS - 1), []);
  assert.deepEqual(told(ladder.tick(WARM_AFTER_MS)), ['start mse']);
  assert.deepEqual(told(ladder.tick(2 * WARM_AFTER_MS)), ['start ll-hls']);
  assert.deepEqual(ladder.trying, ['webrtc', 'mse', 'll-hls']);
});

test('the first picture is shown, worse rungs stop, better ones have the rest of their time', () => {
  const ladder = new Ladder(ALL);
  ladder.begin(0);
  ladder.tick(400);
  ladder.tick(800);
  assert.deepEqual(told(ladder.pictured('mse', 900)), ['show mse', 'stop ll-hls']);
  assert.deepEqual(ladder.trying, ['webrtc']);
  assert.deepEqual(told(ladder.pictured('webrtc', 1000)), ['show webrtc', 'stop mse']);
});

test('a rung that runs out of time is stopped', () => {
  const ladder = new Ladder(ALL);
  ladder.begin(0);
  ladder.tick(400);
  ladder.pictured('mse', 650);
  assert.equal(ladder.dueMs, 2000);
  assert.deepEqual(ladder.tick(2000), [{ do: 'stop', rung: 'webrtc', reason: 'no picture in time' }]);
  assert.equal(ladder.shown, 'mse');
});

test('a rung that gives up makes way for the next at once', () => {
  const ladder = new Ladder(ALL);
  ladder.begin(0);
  assert.deepEqual(told(ladder.failed('webrtc', 50)), ['start mse']);
  assert.deepEqual(told(ladder.tick(50 + WARM_AFTER_MS)), ['start ll-hls']);
});

test('a picture that comes too late, from a worse rung, changes nothing', () => {
  const ladder = new Ladder(ALL);
  ladder.begin(0);
  ladder.tick(400);
  ladder.pictured('webrtc', 500);
  assert.deepEqual(ladder.pictured('mse', 501), [], 'it was stopped');
  assert.deepEqual(ladder.failed('mse', 502), []);
});

test('when nothing worked a new round begins, later each time', () => {
  const ladder = new Ladder(ALL.slice(0, 2));
  ladder.begin(0);
  ladder.failed('webrtc', 10);
  assert.deepEqual(ladder.failed('mse', 20), []);
  assert.equal(ladder.rounds, 1);
  assert.equal(ladder.dueMs, 520);
  assert.deepEqual(told(ladder.tick(520)), ['start webrtc']);
  ladder.failed('webrtc', 530);
  ladder.failed('mse', 540);
  assert.equal(ladder.rounds, 2);
  assert.equal(ladder.dueMs, 1540);
  for (let round = 0; round < 9; round += 1) {
    const at = ladder.dueMs ?? 0;
    ladder.tick(at);
    for (const rung of ['webrtc', 'mse', 'webrtc']) ladder.failed(rung, at);
  }
  assert.equal(ladder.rounds, 11);
});

test('better rungs are probed in the background, at growing intervals that end below a minute', () => {
  const { ladder, now } = playing('mse');
  let last = now;
  const gaps = [];
  for (let probe = 0; probe < 8; probe += 1) {
    const at = ladder.dueMs ?? 0;
    gaps.push(at - last);
    assert.deepEqual(told(ladder.tick(at)), ['start webrtc']);
    assert.deepEqual(ladder.failed('webrtc', at), [], 'nobody notices');
    last = at;
  }
  assert.deepEqual(gaps.slice(0, 4), [FIRST_REST_MS, 10_000, 20_000, 40_000]);
  assert.equal(gaps.at(-1), LONGEST_REST_MS);
  assert.equal(ladder.shown, 'mse');
});

test('a probe that brings a picture takes over', () => {
  const { ladder } = playing('mse');
  const at = ladder.dueMs ?? 0;
  ladder.tick(at);
  assert.deepEqual(told(ladder.pictured('webrtc', at + 80)), ['show webrtc', 'stop mse']);
  assert.equal(ladder.dueMs, null);
});

test('a better rung that brings pictures has its time anew to bring steady ones', () => {
  const { ladder } = playing('mse');
  const at = /** @type {number} */ (ladder.dueMs);
  assert.deepEqual(told(ladder.tick(at)), ['start webrtc']);
  ladder.settles('webrtc', at + 1900);
  ladder.settles('hls', at + 1900);
  assert.deepEqual(ladder.trying, ['webrtc']);
  assert.deepEqual(ladder.tick(at + 3899), []);
  assert.deepEqual(told(ladder.pictured('webrtc', at + 3899)), ['show webrtc', 'stop mse']);
});

test('of several better rungs the best that has rested is probed', () => {
  const { ladder } = playing('ll-hls');
  const first = ladder.dueMs ?? 0;
  assert.deepEqual(told(ladder.tick(first)), ['start webrtc']);
  ladder.failed('webrtc', first);
  assert.deepEqual(told(ladder.tick(ladder.dueMs ?? 0)), ['start mse']);
});

test('a rung that had proved itself and then failed is tried again first, beside the next', () => {
  const { ladder, now } = playing('webrtc');
  const at = now + PROBATION_MS;
  assert.deepEqual(told(ladder.failed('webrtc', at)), ['start webrtc']);
  assert.equal(ladder.shown, null);
  assert.deepEqual(told(ladder.tick(at + WARM_AFTER_MS)), ['start mse']);
});

test('a rung that fails soon after it took over rests, and does not flap', () => {
  const { ladder } = playing('mse');
  const at = ladder.dueMs ?? 0;
  ladder.tick(at);
  ladder.pictured('webrtc', at + 80);
  assert.deepEqual(told(ladder.failed('webrtc', at + 3000)), ['start mse']);
  ladder.pictured('mse', at + 3200);
  assert.ok((ladder.dueMs ?? 0) >= at + 3000 + 2 * FIRST_REST_MS, 'twice as long as after its first failure');
});

test('a link that loses too much rests for half a minute, however long it had worked', () => {
  const { ladder, now } = playing('webrtc');
  const at = now + 10 * PROBATION_MS;
  assert.deepEqual(told(ladder.faltered(at, { loss: true })), ['start mse']);
  assert.deepEqual(told(ladder.failed('webrtc', at)), ['start ll-hls']);
  ladder.pictured('mse', at + 200);
  assert.equal(ladder.dueMs, at + LOSS_REST_MS);
});

test('a rung that the plan tries last is still the better one, and probed', () => {
  const ladder = new Ladder([ALL[1], ALL[2], ALL[0]]);
  assert.deepEqual(told(ladder.begin(0)), ['start mse']);
  assert.deepEqual(told(ladder.pictured('mse', 200)), ['show mse']);
  assert.equal(ladder.dueMs, 200 + FIRST_REST_MS);
  assert.deepEqual(told(ladder.tick(200 + FIRST_REST_MS)), ['start webrtc']);
});

test('a failure while a better rung is already on trial does not start that one twice', () => {
  const { ladder } = playing('mse');
  const at = ladder.dueMs ?? 0;
  ladder.tick(at);
  const actions = told(ladder.failed('mse', at + 100));
  assert.ok(!actions.includes('start webrtc'));
  assert.ok(ladder.trying.includes('webrtc'));
});

test('another network ends all rests', () => {
  const { ladder, now } = playing('mse');
  assert.deepEqual(told(ladder.moved(now + FIRST_REST_MS)), ['start webrtc']);
});

test('halting stops what is shown and what is tried, and it can begin again', () => {
  const ladder = new Ladder(ALL);
  ladder.begin(0);
  ladder.tick(400);
  ladder.pictured('mse', 500);
  assert.deepEqual(told(ladder.halt('hidden')), ['stop webrtc', 'stop mse']);
  assert.equal(ladder.dueMs, null);
  assert.deepEqual(told(ladder.begin(9000)), ['start webrtc']);
});

test('a plan without rungs does nothing', () => {
  const ladder = new Ladder([]);
  assert.deepEqual(ladder.begin(0), []);
  assert.equal(ladder.dueMs, null);
});

test('a rung nobody has heard of ranks last', () => {
  const ladder = new Ladder([{ rung: 'pigeon', timeoutMs: 1000 }, ALL[3]]);
  ladder.begin(0);
  ladder.tick(400);
  ladder.pictured('pigeon', 450);
  assert.deepEqual(told(ladder.pictured('hls', 500)), ['show hls', 'stop pigeon']);
});

test('a rung that is connected keeps the next from joining in for a moment', () => {
  const ladder = new Ladder(ALL);
  ladder.begin(0);
  ladder.near('webrtc', 100);
  assert.equal(ladder.dueMs, 100 + NEAR_MS);
  assert.deepEqual(ladder.tick(WARM_AFTER_MS), []);
  ladder.near('mse', 500);
  assert.equal(ladder.dueMs, 100 + NEAR_MS, 'it is not on trial');
  assert.deepEqual(told(ladder.tick(100 + NEAR_MS)), ['start mse']);
});

test('HLS, whose first picture takes longer by nature, does not join in so soon', () => {
  const ladder = new Ladder(ALL.slice(2));
  assert.deepEqual(told(ladder.begin(0)), ['start ll-hls']);
  assert.equal(ladder.dueMs, 2000);
});

test('while what is shown falters the others are tried beside it, and the first picture takes its place', () => {
  const { ladder, now } = playing('webrtc');
  assert.deepEqual(told(ladder.faltered(now)), ['start mse']);
  assert.deepEqual(ladder.faltered(now + 1), [], 'once');
  assert.equal(ladder.shown, 'webrtc');
  assert.deepEqual(told(ladder.tick(now + WARM_AFTER_MS)), ['start ll-hls']);
  const actions = ladder.pictured('mse', now + 500);
  assert.deepEqual(told(actions), ['show mse', 'stop webrtc', 'stop ll-hls']);
  assert.equal(actions[1].reason, 'no pictures arrived any more');
  assert.equal(ladder.dueMs, now + 500 + 2 * FIRST_REST_MS, 'what faltered at once is probed when it has rested');
});

test('what recovers stays, and the others stop', () => {
  const { ladder, now } = playing('webrtc');
  assert.deepEqual(ladder.recovered(), [], 'it was well');
  ladder.faltered(now);
  assert.deepEqual(told(ladder.recovered()), ['stop mse']);
  assert.equal(ladder.dueMs, null);
  assert.deepEqual(told(ladder.faltered(now + 1000)), ['start mse'], 'and may falter again');
});

test('what loses too much does not recover by itself, and rests for half a minute', () => {
  const { ladder, now } = playing('webrtc');
  ladder.faltered(now, { loss: true });
  assert.deepEqual(ladder.recovered(), []);
  const actions = ladder.pictured('mse', now + 300);
  assert.equal(ladder.dueMs, now + 300 + LOSS_REST_MS);
  assert.equal(actions.find(({ rung }) => rung === 'webrtc')?.reason, 'too many packets are lost');
});

test('that too much is lost may turn out while the others are tried because nothing arrived', () => {
  const { ladder, now } = playing('webrtc');
  ladder.faltered(now);
  assert.deepEqual(ladder.faltered(now + 100, { loss: true }), [], 'they are tried already');
  assert.deepEqual(ladder.faltered(now + 200), []);
  const actions = ladder.pictured('mse', now + 300);
  assert.equal(actions.find(({ rung }) => rung === 'webrtc')?.reason, 'too many packets are lost');
  assert.equal(ladder.dueMs, now + 300 + LOSS_REST_MS);
});

test('what falters is kept while nothing else works, round after round', () => {
  const { ladder, now } = playing('webrtc', ALL.slice(0, 2));
  assert.deepEqual(ladder.begin(now), [], 'there is nothing to begin');
  ladder.faltered(now);
  assert.deepEqual(ladder.failed('mse', now + 10), []);
  assert.equal(ladder.shown, 'webrtc');
  assert.equal(ladder.dueMs, now + 510);
  assert.deepEqual(told(ladder.tick(now + 510)), ['start mse']);
});

test('a rung that will never play here is not tried again', () => {
  const ladder = new Ladder(ALL.slice(0, 2));
  ladder.begin(0);
  assert.deepEqual(told(ladder.drop('webrtc', 1)), ['start mse']);
  assert.deepEqual(ladder.drop('mse', 2), []);
  assert.equal(ladder.hopeful, false);
  assert.equal(ladder.dueMs, null);
});

test('when what is shown turns out unplayable the others begin', () => {
  const { ladder, now } = playing('webrtc');
  assert.deepEqual(told(ladder.drop('webrtc', now)), ['start mse']);
  assert.equal(ladder.shown, null);
  assert.deepEqual(ladder.drop('hls', now), [], 'it was not on trial');
  ladder.failed('mse', now);
  assert.deepEqual(ladder.trying, ['ll-hls']);
});

test('a camera that is away ends all trials, and blames none of them', () => {
  const ladder = new Ladder(ALL);
  ladder.begin(0);
  ladder.tick(400);
  assert.deepEqual(told(ladder.suspend('the camera is away')), ['stop webrtc', 'stop mse']);
  assert.equal(ladder.dueMs, null);
  assert.deepEqual(told(ladder.begin(1000)), ['start webrtc']);
});

test('a plan that comes later adds what it has and stops what it has not', () => {
  const ladder = new Ladder(ALL.slice(0, 2));
  ladder.begin(0);
  const plan = [ALL[1], ALL[2]];
  assert.deepEqual(ladder.revise(plan, 50), [
    { do: 'stop', rung: 'webrtc', reason: 'not for this camera and browser' },
    { do: 'start', rung: 'mse' },
  ]);
  assert.deepEqual(told(ladder.tick(50 + WARM_AFTER_MS)), ['start ll-hls']);
});

test('a plan with one more rung lets it join in', () => {
  const ladder = new Ladder(ALL.slice(0, 1));
  ladder.begin(0);
  assert.deepEqual(ladder.revise(ALL.slice(0, 2), 50), []);
  assert.deepEqual(told(ladder.tick(50 + WARM_AFTER_MS)), ['start mse']);
});

test('a plan with fewer rungs keeps what is on trial, and nothing joins in', () => {
  const ladder = new Ladder(ALL);
  ladder.begin(0);
  assert.deepEqual(ladder.revise(ALL.slice(0, 1), 50), []);
  assert.equal(ladder.dueMs, 2000);
});

test('a plan that comes while pictures do starts nothing, and knows what to probe', () => {
  const { ladder, now } = playing('mse', ALL.slice(1));
  assert.equal(ladder.dueMs, null);
  assert.deepEqual(ladder.revise(ALL, now), []);
  assert.equal(ladder.dueMs, now + FIRST_REST_MS);
});

test('a plan of which nothing is left to start stops what it has not', () => {
  const ladder = new Ladder(ALL.slice(0, 1));
  ladder.begin(0);
  assert.deepEqual(told(ladder.revise([], 50)), ['stop webrtc']);
  assert.equal(ladder.hopeful, false);
});

test('when there is little hope for what is on trial, the next joins in at once', () => {
  const ladder = new Ladder(ALL);
  ladder.hasten(0);
  ladder.begin(0);
  ladder.hasten(20);
  assert.deepEqual(told(ladder.tick(20)), ['start mse']);
});

/**
 * Rungs whose first picture comes soon, the first of them being no good: for so long it brings pictures each time.
 *
 * @param {number} forMs
 * @param {{loss?: boolean}} [how]
 * @returns {number[]} when it was shown, within twenty minutes
 */
function shownTimes(forMs, how) {
  const ladder = new Ladder(ALL);
  /** @type {number[]} */
  const times = [];
  /** @type {[number, string][]} */
  const pictures = [];
  let endsAt = Infinity;
  /** @param {number} now @param {import('../../static/ladder.js').Action[]} actions */
  const act = (now, actions) => {
    for (const { do: what, rung } of actions) {
      if (what === 'start') pictures.push([now + 300, rung]);
      if (what !== 'show') continue;
      endsAt = rung === 'webrtc' ? now + forMs : Infinity;
      if (rung === 'webrtc') times.push(now);
    }
  };
  act(0, ladder.begin(0));
  for (let now = 0; now < 1_200_000; now += 50) {
    act(now, ladder.tick(now));
    while (pictures.length > 0 && pictures[0][0] <= now) act(now, ladder.pictured(String(pictures.shift()?.[1]), now));
    if (now >= endsAt) act(now, ladder.faltered(now, how));
  }
  return times;
}

test('a rung that freezes soon after each first picture is seen five times in twenty minutes', () => {
  assert.ok(shownTimes(2500).length <= 5, String(shownTimes(2500)));
});

test('a rung that loses too much soon after each first picture is seen four times in twenty minutes', () => {
  assert.ok(shownTimes(6000, { loss: true }).length <= 4, String(shownTimes(6000, { loss: true })));
});

test('a rung that fails after a minute each time is left alone for longer and longer', () => {
  const times = shownTimes(60_000);
  const gaps = times.slice(1).map((time, index) => time - times[index] - 60_000);
  assert.ok(gaps.every((gap, index) => index === 0 || gap > 1.5 * gaps[index - 1]), String(gaps));
  assert.ok(times.length <= 8);
});

test('another network makes up for a rung that was shown and failed', () => {
  const { ladder, now } = playing('webrtc');
  let at = now;
  for (let relapse = 0; relapse < 8; relapse += 1) {
    ladder.faltered(at);
    ladder.pictured(ladder.trying[0], at);
    assert.equal(ladder.shown, 'mse');
    at = ladder.dueMs ?? 0;
    ladder.tick(at);
    ladder.pictured('webrtc', at);
  }
  ladder.faltered(at);
  ladder.pictured('mse', at);
  assert.equal(ladder.dueMs, at + LONGEST_RELAPSE_REST_MS);
  assert.deepEqual(told(ladder.moved(at + FIRST_REST_MS)), ['start webrtc']);
});

test('what fails with the gateway or the camera is not to blame: it is tried again first, however often', () => {
  const { ladder, now } = playing('webrtc');
  for (let at = now; at < now + 50_000; at += 10_000) {
    assert.deepEqual(told(ladder.failed('webrtc', at, { blameless: true })), ['start webrtc']);
    ladder.pictured('webrtc', at + 100);
  }
});

test('a block that comes and goes is noticed to be gone within a minute', () => {
  const { ladder } = playing('webrtc');
  let now = 100_000;
  for (let block = 0; block < 3; block += 1) {
    // It had been good for half an hour.
    ladder.faltered(now);
    ladder.pictured('mse', now);
    for (let probe = 0; probe < 20; probe += 1) {
      const due = ladder.dueMs ?? 0;
      assert.ok(due - now <= LONGEST_REST_MS, `${due - now} ms`);
      now = due;
      assert.deepEqual(told(ladder.tick(now)), ['start webrtc']);
      if (probe < 19) ladder.failed('webrtc', now);
    }
    ladder.pictured('webrtc', now);
    now += 1_800_000;
  }
});

test('a plan that lacks the only rung still on trial begins another round with those that it has', () => {
  const ladder = new Ladder(ALL.slice(0, 3));
  ladder.begin(0);
  ladder.failed('webrtc', 100);
  ladder.failed('mse', 200);
  assert.deepEqual(ladder.trying, ['ll-hls']);
  assert.deepEqual(told(ladder.revise(ALL.slice(0, 2), 300)), ['stop ll-hls']);
  assert.equal(ladder.dueMs, 800);
  assert.deepEqual(told(ladder.tick(800)), ['start webrtc']);
});

test('a plan that has something to try again, after one that had nothing, begins with it', () => {
  const ladder = new Ladder(ALL.slice(0, 1));
  ladder.begin(0);
  ladder.revise([], 50);
  assert.deepEqual(told(ladder.revise(ALL.slice(1), 100)), ['start mse']);
});

test('what is shown, and was not in the last plan, is not tried beside itself when the next has it', () => {
  const { ladder, now } = playing('webrtc');
  ladder.revise(ALL.slice(1), now);
  ladder.faltered(now);
  assert.deepEqual(ladder.revise(ALL, now), []);
  assert.deepEqual(told(ladder.failed('mse', now + 1)), ['start ll-hls']);
});
