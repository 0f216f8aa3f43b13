import assert from 'node:assert/strict';
import { afterEach, beforeEach, it, mock } from 'node:test';

import { PlayoutDelay } from '../../static/rungs/playout-delay.js';
import { fakeTimers } from './support/timers.js';

/** @type {ReturnType<typeof fakeTimers>} */
let timers;
beforeEach(() => {
  timers = fakeTimers();
});
afterEach(() => mock.restoreAll());

/** @param {string | null} answer */
function connection(answer) {
  const receivers = [{ jitterBufferTarget: /** @type {number | null} */ (null) }, {}];
  const made = { remoteDescription: answer === null ? null : { sdp: answer }, getReceivers: () => receivers };
  return { made: /** @type {any} */ (made), receiver: receivers[0] };
}

it('is none before the answer, and then comes in steps', () => {
  const { made, receiver } = connection(null);
  const delay = new PlayoutDelay(made);
  delay.aim(60);
  timers.tick(10_000);
  assert.equal(receiver.jitterBufferTarget, 0);
  made.remoteDescription = { sdp: 'v=0' };
  delay.aim(60);
  const seen = [250, 250, 250, 250].map((ms) => {
    timers.tick(ms);
    return receiver.jitterBufferTarget;
  });
  assert.deepEqual(seen, [25, 50, 60, 60]);
});

it('goes down in steps too, from where it is', () => {
  const { made, receiver } = connection('v=0');
  const delay = new PlayoutDelay(made);
  delay.aim(100);
  timers.tick(500);
  delay.aim(0);
  timers.tick(10_000);
  assert.equal(receiver.jitterBufferTarget, 0);
});

it('is left to the gateway where that can say it', () => {
  const { made, receiver } = connection('a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay');
  new PlayoutDelay(made).aim(500);
  timers.tick(10_000);
  assert.equal(receiver.jitterBufferTarget, null);
});

it('stops where it is', () => {
  const { made, receiver } = connection('v=0');
  const delay = new PlayoutDelay(made);
  delay.aim(500);
  timers.tick(250);
  delay.stop();
  timers.tick(10_000);
  assert.equal(receiver.jitterBufferTarget, 25);
});
