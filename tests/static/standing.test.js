import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Standing } from '../../static/standing.js';

const AROUND = { clockOffsetMs: 0, tried: [], lowered: null, protocol: 'auto', transport: null };
const LOST = /** @type {const} */ ({ code: 'lost', message: 'gone' });
const REFUSED = /** @type {const} */ ({ code: 'refused', message: 'no' });

/** @param {import('../../static/types.js').CameraState} state */
const camera = (state) => ({ name: 'yard', state, since: 7, reason: state === 'offline' ? { code: 'x', message: 'why' } : null });

function playing() {
  const standing = new Standing();
  standing.begin(1000);
  standing.pictureCame(1100, { catchingUp: true });
  return standing;
}

test('waiting begins with the start, and ends with the first picture', () => {
  const standing = new Standing();
  assert.equal(standing.phase, 'stopped');
  standing.begin(1000);
  standing.advance(0.4);
  const waiting = standing.situation(AROUND);
  assert.deepEqual([waiting.phase, waiting.startedAt, waiting.progress, waiting.lastPictureAt], ['starting', 1000, 0.4, null]);
  standing.tryFailed(LOST);
  assert.equal(standing.situation(AROUND).failures, 1);
  standing.pictureCame(1100, { catchingUp: true });
  const shown = standing.situation(AROUND);
  assert.deepEqual([shown.phase, shown.lastPictureAt, shown.failures, shown.failure], ['playing', 1100, 0, null]);
});

test('a picture that follows is news when it caught up, or ended a silence', () => {
  const standing = playing();
  assert.equal(standing.pictureFollowed({ lastPictureAt: 1140, catchingUp: true }), false);
  assert.equal(standing.pictureFollowed({ lastPictureAt: 1180, catchingUp: false }), true);
  assert.equal(standing.pictureFollowed({ lastPictureAt: 1220, catchingUp: false }), false);
  assert.equal(standing.judge({ silent: true, cause: 'network' }), true);
  assert.equal(standing.judge({ silent: true, cause: 'network' }), false);
  assert.equal(standing.judge({ silent: true, cause: 'camera' }), true);
  assert.equal(standing.pictureFollowed({ lastPictureAt: 5000, catchingUp: false }), true);
});

test('a loss after pictures counts as silence until the next', () => {
  const standing = playing();
  standing.lost(LOST, 9000);
  const { phase, silent, cause, startedAt, failure } = standing.situation(AROUND);
  assert.deepEqual([phase, silent, cause, startedAt, failure], ['starting', true, null, 9000, LOST]);
});

test('a refusal while the camera is away is nobody’s failure', () => {
  const standing = new Standing();
  standing.begin(0);
  standing.cameraIs(camera('connecting'));
  standing.tryFailed(REFUSED);
  assert.equal(standing.situation(AROUND).failures, 0);
  standing.tryFailed(LOST);
  standing.cameraIs(camera('live'));
  standing.tryFailed(REFUSED);
  assert.equal(standing.situation(AROUND).failures, 2);
  standing.forgive();
  assert.equal(standing.situation(AROUND).failures, 0);
});

test('an outage lasts through tries to connect', () => {
  const standing = new Standing();
  assert.deepEqual([standing.cameraAway, standing.cameraLive], [false, true], 'nothing speaks against it');
  standing.cameraIs(camera('offline'));
  assert.deepEqual([standing.cameraAway, standing.cameraLive], [true, false]);
  standing.cameraIs(camera('connecting'));
  assert.deepEqual(standing.situation(AROUND).outage, { since: 7, reason: { code: 'x', message: 'why' } });
  standing.cameraIs(camera('live'));
  assert.equal(standing.situation(AROUND).outage, null);
  standing.cameraIs(camera('unsupported'));
  assert.equal(standing.cameraAway, true);
});

test('a gateway that comes back has failed nobody, and who waits for it waits anew', () => {
  const standing = new Standing();
  standing.begin(0);
  standing.tryFailed(LOST);
  assert.equal(standing.socketDown({ retryAt: 3000, opened: true }, 1000), true);
  standing.gatewayGone(1000);
  assert.equal(standing.gatewayThere, false);
  assert.equal(standing.situation(AROUND).gatewayDownSince, 1000);
  assert.equal(standing.gatewayAnswered(4000, { overHttp: false }), true);
  assert.equal(standing.gatewayAnswered(5000, { overHttp: false }), false);
  const { failures, startedAt, gatewayDownSince } = standing.situation(AROUND);
  assert.deepEqual([failures, startedAt, gatewayDownSince], [0, 4000, null]);
});

test('a socket that falls while the gateway answers makes nobody wait anew', () => {
  const standing = new Standing();
  standing.begin(0);
  for (const fallsAt of [5000, 11_000]) {
    standing.socketDown({ retryAt: fallsAt + 500, opened: true }, fallsAt);
    assert.equal(standing.gatewayAnswered(fallsAt + 300, { overHttp: true }), true);
  }
  assert.equal(standing.situation(AROUND).startedAt, 0);
});

test('a gateway that only has no grant to be asked with is not said to be away', () => {
  const standing = new Standing();
  standing.begin(0);
  standing.gatewayGone(1000, { ungranted: true });
  standing.socketDown({ retryAt: 3000, opened: false }, 2000);
  const { ungranted, gatewayDownSince } = standing.situation(AROUND);
  assert.deepEqual([ungranted, gatewayDownSince], [true, 1000]);
  standing.gatewayAnswered(4000, { overHttp: true });
  assert.equal(standing.situation(AROUND).ungranted, false);
  standing.gatewayGone(5000);
  assert.equal(standing.situation(AROUND).ungranted, false);
});

test('what is halted tells why, and is silent about nothing', () => {
  const standing = playing();
  standing.judge({ silent: true, cause: 'network' });
  standing.halt('unplayable', LOST);
  const { phase, silent, failure, catchingUp } = standing.situation(AROUND);
  assert.deepEqual([phase, silent, failure, catchingUp], ['unplayable', false, LOST, false]);
  standing.halt('stopped');
  assert.equal(standing.situation(AROUND).failure, LOST);
});

test('what is withdrawn is waited for anew, and is nobody’s failure', () => {
  const standing = playing();
  standing.judge({ silent: true, cause: 'camera' });
  standing.withdrawn(9000);
  const { phase, silent, lastPictureAt, startedAt, failures } = standing.situation(AROUND);
  assert.deepEqual([phase, silent, lastPictureAt, startedAt, failures], ['starting', false, null, 9000, 0]);
});
