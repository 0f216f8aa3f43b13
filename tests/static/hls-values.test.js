import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODES } from '../../static/modes.js';
import { hlsConfig } from '../../static/rungs/hls-js.js';
import { hlsValues } from '../../static/rungs/hls-values.js';

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

test('a smaller device keeps no more and hurries no more than a larger one', () => {
  for (const name of NAMES) {
    for (const [index, tier] of TIERS.slice(1).entries()) {
      const [larger, smaller] = [hlsValues(name, TIERS[index]), hlsValues(name, tier)];
      assert.ok(smaller.keptBehindS <= larger.keptBehindS);
      assert.ok(smaller.fastest <= larger.fastest);
    }
  }
});
