import assert from 'node:assert/strict';
import { test } from 'node:test';

import { modeOf, MODES } from '../../static/modes.js';

test('each mode holds back more than the one before, over WebRTC and over the WebSocket', () => {
  for (const [index, mode] of MODES.slice(1).entries()) {
    const before = MODES[index];
    assert.ok(mode.delayMs > before.delayMs);
    assert.ok(mode.marginS.least > before.marginS.least);
  }
});

test('what is no mode is taken for the quickest', () => {
  for (const name of [null, undefined, '', 'turbo']) assert.equal(modeOf(name).name, 'ultra-low');
  assert.equal(modeOf('stable').name, 'stable');
});
