import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { measureExchange, StreamClock, wrappedDifference } from '../../static/clock.js';

/** @param {{offsetS: number, thereS?: number, backS?: number}} way @returns the reply, and when it arrived */
function exchange({ offsetS, thereS = 0.01, backS = 0.01 }, extra = {}) {
  const t0 = 1000;
  const t1 = t0 + thereS + offsetS;
  const t2 = t1 + 0.002;
  return { reply: { t0, t1, t2, ...extra }, t3Ms: (t2 - offsetS + backS) * 1000 };
}

describe('wrappedDifference', () => {
  for (const [later, earlier, expected] of [
    [5, 3, 2],
    [3, 5, -2],
    [2, 2 ** 32 - 3, 5],
    [2 ** 32 - 3, 2, -5],
    [2 ** 31 - 1, 0, 2 ** 31 - 1],
    [2 ** 31, 0, -(2 ** 31)],
    [1_790_000_000_000, 1_790_000_000_000 % 2 ** 32, 0],
  ]) {
    it(`${later} − ${earlier} is ${expected}`, () => assert.equal(wrappedDifference(later, earlier), expected));
  }
});

describe('measureExchange', () => {
  it('finds the offset exactly when both ways take as long', () => {
    const { reply, t3Ms } = exchange({ offsetS: 3.5 });
    const { offsetMs, roundTripMs } = measureExchange(reply, t3Ms);
    assert.ok(Math.abs(offsetMs - 3500) < 1e-3);
    assert.ok(Math.abs(roundTripMs - 20) < 1e-3);
  });

  it('is wrong by half the difference of the two ways', () => {
    const { reply, t3Ms } = exchange({ offsetS: 0, thereS: 0.03, backS: 0.01 });
    assert.ok(Math.abs(measureExchange(reply, t3Ms).offsetMs - 10) < 1e-3);
  });
});

describe('StreamClock', () => {
  it('knows nothing before the first exchange', () => {
    const clock = new StreamClock();
    assert.equal(clock.offsetMs, null);
    assert.equal(clock.roundTripMs, null);
    assert.equal(clock.latencyMs(1, 1), null);
  });

  it('trusts the quickest of the last exchanges', () => {
    const clock = new StreamClock();
    for (const way of [{ thereS: 0.2 }, { thereS: 0.005, backS: 0.005 }, { thereS: 0.4 }]) {
      const { reply, t3Ms } = exchange({ offsetS: 1, ...way });
      clock.add(reply, t3Ms);
    }
    assert.ok(Math.abs(/** @type {number} */ (clock.offsetMs) - 1000) < 1e-3);
    assert.ok(Math.abs(/** @type {number} */ (clock.roundTripMs) - 10) < 1e-3);
  });

  it('forgets an old quick exchange, for clocks drift', () => {
    const clock = new StreamClock();
    const quick = exchange({ offsetS: 1, thereS: 0, backS: 0 });
    clock.add(quick.reply, quick.t3Ms);
    for (let count = 0; count < 8; count += 1) {
      const { reply, t3Ms } = exchange({ offsetS: 2 });
      clock.add(reply, t3Ms);
    }
    assert.ok(Math.abs(/** @type {number} */ (clock.offsetMs) - 2000) < 1e-3);
  });

  it('ignores an exchange that ended before it began, and one without numbers', () => {
    const clock = new StreamClock();
    clock.add({ t0: 10, t1: 10, t2: 12 }, 10_500);
    clock.add({ t0: 10, t1: NaN, t2: 12 }, 20_000);
    assert.equal(clock.offsetMs, null);
  });

  it('maps RTP time to latency across the wrap, on the gateway’s clock', () => {
    const clock = new StreamClock();
    const { reply, t3Ms } = exchange(
      { offsetS: 5 },
      { rtp_timestamp: 2 ** 32 - 90, clock_rate: 90_000, captured_at: 1005 },
    );
    clock.add(reply, t3Ms);
    // 90 + 9000 ticks later is 101 ms after the capture; it is 1000.2 s here, 1005.2 s there.
    const latencyMs = /** @type {number} */ (clock.latencyMs(9000, 1_000_200));
    assert.ok(Math.abs(latencyMs - 99) < 0.01, String(latencyMs));
  });

  it('keeps the offset and drops the mapping when the stream changes', () => {
    const clock = new StreamClock();
    const { reply, t3Ms } = exchange({ offsetS: 5 }, { rtp_timestamp: 0, clock_rate: 90_000, captured_at: 1005 });
    clock.add(reply, t3Ms);
    clock.forgetStream();
    assert.equal(clock.latencyMs(0, 1_000_000), null);
    assert.notEqual(clock.offsetMs, null);
  });

  it('has no latency while the gateway has no mapping', () => {
    const clock = new StreamClock();
    const { reply, t3Ms } = exchange({ offsetS: 5 }, { rtp_timestamp: null, clock_rate: null, captured_at: null });
    clock.add(reply, t3Ms);
    assert.equal(clock.latencyMs(0, 1_000_000), null);
  });
});
