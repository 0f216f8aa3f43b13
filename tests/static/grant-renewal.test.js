import assert from 'node:assert/strict';
import { afterEach, it, mock } from 'node:test';

import { expiryOf } from '../../static/grant-path.js';
import { GrantRenewal } from '../../static/grant-renewal.js';
import { fakeTimers } from './support/timers.js';

afterEach(() => mock.restoreAll());

/** @param {number} expires */
const token = (expires) => `kid.${expires}.0123456789abcdef.${'a'.repeat(64)}`;
/** Lets promises settle. */
const settle = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** @param {() => string | null | Promise<string | null>} getGrant */
function renewal(getGrant) {
  const timers = fakeTimers();
  /** @type {string[]} */
  const sent = [];
  const nowS = 1000;
  return { timers, sent, renewal: new GrantRenewal({ getGrant, send: (grant) => sent.push(grant), nowS: () => nowS, isSure: () => true }) };
}

it('reads when a grant expires, and nothing from what is none', () => {
  assert.equal(expiryOf(token(1_790_000_300)), 1_790_000_300);
  for (const text of ['', 'x', 'a.b.c.d', 'a.-5.c.d']) assert.equal(expiryOf(text), null);
});

it('sends the next grant in time, again and again', async () => {
  let given = 0;
  const { timers, sent, renewal: kept } = renewal(() => Promise.resolve(`grant ${(given += 1)}`));
  kept.start(token(1060));
  timers.tick(39_000);
  await settle();
  assert.deepEqual(sent, []);
  timers.tick(1000);
  await settle();
  assert.deepEqual(sent, ['grant 1']);
  kept.receive({ type: 'grant', value: { expires_at: 1300 } });
  timers.tick(100_000);
  await settle();
  assert.deepEqual(sent, ['grant 1', 'grant 2']);
  kept.stop();
  timers.tick(1_000_000);
  await settle();
  assert.equal(sent.length, 2);
});

it('asks again soon when there was none, or it was refused', async () => {
  const answers = [() => Promise.reject(new Error('away')), () => null, () => 'bad', () => 'good'];
  const { timers, sent, renewal: kept } = renewal(() => (answers.shift() ?? (() => 'more'))());
  kept.start(token(1001));
  timers.tick(1000);
  await settle();
  timers.tick(1300);
  await settle();
  timers.tick(2600);
  await settle();
  assert.deepEqual(sent, ['bad']);
  kept.receive({ type: 'error', value: 'webrtc: something else' });
  kept.receive({ type: 'error', value: 'grant: expired' });
  timers.tick(5200);
  await settle();
  assert.deepEqual(sent, ['bad', 'good']);
});

it('goes on by the grant itself where nobody answers', async () => {
  const timers = fakeTimers();
  let asked = 0;
  const kept = new GrantRenewal({ getGrant: () => token(1000 + 60 * (asked += 1)), send: () => false, nowS: () => 1000, isSure: () => false });
  kept.start(token(1060));
  timers.tick(40_000);
  await settle();
  assert.equal(asked, 1);
  timers.tick(40_000);
  await settle();
  assert.equal(asked, 2);
  kept.stop();
});

it('does not send what came after it was stopped', async () => {
  /** @type {(grant: string) => void} */
  let give = () => undefined;
  const { timers, sent, renewal: kept } = renewal(
    () =>
      new Promise((resolve) => {
        give = resolve;
      }),
  );
  kept.start(token(1001));
  timers.tick(1000);
  kept.stop();
  give('late');
  await settle();
  assert.deepEqual(sent, []);
});

it('is not hurried by a clock by which every grant is over', async () => {
  const timers = fakeTimers();
  let asked = 0;
  const getGrant = () => {
    asked += 1;
    return token(1000);
  };
  let sure = false;
  const kept = new GrantRenewal({ getGrant, send: () => false, nowS: () => 1600, isSure: () => sure });
  kept.start(token(1000));
  for (let count = 0; count < 6; count += 1) {
    timers.tick(100_000);
    // eslint-disable-next-line no-await-in-loop
    await settle();
  }
  assert.equal(asked, 6);
  sure = true;
  timers.tick(100_000);
  await settle();
  timers.tick(1000);
  await settle();
  assert.equal(asked, 8, 'the gateway’s own clock says the same');
  kept.stop();
});
