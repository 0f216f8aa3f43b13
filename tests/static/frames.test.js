import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { StreamClock } from '../../static/clock.js';
import { FrameWatch } from '../../static/frames.js';

beforeEach(() => mock.timers.enable({ apis: ['Date'] }));
afterEach(() => mock.timers.reset());

/** A video whose browser counts the pictures that it presents. */
class Video extends EventTarget {
  /** @type {((atMs: number, metadata: object) => void) | null} */
  #next = null;

  /** @param {(atMs: number, metadata: object) => void} act */
  requestVideoFrameCallback(act) {
    this.#next = act;
    return 1;
  }

  cancelVideoFrameCallback() {
    this.#next = null;
  }

  /** @param {number} presentedFrames */
  presents(presentedFrames) {
    this.#next?.(0, { presentedFrames });
  }
}

/** @param {Video} video @param {() => void} [onFrame] */
function watchOf(video, onFrame = () => undefined) {
  const context = { clock: new StreamClock(), latencyMs: () => 40, onFrame };
  return new FrameWatch(/** @type {any} */ (video), context);
}

test('pictures are counted from the first, whatever the element has presented before', () => {
  const video = new Video();
  const watch = watchOf(video);
  video.presents(100);
  assert.equal(watch.presented, 1);
  video.presents(103);
  assert.equal(watch.presented, 4);
});

test('an element that is given its stream anew counts from 1, and its pictures count on', () => {
  const video = new Video();
  const watch = watchOf(video);
  for (const count of [1, 30, 60]) video.presents(count);
  for (const count of [1, 2, 5]) video.presents(count);
  assert.equal(watch.presented, 65);
});

test('each is told of, until it stops', () => {
  const video = new Video();
  let frames = 0;
  const watch = watchOf(video, () => {
    frames += 1;
  });
  video.presents(1);
  video.presents(2);
  watch.stop();
  video.presents(3);
  assert.equal(frames, 2);
  assert.deepEqual([watch.latencyMs, watch.latencySource], [40, 'clock']);
});
