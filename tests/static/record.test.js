import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Record } from '../../static/record.js';

/** @param {[nowMs: number, lastPictureAt: number | null, stopped: boolean][]} course */
function watched(course) {
  const record = new Record();
  record.restart(0);
  for (const [nowMs, lastPictureAt, stopped] of course) record.account(nowMs, { lastPictureAt, stopped });
  return [record.watchedMs, record.stalledMs];
}

test('nothing is watched before the first picture, or while nobody looks', () => {
  assert.deepEqual(watched([[500, null, false], [1000, null, true]]), [0, 0]);
  assert.deepEqual(watched([[500, 400, false], [60_000, null, false], [60_500, 60_400, false]]), [1000, 0]);
});

test('a silence counts from the last picture, though it is known as one only later', () => {
  const course = /** @type {[number, number, boolean][]} */ ([[1000, 990, false], [2000, 1000, false], [3000, 1000, true], [4000, 1000, true]]);
  assert.deepEqual(watched(course), [1000, 3000]);
  assert.deepEqual(watched([...course, [5000, 4990, false]]), [2000, 3000]);
});

test('what happens while nobody looks is no silence, and takes nothing back of what was watched', () => {
  const course = /** @type {[number, number | null, boolean][]} */ ([[2500, 2490, false], [5000, 4990, false], [15_000, null, true], [25_000, null, true]]);
  assert.deepEqual(watched(course), [5000, 0]);
  assert.deepEqual(watched([...course, [25_250, 5000, true], [25_500, 5000, true]]), [5000, 500]);
  assert.deepEqual(watched([[5000, 100, true]]), [100, 4900]);
});

test('reports are due soon after the start, and then at intervals', () => {
  const record = new Record();
  record.restart(1000);
  assert.deepEqual([1000, 5999, 6000, 6001, 35_999, 36_000].map((nowMs) => record.reportIsDue(nowMs)), [
    false,
    false,
    true,
    false,
    false,
    true,
  ]);
});

test('what is reported as one viewing has a name the gateway takes', () => {
  assert.match(new Record().session, /^[0-9a-f]{16}$/);
  assert.notEqual(new Record().session, new Record().session);
});

test('who comes back goes on with the same viewing, whose times count from its beginning', () => {
  const record = new Record();
  record.restart(1000);
  record.pictureCame(1250);
  record.renditionIs(3000, { rendition: 'substream', reason: 'narrow' });
  record.restart(61_000);
  assert.deepEqual([record.beganAt, record.firstEverMs], [1000, 250]);
  assert.equal(record.metrics(null).firstPictureMs, null, 'nothing is to be seen yet');
  record.renditionIs(62_000, { rendition: 'main', reason: null });
  record.pictureCame(61_400);
  assert.deepEqual([record.firstEverMs, record.metrics(null).firstPictureMs], [250, 400]);
  assert.deepEqual(record.renditions.map(({ atS }) => atS), [2, 61]);
});
