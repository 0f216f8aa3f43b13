import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { BackBuffer } from '../../static/rungs/back-buffer.js';

describe('BackBuffer', () => {
  for (const [name, keyframes, buffer, hard, expected] of /** @type {const} */ ([
    ['nothing without a keyframe behind the picture', [0], { start: 0, position: 30, end: 30.1 }, false, null],
    ['up to the last keyframe a second behind', [0, 2, 4], { start: 0, position: 5.2, end: 5.3 }, false, 4],
    ['not up to one that was just shown', [0, 2, 4], { start: 0, position: 4.5, end: 4.6 }, false, 2],
    ['that too when there is no room', [0, 2, 4], { start: 0, position: 4.5, end: 4.6 }, true, 4],
    ['what was not shown either, when nobody looks', [0, 2, 4, 10], { start: 0, position: 1, end: 21 }, false, 10],
  ])) {
    it(`lets go ${name}`, () => {
      const back = new BackBuffer();
      for (const at of keyframes) back.keyframe(at);
      assert.equal(back.removable(buffer, { hard }), expected);
    });
  }

  it('asks for the same only once, whatever the browser makes of it', () => {
    const back = new BackBuffer();
    for (const at of [0, 2, 4]) back.keyframe(at);
    assert.equal(back.removable({ start: 0, position: 6, end: 6.1 }), 4);
    assert.equal(back.removable({ start: 3.99, position: 6, end: 6.1 }), null);
  });

  it('forgets what is gone', () => {
    const back = new BackBuffer();
    back.keyframe(2);
    back.clear();
    assert.equal(back.removable({ start: 0, position: 6, end: 6.1 }), null);
  });

  it('remembers a bounded number', () => {
    const back = new BackBuffer();
    for (let at = 0; at < 1000; at += 1) back.keyframe(at);
    assert.equal(back.removable({ start: 0, position: 700, end: 705 }), null);
    assert.equal(back.removable({ start: 0, position: 999, end: 1000 }), 998);
  });
});
