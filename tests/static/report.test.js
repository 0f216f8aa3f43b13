import assert from 'node:assert/strict';
import { test } from 'node:test';

import { reportOf } from '../../static/report.js';

const COURSE = {
  camera: 'yard',
  session: 'a1',
  firstPictureMs: 103.456,
  watchedMs: 600_000,
  stalledMs: 400.4,
  latencies: [90, null, 110, 100],
  history: [
    { rung: 'webrtc', atS: 0, firstPictureS: null, end: "The gateway's media port did not answer." },
    { rung: 'mse', atS: 0.4, firstPictureS: 0.2, end: null },
  ],
  renditions: /** @type {import('../../static/types.js').RenditionRun[]} */ ([
    { rendition: 'substream', atS: 41.23456, reason: 'The network is too narrow for the full picture' },
    { rendition: 'main', atS: 60, reason: null },
  ]),
  absent: /** @type {{rung: string, code: string, message: string}[]} */ ([]),
  pair: { protocol: 'udp', type: 'host' },
};

test('a report has the shape the gateway reads, in seconds', () => {
  assert.deepEqual(reportOf(COURSE), {
    camera: 'yard',
    session: 'a1',
    start_s: 0.103,
    watched_s: 600,
    stalled_s: 0.4,
    latency_s: 0.1,
    rungs: [
      { rung: 'webrtc', at_s: 0, first_frame_s: null, end: "The gateway's media port did not answer." },
      { rung: 'mse', at_s: 0.4, first_frame_s: 0.2, end: null },
    ],
    renditions: [
      { rendition: 'substream', at_s: 41.235, reason: 'The network is too narrow for the full picture' },
      { rendition: 'main', at_s: 60, reason: null },
    ],
    pair: { protocol: 'udp', type: 'host' },
  });
});

test('what was not tried comes first, with its reason', () => {
  const absent = [{ rung: 'webrtc', code: 'browser', message: 'This browser has no WebRTC' }];
  const { rungs } = reportOf({ ...COURSE, history: COURSE.history.slice(1), absent });
  assert.deepEqual(rungs, [
    { rung: 'webrtc', at_s: 0, first_frame_s: null, end: 'This browser has no WebRTC' },
    { rung: 'mse', at_s: 0.4, first_frame_s: 0.2, end: null },
  ]);
});

test('what never played has no times', () => {
  const report = reportOf({ ...COURSE, firstPictureMs: null, latencies: [-5], pair: null });
  assert.deepEqual([report.start_s, report.latency_s, report.pair], [null, null, null]);
});

test('a reason is as long as the gateway takes it', () => {
  const [run] = COURSE.history;
  const report = reportOf({ ...COURSE, history: [{ ...run, end: 'x'.repeat(500) }] });
  assert.equal(/** @type {{end: string}[]} */ (report.rungs)[0].end.length, 120);
});
