import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reach } from '../../static/reach.js';

const NEVER_OPENED = { retryAt: 5000, opened: false };
const LOST = { retryAt: 5000, opened: true };

test('a gateway is believed to be there until it proves not to be', () => {
  const reach = new Reach();
  assert.deepEqual([reach.there, reach.downSince, reach.retryAt], [true, null, null]);
  assert.equal(reach.answered({ overHttp: false }), false, 'it had not been away');
});

test('a socket that is gone says that the gateway is, and since when', () => {
  const reach = new Reach();
  assert.equal(reach.socketDown(LOST, 1000), true);
  assert.equal(reach.socketDown({ ...NEVER_OPENED, retryAt: 6000 }, 2000), true);
  assert.deepEqual([reach.there, reach.downSince, reach.retryAt], [false, 1000, 6000]);
  assert.equal(reach.answered({ overHttp: false }), true);
  assert.deepEqual([reach.there, reach.downSince, reach.retryAt], [true, null, null]);
});

test('where sockets are blocked and HTTP gets through, one more that does not open means nothing', () => {
  const reach = new Reach();
  reach.socketDown(NEVER_OPENED, 1000);
  assert.equal(reach.answered({ overHttp: true }), true);
  assert.equal(reach.socketDown(NEVER_OPENED, 2000), false);
  assert.equal(reach.there, true);
});

test('when HTTP no longer gets through either, the gateway is gone', () => {
  const reach = new Reach();
  reach.answered({ overHttp: true });
  reach.gone(3000);
  assert.deepEqual([reach.there, reach.downSince], [false, 3000]);
  assert.equal(reach.socketDown(NEVER_OPENED, 4000), true);
  assert.equal(reach.downSince, 3000);
});

test('a socket that had been open and is gone counts, whatever HTTP did before', () => {
  const reach = new Reach();
  reach.answered({ overHttp: true });
  assert.equal(reach.socketDown(LOST, 1000), true);
});
