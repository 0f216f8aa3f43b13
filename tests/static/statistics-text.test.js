import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { readCounters } from '../../static/stats.js';
import { asText, bitrate, historyLine, historyLines, lines, withUnit } from '../../static/tile/statistics-text.js';

describe('text', () => {
  it('has a dash for what is unknown', () => {
    assert.equal(withUnit(null, 'ms'), '–');
    assert.equal(withUnit(NaN, 'ms'), '–');
    assert.equal(withUnit(12.345, 'ms', 1), '12.3 ms');
    assert.equal(bitrate(null), '–');
    assert.equal(bitrate(4_200_000), '4.2 Mb/s');
    assert.equal(bitrate(640_000), '640 kb/s');
  });

  for (const [run, text] of /** @type {[any, string][]} */ ([
    [{ rung: 'webrtc', atS: 0, firstPictureS: null, end: null }, '0.0 s webrtc: connecting'],
    [{ rung: 'webrtc', atS: 0, firstPictureS: 0.094, end: null }, '0.0 s webrtc: picture after 0.09 s'],
    [{ rung: 'webrtc', atS: 7.31, firstPictureS: null, end: 'blocked' }, '7.3 s webrtc: no picture; ended: blocked'],
    [{ rung: 'webrtc', atS: 1, firstPictureS: 1, end: 'lost' }, '1.0 s webrtc: picture after 1.00 s; ended: lost'],
  ])) {
    it(text, () => assert.equal(historyLine(run), text));
  }

  const statistics = {
    camera: 'yard',
    rung: 'webrtc',
    protocol: 'WebRTC',
    transport: 'UDP',
    latencyMs: 67.4,
    latencySource: /** @type {const} */ ('picture'),
    counters: readCounters([{ id: 'in', type: 'inbound-rtp', kind: 'video', frameWidth: 1280, frameHeight: 720 }], 0),
    rates: { fps: 25, bitrateBps: 4e6, lossRatio: 0.015, jitterBufferMs: 3 },
    stalls: 1,
    reconnects: 0,
    firstPictureMs: 94,
    history: [{ rung: 'webrtc', atS: 0, firstPictureS: 0.094, end: null }],
    absent: [],
    session: '0123456789abcdef',
    mode: 'ultra-low',
    source: /** @type {import('../../static/types.js').Camera} */ ({
      name: 'yard',
      state: 'live',
      reason: null,
      since: 0,
      video: { codec: 'avc1.640028', width: 1280, height: 720, fps: 25, gop_s: 2 },
      audio: { codec: 'mp4a.40.2' },
      rungs: { webrtc: { ok: true, audio: { code: 'codec', message: "AAC can't go over WebRTC" } } },
    }),
  };

  it('tells all of it in lines', () => {
    const told = Object.fromEntries(lines(statistics));
    assert.equal(told.Protocol, 'WebRTC over UDP');
    assert.equal(told.Latency, '67 ms, read off the picture');
    assert.equal(told.Picture, '1280 × 720, 25.0 fps');
    assert.equal(told.Loss, '1.5 %');
    assert.equal(told.Camera, 'H.264 (avc1.640028), 1280 × 720, 25 fps');
    assert.equal(told.GOP, '2.0 s');
    assert.equal(told.Sound, "AAC can't go over WebRTC");
  });

  it('tells what little there is before the first picture', () => {
    const told = Object.fromEntries(
      lines({ ...statistics, transport: null, latencyMs: null, latencySource: null, counters: null, rates: null, source: null }),
    );
    assert.equal(told.Protocol, 'WebRTC');
    assert.equal(told.Latency, '–');
    assert.equal(told.Camera, '–');
    assert.equal(told.Loss, '–');
    assert.equal(told.Sound, 'none');
  });

  it('names the sound’s codec when it can be heard', () => {
    const source = { ...statistics.source, rungs: {}, audio: { codec: 'opus' } };
    assert.equal(Object.fromEntries(lines({ ...statistics, source })).Sound, 'opus');
  });

  it('says why what is better was not tried, before the last of what was', () => {
    const absent = [{ rung: 'webrtc', code: 'browser', message: 'This browser has no WebRTC' }];
    const history = ['mse', 'll-hls', 'mse'].map((rung, atS) => ({ rung, atS, firstPictureS: null, end: null }));
    const told = ['webrtc: not tried. This browser has no WebRTC', '1.0 s ll-hls: connecting', '2.0 s mse: connecting'];
    assert.deepEqual(historyLines({ ...statistics, absent, history }, 2), told);
    assert.ok(asText({ ...statistics, absent, history }, { at: new Date(0), browser: '' }).includes(`  ${told[0]}\n  0.0 s mse`));
  });

  it('is ready for a bug report', () => {
    const text = asText(statistics, { at: new Date(0), browser: 'Test/1' });
    assert.match(text, /^camera-gateway, yard, 1970-01-01T00:00:00.000Z\nTest\/1\nProtocol: WebRTC over UDP\n/);
    assert.match(text, /History:\n {2}0\.0 s webrtc: picture after 0\.09 s$/);
  });
});
