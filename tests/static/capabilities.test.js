import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { NetworkWatch } from '../../static/capabilities.js';

const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');

/** @param {object} [connection] what this browser says of its network */
function say(connection) {
  Object.defineProperty(globalThis, 'navigator', { value: { connection }, configurable: true });
}

afterEach(() => {
  if (before) Object.defineProperty(globalThis, 'navigator', before);
  else Reflect.deleteProperty(globalThis, 'navigator');
});

test('a network that seems slower than a moment ago is the same one', () => {
  say({ type: 'wifi', effectiveType: '4g', downlink: 10 });
  const watch = new NetworkWatch();
  say({ type: 'wifi', effectiveType: '4g', downlink: 2.5 });
  assert.equal(watch.isOther({ type: 'change' }), false);
});

test('a network of another kind is another one, once', () => {
  say({ type: 'wifi', effectiveType: '4g' });
  const watch = new NetworkWatch();
  say({ type: 'cellular', effectiveType: '4g' });
  assert.equal(watch.isOther({ type: 'change' }), true);
  assert.equal(watch.isOther({ type: 'change' }), false);
});

test('who was offline is on another network, whatever it is called', () => {
  say();
  assert.equal(new NetworkWatch().isOther({ type: 'online' }), true);
});
