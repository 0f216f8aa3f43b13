import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Settling } from '../../static/settling.js';

const PICTURE_MS = 33;

/**
 * @param {Settling} settling
 * @param {number} fromMs
 * @param {{everyMs?: number, catchingUpUntilMs?: number}} [how]
 * @returns {number} when it may be shown; it began at 0
 */
function shownAt(settling, fromMs, { everyMs = PICTURE_MS, catchingUpUntilMs = 0 } = {}) {
  let now = fromMs;
  while (!settling.picture(now, { catchingUp: now < catchingUpUntilMs })) now += everyMs;
  return now;
}

describe('Settling', () => {
  it('takes a quarter of a second of regular pictures', () => {
    const at = shownAt(new Settling(0, { regularly: true }), PICTURE_MS);
    assert.ok(at >= 250 && at < 250 + PICTURE_MS);
  });

  it('begins anew where a picture is long in coming', () => {
    const settling = new Settling(0, { regularly: true });
    assert.equal(settling.picture(200, { catchingUp: false }), false);
    assert.equal(settling.picture(400, { catchingUp: false }), false);
    const at = shownAt(settling, 430);
    assert.ok(at >= 650 && at < 650 + PICTURE_MS);
  });

  it('waits for pictures of now, and then for regular ones', () => {
    const at = shownAt(new Settling(0, { regularly: true }), PICTURE_MS, { catchingUpUntilMs: 600 });
    assert.ok(at >= 600 - PICTURE_MS + 250 && at <= 600 + 250 + PICTURE_MS);
  });

  it('does not wait for what will not come', () => {
    assert.equal(shownAt(new Settling(0, { regularly: true }), 1000, { everyMs: 1000 }), 2000);
    assert.equal(shownAt(new Settling(0, { regularly: true }), 50, { everyMs: 50, catchingUpUntilMs: 9000 }), 1750);
  });

  it('asks for no regular pictures where those that are seen come no better', () => {
    assert.equal(shownAt(new Settling(0, { regularly: false }), 300, { everyMs: 300 }), 300);
  });
});
