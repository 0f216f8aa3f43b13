import assert from 'node:assert/strict';
import { it } from 'node:test';

import { mostBehindS } from '../../static/rungs/hls-js.js';

for (const [name, playlist, expected] of /** @type {[string, Parameters<typeof mostBehindS>[0], number][]} */ ([
  ['jumps from four seconds on with low latency', { lowLatency: true, targetLatencyS: 0.6, targetDurationS: 1, startsAtS: null }, 4],
  ['lets stalls move it further back than that', { lowLatency: true, targetLatencyS: 4.6, targetDurationS: 4, startsAtS: null }, 5.6],
  ['jumps from fifteen seconds on without', { lowLatency: false, targetLatencyS: 3, targetDurationS: 1, startsAtS: null }, 15],
  ['leaves room where segments are long', { lowLatency: false, targetLatencyS: 30, targetDurationS: 10, startsAtS: null }, 40],
  ['does not jump where there is no picture to begin with', { lowLatency: true, targetLatencyS: 0.6, targetDurationS: 4, startsAtS: 0 }, Infinity],
])) {
  it(name, () => assert.equal(mostBehindS(playlist), expected));
}
