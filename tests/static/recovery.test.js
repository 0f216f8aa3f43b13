import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { rebuildAfterMs, Recovery, silentAfterMs } from '../../static/recovery.js';

/** @param {Partial<import('../../static/recovery.js').Observation>} changes */
const at = (changes) => ({
  nowMs: 0,
  framesDecoded: 0,
  framesPresented: 0,
  bytesReceived: 0,
  cameraLive: true,
  gatewayThere: true,
  gatewayHeard: false,
  mending: false,
  mendable: false,
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
  const recovery = new Recovery(0);
  /** @type {number | null} */
  let silentAt = null;
  /** @type {number | null} */
  let rebuildAt = null;
  for (let nowMs = 500; nowMs <= untilMs; nowMs += 500) {
    const frames = Math.min(nowMs, stopMs) / 40;
    const verdict = recovery.observe(at({ nowMs, framesPresented: frames, framesDecoded: frames, ...facts }));
    if (verdict.silent) silentAt ??= nowMs;
    if (verdict.step === 'reconnect') rebuildAt ??= nowMs;
  }
  return { recovery, silentAt, rebuildAt };
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

  it('what comes in segments is silent a segment later, and rebuilt no sooner', () => {
    assert.equal(silentAfterMs(25, 6), 7500);
    assert.equal(rebuildAfterMs(25, 2, 6), 7500);
    assert.equal(rebuildAfterMs(25, 10, 6), 12_000);
  });

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

describe('Recovery', () => {
  it('finds nothing wrong while pictures come', () => {
    const { recovery, silentAt } = watch({ stopMs: 60_000, untilMs: 60_000 });
    assert.equal(silentAt, null);
    assert.equal(recovery.stalls, 0);
  });

  it('reports silence first, and a rebuild when the next keyframe is overdue', () => {
    const { recovery, silentAt, rebuildAt } = watch({ stopMs: 10_000, untilMs: 20_000 });
    assert.equal(silentAt, 12_000);
    assert.equal(rebuildAt, 14_500);
    assert.equal(recovery.stalls, 1);
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
    const recovery = new Recovery(0);
    recovery.observe(at({ nowMs: 60_000, cameraLive: false }));
    assert.equal(recovery.observe(at({ nowMs: 60_500 })).step, null);
    assert.equal(recovery.observe(at({ nowMs: 64_000 })).step, null);
    assert.equal(recovery.observe(at({ nowMs: 64_600 })).step, 'reconnect');
  });

  it('rebuilds at once when the gateway itself was away', () => {
    const recovery = new Recovery(0);
    recovery.observe(at({ nowMs: 8000, cameraLive: false }));
    assert.equal(recovery.observe(at({ nowMs: 8500, gatewayReturned: true })).step, null);
    assert.equal(recovery.observe(at({ nowMs: 9500, gatewayReturned: true })).step, 'reconnect');
  });

  it('counts pictures that are decoded but not shown, as in a covered window', () => {
    const recovery = new Recovery(0);
    for (let nowMs = 1000; nowMs < 20_000; nowMs += 1000) {
      assert.equal(recovery.observe(at({ nowMs, framesDecoded: nowMs / 40, framesPresented: 0 })).silent, false);
    }
  });

  it('does not take a late count of decoded pictures for new ones', () => {
    const recovery = new Recovery(0);
    recovery.observe(at({ nowMs: 1000, framesPresented: 25 }));
    recovery.observe(at({ nowMs: 1900, framesPresented: 25, framesDecoded: 25 }));
    assert.equal(recovery.observe(at({ nowMs: 2600, framesPresented: 25, framesDecoded: 25 })).silent, true);
  });

  it('counts each stall once', () => {
    const recovery = new Recovery(0);
    for (const [nowMs, framesPresented] of [[2000, 0], [3000, 0], [3100, 1], [6000, 1], [7000, 1]]) {
      recovery.observe(at({ nowMs, framesPresented }));
    }
    assert.equal(recovery.stalls, 2);
  });

  it('takes a picture or two that were decoded last, and not shown any more, for no progress', () => {
    const recovery = new Recovery(0);
    recovery.observe(at({ nowMs: 1000, framesPresented: 25, framesDecoded: 25 }));
    recovery.observe(at({ nowMs: 2000, framesPresented: 25, framesDecoded: 27 }));
    assert.equal(recovery.observe(at({ nowMs: 2600, framesPresented: 25, framesDecoded: 27 })).silent, true);
  });

  it('counts each picture of a camera that sends few', () => {
    const recovery = new Recovery(0);
    for (let nowMs = 1000; nowMs < 20_000; nowMs += 1000) {
      assert.equal(recovery.observe(at({ nowMs, fps: 1, framesDecoded: nowMs / 1000 })).silent, false);
    }
  });

  it('counts from the moment of the last picture, not from when it was told of', () => {
    const recovery = new Recovery(0);
    recovery.observe(at({ nowMs: 5000, framesPresented: 10, presentedAtMs: 4600 }));
    assert.equal(recovery.observe(at({ nowMs: 6000, framesPresented: 10, presentedAtMs: 4600 })).silentMs, 1400);
    assert.equal(recovery.observe(at({ nowMs: 6150, framesPresented: 10, presentedAtMs: 4600 })).silent, true);
  });

  it('forgives the time nobody could see it', () => {
    const recovery = new Recovery(0);
    assert.equal(recovery.observe(at({ nowMs: 9000 })).silent, true);
    recovery.forgive(10_000);
    assert.deepEqual(recovery.observe(at({ nowMs: 10_500 })), {
      silent: false,
      silentMs: 500,
      cause: null,
      step: null,
    });
  });

  it('forgets a camera that is away, and a gateway that is, as causes of what follows', () => {
    const recovery = new Recovery(0);
    assert.equal(recovery.observe(at({ nowMs: 9000, cameraLive: false })).cause, 'camera');
    assert.equal(recovery.observe(at({ nowMs: 9500, gatewayThere: false })).cause, 'gateway');
    assert.equal(recovery.observe(at({ nowMs: 9500 })).cause, 'network');
  });
});

/**
 * What is done about a stream that played for 10 s, was silent from then on, and is watched every 500 ms for 10 s.
 *
 * @param {(nowMs: number) => Partial<import('../../static/recovery.js').Observation>} facts
 */
function steps(facts) {
  const recovery = new Recovery(0);
  recovery.observe(at({ nowMs: 10_000, framesPresented: 250, framesDecoded: 250, bytesReceived: 5e6 }));
  /** @type {string[]} */
  const taken = [];
  for (let nowMs = 10_500; nowMs <= 20_000; nowMs += 500) {
    const frames = { framesPresented: 250, framesDecoded: 250, bytesReceived: 5e6 };
    const { cause, step } = recovery.observe(at({ nowMs, ...frames, ...facts(nowMs) }));
    if (step) taken.push(`${(nowMs - 10_000) / 1000} s ${cause}: ${step}`);
    if (step === 'reconnect') break;
  }
  return taken;
}

describe('what is done about a silence', () => {
  it('of a decoder: its stream anew, then the connection', () => {
    const flowing = (/** @type {number} */ nowMs) => ({ bytesReceived: nowMs * 500 });
    assert.deepEqual(steps(flowing), ['2 s decoder: reattach', '4.5 s decoder: reconnect']);
  });

  it('of a link that loses too much: others, when the gateway had its time; the connection long afterwards', () => {
    const lossy = (/** @type {number} */ nowMs) => ({ bytesReceived: nowMs * 500, lossRatio: 0.6, gatewayHeard: true, mendable: true });
    assert.deepEqual(steps(lossy), ['4.5 s loss: others']);
    const recovery = new Recovery(0);
    const verdict = (/** @type {number} */ nowMs) => recovery.observe(at({ nowMs, ...lossy(nowMs) }));
    assert.equal(verdict(1000).step, null);
    assert.equal(verdict(5100).step, 'others');
    assert.equal(verdict(12_900).step, null);
    assert.equal(verdict(13_100).step, 'mend');
  });

  it('of a decoder, where what is lost can be sent again', () => {
    const bearable = (/** @type {number} */ nowMs) => ({ bytesReceived: nowMs * 500, lossRatio: 0.19 });
    assert.deepEqual(steps(bearable), ['2 s decoder: reattach', '4.5 s decoder: reconnect']);
  });

  it('of a rung that can get its connection back: that, when the next keyframe is overdue', () => {
    assert.deepEqual(steps(() => ({ mendable: true })), ['4.5 s network: mend', '5 s network: reconnect']);
  });

  it('is met sooner where the gateway is heard: it is this way alone that is blocked', () => {
    const blocked = (/** @type {number} */ nowMs) => ({ mendable: true, gatewayHeard: true, mending: nowMs > 12_000 });
    assert.deepEqual(steps(blocked), ['2 s network: mend', '2.5 s network: others']);
  });

  it('tries others beside a rung that has no connection to mend', () => {
    assert.deepEqual(steps(() => ({ gatewayHeard: true })), ['2.5 s network: others', '4.5 s network: reconnect']);
  });

  it('leaves a connection that is being mended alone while nothing is heard at all', () => {
    assert.deepEqual(steps(() => ({ mending: true })), []);
  });

  it('does nothing while the gateway is away', () => {
    assert.deepEqual(steps(() => ({ gatewayThere: false, mendable: true })), []);
  });

  it('begins anew in the next silence', () => {
    const recovery = new Recovery(0);
    const facts = { mendable: true, gatewayHeard: true };
    recovery.observe(at({ nowMs: 0, ...facts }));
    assert.equal(recovery.observe(at({ nowMs: 2000, ...facts })).step, 'mend');
    assert.equal(recovery.observe(at({ nowMs: 2200, ...facts })).step, null);
    assert.equal(recovery.observe(at({ nowMs: 2600, framesPresented: 1, ...facts })).cause, null);
    assert.equal(recovery.observe(at({ nowMs: 4600, framesPresented: 1, ...facts })).step, 'mend');
    assert.equal(recovery.stalls, 2);
  });
});
