import assert from 'node:assert/strict';
import { it } from 'node:test';

import { retryDelayMs } from '../../static/retry.js';

const middle = { firstMs: 500, mostMs: 5000, random: () => 0.5 };

for (const [failures, expected] of [[0, 500], [1, 500], [2, 1000], [4, 4000], [5, 5000], [5000, 5000]]) {
  it(`waits ${expected} ms after ${failures} failures`, () => assert.equal(retryDelayMs(failures, middle), expected));
}

it('spreads a wall of tiles by a fifth either way', () => {
  assert.equal(retryDelayMs(1, { ...middle, random: () => 0 }), 400);
  assert.ok(Math.abs(retryDelayMs(1, { ...middle, random: () => 1 }) - 600) < 1e-9);
  const delay = retryDelayMs(3, { firstMs: 100, mostMs: 9999 });
  assert.ok(delay >= 320 && delay <= 480);
});
