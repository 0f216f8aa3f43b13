import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FADES_MS, FailureMemory, memoryKey, parseFailures } from '../../static/failure-memory.js';

const NOW = 1_790_000_000_000;

/** @param {Record<string, string>} [content] */
function storage(content = {}) {
  return /** @type {Storage} */ (
    /** @type {unknown} */ ({
      getItem: (/** @type {string} */ key) => content[key] ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
        content[key] = value;
      },
    })
  );
}

test('what failed is known on the next visit, with its age', () => {
  const kept = storage();
  const memory = () => new FailureMemory('k', { network: () => 'wifi', open: () => kept });
  memory().failed('webrtc', 'ice', NOW);
  assert.deepEqual(memory().recall(NOW + 40_000), [{ rung: 'webrtc', reason: 'ice', age_s: 40 }]);
});

test('it fades', () => {
  const memory = new FailureMemory('k', { network: () => 'wifi', open: () => storage() });
  const kept = storage();
  const lasting = new FailureMemory('k', { network: () => 'wifi', open: () => kept });
  lasting.failed('webrtc', 'ice', NOW);
  assert.deepEqual(lasting.recall(NOW + FADES_MS), []);
  lasting.failed('mse', 'stall', NOW + FADES_MS);
  assert.deepEqual(
    lasting.recall(NOW + FADES_MS).map(({ rung }) => rung),
    ['mse'],
  );
  assert.deepEqual(memory.recall(NOW), []);
});

test('a clock that was set back makes nothing younger than new', () => {
  const kept = storage();
  const memory = new FailureMemory('k', { network: () => 'wifi', open: () => kept });
  memory.failed('webrtc', 'ice', NOW);
  assert.deepEqual(memory.recall(NOW - 1), []);
});

test('each network has its own', () => {
  const kept = storage();
  let network = 'wifi';
  const memory = new FailureMemory('k', { network: () => network, open: () => kept });
  memory.failed('webrtc', 'ice', NOW);
  network = 'cellular';
  assert.deepEqual(memory.recall(NOW), []);
  network = 'wifi';
  assert.equal(memory.recall(NOW).length, 1);
});

test('a rung that works is no failure any more', () => {
  const kept = storage();
  const memory = new FailureMemory('k', { network: () => 'wifi', open: () => kept });
  memory.failed('webrtc', 'ice', NOW);
  memory.failed('mse', 'stall', NOW);
  memory.worked('webrtc');
  memory.worked('hls');
  assert.deepEqual(
    memory.recall(NOW).map(({ rung }) => rung),
    ['mse'],
  );
});

test('the newest failure of a rung counts, and only so many networks are kept', () => {
  const content = {};
  const kept = storage(content);
  for (let number = 0; number < 12; number += 1) {
    const memory = new FailureMemory('k', { network: () => `n${number}`, open: () => kept });
    memory.failed('webrtc', 'ice', NOW);
    memory.failed('webrtc', 'lost', NOW + 1);
  }
  const networks = parseFailures(/** @type {Record<string, string>} */ (content).k);
  assert.deepEqual([...networks.keys()], ['n4', 'n5', 'n6', 'n7', 'n8', 'n9', 'n10', 'n11']);
  assert.deepEqual(networks.get('n11'), [{ rung: 'webrtc', reason: 'lost', at: NOW + 1 }]);
});

for (const rubbish of ['{', '7', '{"wifi": 3}', '{"wifi": [null, {"rung": 1}, {"rung": "mse", "reason": "x", "at": "y"}]}']) {
  test(`rubbish in the storage counts as nothing: ${rubbish}`, () => {
    const memory = new FailureMemory('k', { network: () => 'wifi', open: () => storage({ k: rubbish }) });
    assert.deepEqual(memory.recall(NOW), []);
  });
}

test('blocked storage remembers nothing and breaks nothing', () => {
  const blocked = () => {
    throw new Error('blocked');
  };
  const memory = new FailureMemory('k', { network: () => 'wifi', open: blocked });
  memory.failed('webrtc', 'ice', NOW);
  memory.worked('webrtc');
  assert.deepEqual(memory.recall(NOW), []);
});

test('each gateway of a page has its own, and the page’s own one is known by its path', () => {
  const page = 'https://page.example';
  assert.equal(memoryKey('https://page.example/live/', page), 'camera-gateway:/live/:failures');
  assert.equal(memoryKey('https://one.example/', page), 'camera-gateway:https://one.example/:failures');
  assert.notEqual(memoryKey('https://one.example/', page), memoryKey('https://other.example/', page));
});
