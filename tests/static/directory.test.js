import assert from 'node:assert/strict';
import { afterEach, describe, it, mock } from 'node:test';

import { diagnose, Directory, fetchCameras } from '../../static/directory.js';
import { fakeTimers } from './support/timers.js';

const BASE = 'http://gateway.test/live/';

/** @param {() => Response | Promise<Response>} answer */
const answering = (answer) => mock.method(globalThis, 'fetch', async () => answer());

/** @param {unknown} body @param {number} [status] */
const json = (body, status = 200) => new Response(JSON.stringify(body), { status });

afterEach(() => mock.restoreAll());

describe('diagnose', () => {
  for (const [name, answer, expected] of /** @type {[string, () => Response, string][]} */ ([
    ['a camera of the list', () => json({ cameras: [{ name: 'yard' }] }), 'ok'],
    ['a camera that is not in it', () => json({ cameras: [{ name: 'yard2' }] }), 'unknown'],
    ['401', () => json({}, 401), 'signed-out'],
    ['403', () => json({}, 403), 'forbidden'],
    ['502 of a proxy', () => new Response('<html>', { status: 502 }), 'unreachable'],
    ['rubbish', () => new Response('<html>'), 'unreachable'],
    ['another shape', () => json({ cameras: {} }), 'unreachable'],
    ['no network', () => { throw new TypeError('failed'); }, 'unreachable'],
  ])) {
    it(`${name}: ${expected}`, async () => {
      answering(answer);
      const { access, camera } = await diagnose(`${BASE}${encodeURIComponent(name)}/`, 'yard');
      assert.deepEqual([access, camera], [expected, expected === 'ok' ? { name: 'yard' } : null]);
    });
  }
});

it('asks once for a whole wall of tiles, below the base path', async () => {
  const asked = answering(() => json({ cameras: [] }));
  await Promise.all([fetchCameras(BASE), diagnose(BASE, 'a'), diagnose(BASE, 'b')]);
  assert.equal(asked.mock.callCount(), 1);
  assert.equal(String(asked.mock.calls[0].arguments[0]), 'http://gateway.test/live/api/cameras');
});

it('lets all tiles know for a while that nobody answers, and then asks again', async () => {
  const now = performance.now();
  mock.method(performance, 'now', () => now);
  const asked = answering(() => json({}, 503));
  const other = `${BASE}other/`;
  assert.deepEqual((await diagnose(BASE, 'a')).access, 'unreachable');
  assert.deepEqual((await diagnose(BASE, 'b')).access, 'unreachable');
  assert.equal(asked.mock.callCount(), 1);
  await diagnose(other, 'b');
  assert.equal(asked.mock.callCount(), 2, 'another gateway is another question');
  mock.method(performance, 'now', () => now + 1500);
  answering(() => json({ cameras: [{ name: 'a' }] }));
  assert.equal((await diagnose(other, 'a')).access, 'ok');
  assert.equal((await diagnose(other, 'b')).access, 'unknown');
});

it('tells who may only be slow from who is away, and asks the slow one for each tile', async () => {
  const base = `${BASE}slow/`;
  const asked = answering(() => { throw new DOMException('', 'TimeoutError'); });
  const expected = { access: 'unreachable', camera: null, late: true };
  assert.deepEqual([await diagnose(base, 'a'), await diagnose(base, 'b')], [expected, expected]);
  assert.equal(asked.mock.callCount(), 2);
});

describe('Directory', () => {
  it('asks again after ten seconds, and sooner after a failure', async () => {
    const timers = fakeTimers();
    let healthy = true;
    const asked = answering(() => (healthy ? json({ cameras: [{ name: 'yard' }] }) : json({}, 503)));
    const directory = new Directory(BASE);
    /** @type {string[]} */
    const events = [];
    directory.addEventListener('cameras', (event) => events.push(/** @type {CustomEvent} */ (event).detail[0].name));
    directory.addEventListener('unavailable', (event) => events.push(/** @type {CustomEvent} */ (event).detail.access));
    await Promise.all([directory.ask(), directory.ask()]);
    assert.deepEqual(events, ['yard']);
    healthy = false;
    timers.tick(10_000);
    assert.equal(asked.mock.callCount(), 2);
    await directory.ask();
    await new Promise(setImmediate);
    assert.deepEqual(events, ['yard', 'unreachable']);
    healthy = true;
    timers.tick(1300);
    await new Promise(setImmediate);
    assert.deepEqual(events, ['yard', 'unreachable', 'yard']);
  });
});
