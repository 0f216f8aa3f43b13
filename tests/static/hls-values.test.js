import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODES } from '../../static/modes.js';
import { hlsConfig } from '../../static/rungs/hls-js.js';
import { hlsValues, hurries, nearestS, slackens } from '../../static/rungs/hls-values.js';

const TIERS = /** @type {const} */ (['desktop', 'mobile', 'low-end']);
const NAMES = MODES.map(({ name }) => name);

for (const tier of TIERS) {
  test(`each mode is further behind than the one before, and jumps later: ${tier}`, () => {
    for (const [index, name] of NAMES.slice(1).entries()) {
      const [before, values] = [hlsValues(NAMES[index], tier), hlsValues(name, tier)];
      assert.ok((values.behindS ?? 0) > (before.behindS ?? 0));
      assert.ok(values.mostBehindS > before.mostBehindS);
    }
  });

  test(`what is fetched ahead reaches from where it plays to where it jumps: ${tier}`, () => {
    for (const name of NAMES) {
      const { behindS, mostBehindS, aheadS } = hlsValues(name, tier);
      assert.ok(mostBehindS > (behindS ?? 0));
      assert.ok(aheadS >= mostBehindS);
    }
  });
}

test('a smaller device keeps no more than a larger one', () => {
  for (const name of NAMES) {
    for (const [index, tier] of TIERS.slice(1).entries()) {
      assert.ok(hlsValues(name, tier).keptBehindS <= hlsValues(name, TIERS[index]).keptBehindS);
    }
  }
});

test('parts are fetched only where a rung is of low latency and its mode near to live', () => {
  /** @param {boolean} lowLatency @param {string} mode */
  const byParts = (lowLatency, mode) => hlsConfig({ lowLatency }, hlsValues(mode, 'desktop')).lowLatencyMode;
  assert.deepEqual(NAMES.map((name) => byParts(true, name)), [true, true, false]);
  assert.deepEqual(NAMES.map((name) => byParts(false, name)), [false, false, false]);
});

for (const [name, state, expected] of /** @type {[string, Parameters<typeof slackens>[0], boolean][]} */ ([
  ['slows down where a playlist had just begun', { behindS: 0.5, wantedS: 6, slackened: false }, true],
  ['does not for a little', { behindS: 5.8, wantedS: 6, slackened: false }, false],
  ['goes on with that until it is there', { behindS: 5.8, wantedS: 6, slackened: true }, true],
  ['is there then', { behindS: 5.96, wantedS: 6, slackened: true }, false],
  ['leaves what is too far behind', { behindS: 9, wantedS: 6, slackened: false }, false],
])) {
  test(name, () => assert.equal(slackens(state), expected));
}

for (const [name, state, expected] of /** @type {[string, Parameters<typeof hurries>[0], boolean][]} */ ([
  ['hurries where it fell behind', { behindS: 8.5, wantedS: 4.5, leftS: 5, hurried: false }, true],
  ['does not for what a late playlist explains', { behindS: 4.9, wantedS: 4.5, leftS: 3, hurried: false }, false],
  ['goes on hurrying until it is there', { behindS: 4.6, wantedS: 4.5, leftS: 3, hurried: true }, true],
  ['has caught up then', { behindS: 4.54, wantedS: 4.5, leftS: 3, hurried: true }, false],
  ['does not hurry into a stall', { behindS: 8.5, wantedS: 4.5, leftS: 0.9, hurried: true }, false],
])) {
  test(name, () => assert.equal(hurries(state), expected));
}

test('a playlist of parts says how near it may be played', () => {
  const details = { partHoldBack: 0.6, holdBack: 6, targetduration: 2, canBlockReload: true, fragments: [] };
  assert.equal(nearestS(details, { byParts: true }), 0.6);
  assert.equal(nearestS({ ...details, partHoldBack: 0 }, { byParts: true }), 3, 'it has no parts after all');
});

test('whole segments are played half as far behind where a playlist comes as soon as there is another one', () => {
  /** @param {number} targetduration @param {boolean} canBlockReload */
  const behind = (targetduration, canBlockReload) =>
    nearestS(
      { partHoldBack: 0.6, holdBack: 3 * targetduration, targetduration, canBlockReload, fragments: [{ duration: targetduration }] },
      { byParts: false },
    );
  assert.deepEqual([1, 2, 3, 10].map((targetduration) => behind(targetduration, true)), [2, 3, 4.5, 15]);
  assert.deepEqual([1, 2, 3, 10].map((targetduration) => behind(targetduration, false)), [3, 6, 9, 30]);
  assert.equal(nearestS({ partHoldBack: 0, holdBack: 0, targetduration: 3, canBlockReload: false, fragments: [] }, { byParts: false }), 4.5);
});

test('segments that are far shorter than the playlist allows are played nearer', () => {
  /** @param {number[]} durations */
  const behind = (durations) => {
    const fragments = durations.map((duration) => ({ duration }));
    return nearestS({ partHoldBack: 0.6, holdBack: 12, targetduration: 4, canBlockReload: true, fragments }, { byParts: false });
  };
  assert.deepEqual([[], [0.2, 1], [1, 0.96], [1.6, 2], [4, 1]].map(behind), [6, 3, 3, 5, 6]);
});
