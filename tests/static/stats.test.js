import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { rates, readCounters } from '../../static/stats.js';

const INBOUND = {
  id: 'in',
  type: 'inbound-rtp',
  kind: 'video',
  framesDecoded: 100,
  framesDropped: 1,
  packetsReceived: 1000,
  packetsLost: 10,
  bytesReceived: 500_000,
  freezeCount: 2,
  jitterBufferDelay: 1,
  jitterBufferEmittedCount: 100,
  frameWidth: 1280,
  frameHeight: 720,
  decoderImplementation: 'FFmpeg',
};

/** @param {object} local */
const report = (local) => [
  { id: 'audio', type: 'inbound-rtp', kind: 'audio', framesDecoded: 7 },
  INBOUND,
  { id: 'other', type: 'candidate-pair', nominated: true, state: 'succeeded', localCandidateId: 'x' },
  { id: 'pair', type: 'candidate-pair', state: 'succeeded', localCandidateId: 'local', currentRoundTripTime: 0.012 },
  { id: 'local', type: 'local-candidate', candidateType: 'host', protocol: 'udp', ...local },
  { id: 'transport', type: 'transport', selectedCandidatePairId: 'pair' },
];

describe('readCounters', () => {
  for (const [local, transport] of /** @type {[object, string][]} */ ([
    [{}, 'UDP'],
    [{ protocol: 'tcp' }, 'TCP'],
    [{ candidateType: 'relay' }, 'relay'],
  ])) {
    it(`names the selected pair ${transport}`, () => {
      const counters = readCounters(report(local), 5);
      assert.equal(counters.transport, transport);
      assert.equal(counters.roundTripMs, 12);
    });
  }

  it('reads the video and not the sound', () => {
    const { framesDecoded, width, decoder, freezes, atMs } = readCounters(report({}), 5);
    assert.deepEqual({ framesDecoded, width, decoder, freezes, atMs }, { framesDecoded: 100, width: 1280, decoder: 'FFmpeg', freezes: 2, atMs: 5 });
  });

  it('takes the nominated pair of a browser that names no selected one', () => {
    const entries = report({}).filter(({ type }) => type !== 'transport');
    assert.equal(readCounters([...entries, { id: 'x', type: 'local-candidate', candidateType: 'host', protocol: 'tcp' }], 0).transport, 'TCP');
  });

  it('has zeros and nulls for a connection that has nothing yet', () => {
    const { framesDecoded, transport, decoder, roundTripMs } = readCounters([], 0);
    assert.deepEqual({ framesDecoded, transport, decoder, roundTripMs }, { framesDecoded: 0, transport: null, decoder: null, roundTripMs: null });
  });
});

describe('rates', () => {
  const before = readCounters(report({}), 1000);
  const now = {
    ...before,
    atMs: 3000,
    framesDecoded: 150,
    bytesReceived: 1_500_000,
    packetsReceived: 1990,
    packetsLost: 20,
    jitterBufferDelayS: 1.5,
    jitterBufferEmitted: 150,
  };

  it('are differences over time', () => {
    assert.deepEqual(rates(before, now), { fps: 25, bitrateBps: 4_000_000, lossRatio: 0.01, jitterBufferMs: 10 });
  });

  const unknown = { fps: null, bitrateBps: null, lossRatio: null, jitterBufferMs: null };
  it('are unknown at first, without time passing, and when counters start anew', () => {
    assert.deepEqual(rates(null, now), unknown);
    assert.deepEqual(rates(now, now), unknown);
    assert.deepEqual(rates(now, { ...before, atMs: 5000 }), unknown);
  });

  it('count lost packets that came after all as none lost', () => {
    assert.equal(rates(before, { ...now, packetsLost: 5 }).lossRatio, 0);
  });

  it('know no loss and no buffer where nothing arrived', () => {
    const { lossRatio, jitterBufferMs, fps } = rates(before, { ...before, atMs: 2000 });
    assert.deepEqual({ lossRatio, jitterBufferMs, fps }, { lossRatio: null, jitterBufferMs: null, fps: 0 });
  });
});
