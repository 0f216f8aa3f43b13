import assert from 'node:assert/strict';
import { it } from 'node:test';

import { trace } from '../../static/tile/sparkline.js';

const SIZE = { width: 590, height: 100 };

it('puts the newest value at the right edge, each second a step to the left of it', () => {
  const [run] = trace([10, 20, 30], SIZE);
  assert.deepEqual(run.map(({ x }) => Math.round(x)), [570, 580, 590]);
});

it('breaks the line where there were no pictures', () => {
  assert.deepEqual(trace([1, null, null, 2, 3], SIZE).map((run) => run.length), [1, 2]);
});

it('keeps every value on the canvas, the larger the higher', () => {
  const [run] = trace([0, 50, 400, -3], SIZE);
  assert.ok(run.every(({ y }) => y >= 0 && y <= 100));
  assert.ok(run[2].y < run[1].y && run[1].y < run[0].y);
});

it('does not blow up small differences', () => {
  const [run] = trace([4, 5], SIZE);
  assert.ok(run[0].y - run[1].y < 3);
});

it('draws nothing for nothing', () => assert.deepEqual(trace([], SIZE), []));
