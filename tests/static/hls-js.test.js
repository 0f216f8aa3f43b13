import assert from 'node:assert/strict';
import { it } from 'node:test';

import { mostBehindS } from '../../static/rungs/hls-js.js';

for (const [name, playlist, leastS, expected] of /** @type {[string, Parameters<typeof mostBehindS>[0], number, number][]} */ ([
  ['jumps where the mode says', { lowLatency: true, targetLatencyS: 0.6, targetDurationS: 1, startsAtS: null }, 4, 4],
  ['lets stalls move it further back than that', { lowLatency: true, targetLatencyS: 4.6, targetDurationS: 4, startsAtS: null }, 4, 5.6],
  ['leaves room where segments are long', { lowLatency: false, targetLatencyS: 30, targetDurationS: 10, startsAtS: null }, 15, 40],
  ['does not jump where there is no picture to begin with', { lowLatency: true, targetLatencyS: 0.6, targetDurationS: 4, startsAtS: 0 }, 4, Infinity],
])) {
  it(name, () => assert.equal(mostBehindS(playlist, leastS), expected));
}
