import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODES } from '../../static/modes.js';
import { hlsConfig } from '../../static/rungs/hls-js.js';
import { hlsValues, slackens } from '../../static/rungs/hls-values.js';

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
