import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Excuses } from '../../static/excuses.js';

const ICE = /** @type {const} */ ({ code: 'ice', message: 'no answer' });
const CODEC = /** @type {const} */ ({ code: 'codec', message: 'no H.264' });
const SEARCHING = { blameless: false, picturesCome: false };

function excuses() {
  /** @type {string[]} */
  const remembered = [];
  const memory = {
    failed: (/** @type {string} */ rung, /** @type {string} */ reason) => void remembered.push(`${rung} failed: ${reason}`),
    worked: (/** @type {string} */ rung) => void remembered.push(`${rung} worked`),
  };
  return { excuses: new Excuses(memory), remembered };
}

test('the network is blamed when another rung gets through it, and not before', () => {
  const { excuses: own, remembered } = excuses();
  own.failed('webrtc', ICE, SEARCHING, 0);
  assert.deepEqual(remembered, []);
  own.worked('mse', 1);
  assert.deepEqual(remembered, ['webrtc failed: ice', 'mse worked']);
});

test('what fails while another rung brings pictures is blamed at once', () => {
  const { excuses: own, remembered } = excuses();
  own.failed('webrtc', ICE, { blameless: false, picturesCome: true }, 0);
  assert.deepEqual(remembered, ['webrtc failed: ice']);
});

test('neither the browser’s lacks nor what fails while nothing could work is blamed on the network', () => {
  const { excuses: own, remembered } = excuses();
  own.failed('webrtc', CODEC, SEARCHING, 0);
  own.failed('mse', ICE, { blameless: true, picturesCome: false }, 0);
  own.worked('hls', 1);
  assert.deepEqual(remembered, ['hls worked']);
});

test('people are told what was tried until pictures come, and why nothing better plays after that', () => {
  const { excuses: own } = excuses();
  own.failed('webrtc', ICE, SEARCHING, 0);
  own.failed('mse', CODEC, SEARCHING, 0);
  assert.deepEqual([...own.tried.keys()], ['webrtc', 'mse']);
  own.worked('mse', 1);
  assert.deepEqual([...own.tried.keys()], []);
  assert.deepEqual(own.above('mse'), ICE);
  assert.deepEqual(own.above('hls'), ICE, 'the best of them');
  assert.equal(own.above('webrtc'), null);
  own.worked('webrtc', 2);
  assert.equal(own.above('hls'), null);
});

test('what failed on this network before explains a lower rung too', () => {
  const { excuses: own } = excuses();
  own.remember([{ rung: 'webrtc', reason: 'ice', at: 0 }]);
  assert.deepEqual(own.above('mse'), { code: 'ice', message: 'it failed on this network before' });
  assert.equal(own.tried.size, 0);
});

test('what is forgiven is not blamed later; an acquittal of the network leaves what people are told', () => {
  const { excuses: own, remembered } = excuses();
  own.failed('webrtc', ICE, SEARCHING, 0);
  own.acquit();
  assert.equal(own.tried.size, 1);
  own.forgive();
  assert.equal(own.tried.size, 0);
  own.worked('mse', 1);
  assert.deepEqual(remembered, ['mse worked']);
});

test('a probe on a link that is too narrow fails in whatever way, and the link stays the reason', () => {
  const { excuses: own, remembered } = excuses();
  const LOSS = /** @type {const} */ ({ code: 'loss', message: 'too many packets are lost' });
  own.failed('webrtc', LOSS, { blameless: false, picturesCome: true }, 0);
  own.failed('webrtc', ICE, { blameless: false, picturesCome: true }, 1);
  assert.deepEqual(own.above('mse'), LOSS);
  assert.deepEqual(remembered, ['webrtc failed: loss', 'webrtc failed: loss']);
  own.failed('webrtc', ICE, SEARCHING, 2);
  assert.deepEqual(own.above('mse'), ICE, 'where nothing plays it was no probe');
});

test('on another network what failed on the last one explains nothing', () => {
  const { excuses: own, remembered } = excuses();
  own.failed('webrtc', ICE, SEARCHING, 0);
  own.moved();
  assert.equal(own.above('mse'), null);
  assert.equal(own.tried.size, 0);
  own.worked('mse', 1);
  assert.deepEqual(remembered, ['mse worked']);
});
