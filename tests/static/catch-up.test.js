import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CatchUp } from '../../static/catch-up.js';

/**
 * @param {CatchUp} catchUp
 * @param {{fromMs: number, toMs: number, mediaMs: number, speed: number, everyMs?: number}} stretch
 * @returns {{marks: boolean[], mediaMs: number}}
 */
function play(catchUp, { fromMs, toMs, mediaMs, speed, everyMs = 16 }) {
  const marks = [];
  let media = mediaMs;
  for (let at = fromMs; at < toMs; at += everyMs) {
    marks.push(catchUp.add(at, media));
    media += everyMs * speed;
  }
  return { marks, mediaMs: media };
}

describe('CatchUp', () => {
  it('marks a fast-forwarded burst, and stops soon after it is over', () => {
    const catchUp = new CatchUp();
    const burst = play(catchUp, { fromMs: 0, toMs: 800, mediaMs: 0, speed: 9 });
    assert.ok(burst.marks.slice(2).every(Boolean), 'marked all along');
    const live = play(catchUp, { fromMs: 800, toMs: 1400, mediaMs: burst.mediaMs, speed: 1 });
    assert.ok(!live.marks.at(-1));
    assert.ok(live.marks.filter(Boolean).length * 16 <= 200, 'within 200 ms');
  });

  it('marks nothing where pictures come in real time, jitter included', () => {
    const catchUp = new CatchUp();
    for (let index = 0; index < 100; index += 1) {
      assert.equal(catchUp.add(index * 40 + (index % 3) * 10, index * 40), false);
    }
  });

  it('marks a fast-forward that takes longer than the opening two seconds, to its end', () => {
    const catchUp = new CatchUp();
    const burst = play(catchUp, { fromMs: 0, toMs: 3000, mediaMs: 0, speed: 2.5 });
    assert.equal(burst.marks.at(-1), true);
    play(catchUp, { fromMs: 3000, toMs: 3400, mediaMs: burst.mediaMs, speed: 1 });
    assert.equal(catchUp.catchingUp, false);
  });

  it('has nothing to do with hiccups after the opening', () => {
    const catchUp = new CatchUp();
    play(catchUp, { fromMs: 0, toMs: 2500, mediaMs: 0, speed: 1 });
    const later = play(catchUp, { fromMs: 4000, toMs: 4200, mediaMs: 2500, speed: 8 });
    assert.ok(later.marks.every((mark) => !mark));
  });
});
