import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Health, rebuildAfterMs, silentAfterMs } from '../../static/health.js';

/** @param {Partial<import('../../static/health.js').Observation>} changes */
const at = (changes) => ({
  nowMs: 0,
  framesDecoded: 0,
  framesPresented: 0,
  cameraLive: true,
  gatewayReturned: false,
  fps: 25,
  gopS: 2,
  ...changes,
});

/**
 * A stream that plays until `stopMs`, observed every 500 ms until `untilMs`.
 *
 * @param {{stopMs: number, untilMs: number, facts?: object}} course
 */
function watch({ stopMs, untilMs, facts = {} }) {
  const health = new Health(0);
  /** @type {number | null} */
  let silentAt = null;
  /** @type {number | null} */
  let rebuildAt = null;
  for (let nowMs = 500; nowMs <= untilMs; nowMs += 500) {
    const frames = Math.min(nowMs, stopMs) / 40;
    const verdict = health.observe(at({ nowMs, framesPresented: frames, framesDecoded: frames, ...facts }));
    if (verdict.silent) silentAt ??= nowMs;
    if (verdict.rebuild) rebuildAt ??= nowMs;
  }
  return { health, silentAt, rebuildAt };
}

describe('thresholds', () => {
  for (const [fps, expected] of [
    [25, 1500],
    [undefined, 1500],
    [0, 1500],
    [1, 4000],
    [0.2, 20_000],
  ]) {
    it(`${fps} fps is silent after ${expected} ms`, () => assert.equal(silentAfterMs(fps), expected));
  }

  for (const [fps, gopS, expected] of [
    [25, 2, 4000],
    [25, 10, 12_000],
    [25, null, 4000],
    [0.2, 2, 20_000],
  ]) {
    it(`${fps} fps with a GOP of ${gopS} s is rebuilt after ${expected} ms`, () => {
      assert.equal(rebuildAfterMs(/** @type {number} */ (fps), gopS), expected);
    });
  }
});

describe('Health', () => {
  it('finds nothing wrong while pictures come', () => {
    const { health, silentAt } = watch({ stopMs: 60_000, untilMs: 60_000 });
    assert.equal(silentAt, null);
    assert.equal(health.stalls, 0);
  });

  it('reports silence first, and a rebuild when the next keyframe is overdue', () => {
    const { health, silentAt, rebuildAt } = watch({ stopMs: 10_000, untilMs: 20_000 });
    assert.equal(silentAt, 12_000);
    assert.equal(rebuildAt, 14_500);
    assert.equal(health.stalls, 1);
  });

  it('leaves a long GOP its time', () => {
    assert.equal(watch({ stopMs: 10_000, untilMs: 30_000, facts: { gopS: 10 } }).rebuildAt, 22_500);
  });

  it('never rebuilds while the camera is away: the gateway resumes this connection', () => {
    const { silentAt, rebuildAt } = watch({ stopMs: 10_000, untilMs: 600_000, facts: { cameraLive: false } });
    assert.equal(silentAt, 12_000);
    assert.equal(rebuildAt, null);
  });

  it('gives a returned camera the same time again before it rebuilds', () => {
    const health = new Health(0);
    health.observe(at({ nowMs: 60_000, cameraLive: false }));
    assert.equal(health.observe(at({ nowMs: 60_500 })).rebuild, false);
    assert.equal(health.observe(at({ nowMs: 64_000 })).rebuild, false);
    assert.equal(health.observe(at({ nowMs: 64_600 })).rebuild, true);
  });

  it('rebuilds at once when the gateway itself was away', () => {
    const health = new Health(0);
    health.observe(at({ nowMs: 8000, cameraLive: false }));
    assert.equal(health.observe(at({ nowMs: 8500, gatewayReturned: true })).rebuild, false);
    assert.equal(health.observe(at({ nowMs: 9500, gatewayReturned: true })).rebuild, true);
  });

  it('counts pictures that are decoded but not shown, as in a covered window', () => {
    const health = new Health(0);
    for (let nowMs = 1000; nowMs < 20_000; nowMs += 1000) {
      assert.equal(health.observe(at({ nowMs, framesDecoded: nowMs / 40, framesPresented: 0 })).silent, false);
    }
  });

  it('does not take a late count of decoded pictures for new ones', () => {
    const health = new Health(0);
    health.observe(at({ nowMs: 1000, framesPresented: 25 }));
    health.observe(at({ nowMs: 1900, framesPresented: 25, framesDecoded: 25 }));
    assert.equal(health.observe(at({ nowMs: 2600, framesPresented: 25, framesDecoded: 25 })).silent, true);
  });

  it('counts each stall once', () => {
    const health = new Health(0);
    for (const [nowMs, framesPresented] of [[2000, 0], [3000, 0], [3100, 1], [6000, 1], [7000, 1]]) {
      health.observe(at({ nowMs, framesPresented }));
    }
    assert.equal(health.stalls, 2);
  });

  it('forgives the time nobody could see it', () => {
    const health = new Health(0);
    assert.equal(health.observe(at({ nowMs: 9000 })).silent, true);
    health.forgive(10_000);
    assert.deepEqual(health.observe(at({ nowMs: 10_500 })), { silent: false, silentMs: 500, rebuild: false });
  });
});
