import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LostLink } from '../../static/rungs/lost-link.js';

test('a short loss is left to heal by itself', () => {
  const link = new LostLink();
  link.lose(1000, { certain: false });
  assert.equal(link.lost, true);
  assert.equal(link.due(3400), 'wait');
  link.recover();
  assert.equal(link.lost, false);
  assert.equal(link.due(10_000), 'wait');
});

test('a longer loss restarts ICE, again and again at intervals', () => {
  const link = new LostLink();
  link.lose(0, { certain: false });
  assert.equal(link.due(2500), 'restart');
  assert.equal(link.due(2501), 'wait');
  assert.equal(link.due(5500), 'restart');
});

test('what the browser has given up is restarted at once', () => {
  const link = new LostLink();
  link.lose(0, { certain: false });
  link.lose(100, { certain: true });
  assert.equal(link.due(100), 'restart');
});

test('a socket that came back brings the next restart forward', () => {
  const link = new LostLink();
  link.lose(0, { certain: false });
  assert.equal(link.due(2500), 'restart');
  link.hurry();
  assert.equal(link.due(2600), 'restart');
});

test('a link that stays away is given up after a minute, counted from its loss', () => {
  const link = new LostLink();
  link.lose(0, { certain: false });
  link.lose(30_000, { certain: true });
  assert.equal(link.due(59_999), 'restart');
  assert.equal(link.due(60_000), 'give-up');
});
