import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { LiveEdge } from '../../static/rungs/live-edge.js';

/**
 * Plays against a sender of pictures: `edge` decides, this is the element.
 *
 * @param {LiveEdge} edge
 * @param {{seconds: number, leadS: number, fps?: number, lateMs?: (index: number) => number, joined?: boolean}} scene
 */
function play(edge, { seconds, leadS, fps = 25, lateMs = () => 0, joined = true }) {
  if (joined) edge.joined();
  const pieceS = 1 / fps;
  let end = 100;
  let position = end - leadS;
  let nowMs = 0;
  let rate = 1;
  let stalls = 0;
  let jumps = 0;
  /** @type {number[]} */
  const rates = [];
  for (let index = 1; index <= seconds * fps; index += 1) {
    // A network keeps the order.
    const arrivesMs = Math.max(nowMs, index * pieceS * 1000 + lateMs(index));
    const playedS = ((arrivesMs - nowMs) / 1000) * rate;
    if (position + playedS > end) {
      stalls += 1;
      edge.stalled(nowMs + ((end - position) / rate) * 1000);
    }
    position = Math.min(end, position + playedS);
    nowMs = arrivesMs;
    const endBefore = end;
    end += pieceS;
    edge.arrived({ nowMs, position, endBefore, end });
    const decision = edge.decide({ nowMs, position, ranges: [[90, end]] });
    if (decision.seekTo !== null) {
      jumps += 1;
      position = decision.seekTo;
    }
    rate = decision.rate;
    rates.push(rate);
  }
  return { leadS: end - position, stalls, jumps, rates };
}

describe('LiveEdge', () => {
  it('plays faster, by no more than a twentieth, until little is held back', () => {
    const { leadS, jumps, stalls, rates } = play(new LiveEdge(), { seconds: 20, leadS: 0.6 });
    assert.ok(leadS < 0.16, String(leadS));
    assert.deepEqual({ jumps, stalls }, { jumps: 0, stalls: 0 });
    assert.ok(Math.max(...rates) <= 1.05 && Math.min(...rates) >= 0.95);
    assert.deepEqual(new Set(rates.slice(-100)), new Set([1]), 'and then at its own pace');
  });

  it('jumps over more than a second', () => {
    const { leadS, jumps } = play(new LiveEdge(), { seconds: 1, leadS: 5 });
    assert.equal(jumps, 1);
    assert.ok(leadS < 0.2, String(leadS));
  });

  it('jumps over less before the first picture was seen', () => {
    assert.equal(play(new LiveEdge(), { seconds: 0.2, leadS: 0.5, joined: false }).jumps, 1);
    assert.equal(play(new LiveEdge(), { seconds: 0.2, leadS: 0.5 }).jumps, 0);
  });

  it('holds back as much as an uneven network asks for, and no longer than it does', () => {
    const edge = new LiveEdge();
    const uneven = play(edge, { seconds: 30, leadS: 0.1, lateMs: (index) => (index % 25 === 0 ? 300 : 0) });
    assert.ok(uneven.stalls >= 1 && uneven.stalls <= 4, String(uneven.stalls));
    assert.ok(uneven.leadS > 0.25 && uneven.leadS < 0.8, String(uneven.leadS));
    assert.ok(edge.marginS > 0.1, String(edge.marginS));
    edge.decide({ nowMs: 200_000, position: 100, ranges: [[90, 100]] });
    assert.ok(edge.marginS < 0.06 && edge.marginS >= 0.05);
  });

  it('does not learn from an outage', () => {
    const edge = new LiveEdge();
    edge.joined();
    edge.stalled(1000);
    edge.arrived({ nowMs: 6000, position: 10, endBefore: 10, end: 10.04 });
    assert.equal(edge.marginS, 0.05);
  });

  it('goes to what there is when the position is outside of it', () => {
    const edge = new LiveEdge();
    edge.joined();
    const { seekTo } = edge.decide({ nowMs: 0, position: 10, ranges: [[0, 10], [12, 12.04]] });
    assert.equal(seekTo, 12);
    const back = new LiveEdge().decide({ nowMs: 0, position: 1000, ranges: [[0, 5]] });
    assert.ok(back.seekTo !== null && back.seekTo > 4.8 && back.seekTo < 5);
  });

  it('waits where there is nothing', () => {
    assert.deepEqual(new LiveEdge().decide({ nowMs: 0, position: 0, ranges: [] }), { rate: 1, seekTo: null });
  });

  it('stops jumping where each jump costs more than it brings', () => {
    const edge = new LiveEdge();
    edge.joined();
    let jumps = 0;
    for (let nowMs = 0; nowMs < 20_000; nowMs += 1000) {
      if (edge.decide({ nowMs, position: 0, ranges: [[0, 1.5]] }).seekTo !== null) jumps += 1;
    }
    assert.ok(jumps <= 3, String(jumps));
  });
});
