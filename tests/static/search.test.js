import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Search } from '../../static/search.js';
import { Standing } from '../../static/standing.js';
import { fakeTimers } from './support/timers.js';

/** @type {ReturnType<typeof fakeTimers>} */
let timers;
beforeEach(() => {
  timers = fakeTimers();
  mock.method(Math, 'random', () => 0.5);
});
afterEach(() => mock.restoreAll());

const settle = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** @param {{relayOnly?: boolean}} [how] */
function searching({ relayOnly = false } = {}) {
  /** @type {string[]} */
  const done = [];
  const standing = new Standing();
  const climb = {
    shown: /** @type {object | null} */ (null),
    tried: new Map(),
    remember() {},
    forgive: () => done.push('forgive'),
    plan: (/** @type {{rung: string}[]} */ steps) => done.push(`plan ${steps.map(({ rung }) => rung).join()}`),
    begin: () => done.push('begin'),
    hurry: () => done.push('hurry'),
    halt: () => done.push('halt'),
    suspend: (/** @type {string} */ why) => done.push(`suspend: ${why}`),
  };
  const planner = {
    relayOnly,
    asked: 0,
    answers: false,
    planned: false,
    inVain: false,
    mode: 'balanced',
    allow: ['webrtc', 'mse'],
    failures: [],
    lack: { code: 'absent', message: 'nothing' },
    get ready() {
      return this.planned || this.inVain || !relayOnly;
    },
    get lacksRelay() {
      return this.inVain && !this.planned && relayOnly;
    },
    async ask() {
      this.asked += 1;
      await Promise.resolve();
      this.planned = this.answers;
      this.inVain = !this.answers;
      return true;
    },
    steps() {
      return (relayOnly && !this.planned ? this.allow.slice(1) : this.allow).map((rung) => ({ rung }));
    },
    restart() {},
    iceServers: () => [],
    freshIceServers: () => Promise.resolve([]),
  };
  const link = { address: (/** @type {string} */ path) => Promise.resolve(path), askClock() {} };
  const record = { history: [] };
  const parts = { camera: 'yard', clock: { forgetStream() {} }, link, climb, planner, record, standing, unplayable: () => {
      done.push('unplayable');
      standing.halt('unplayable');
    },
  };
  const search = new Search(/** @type {any} */ (parts));
  standing.begin(0);
  return { search, standing, climb, planner, done };
}

test('a question for a plan that gets no answer is asked again, later each time, until it does', async () => {
  const { search, planner } = searching();
  search.start();
  await settle();
  timers.tick(999);
  assert.equal(planner.asked, 1);
  timers.tick(1);
  await settle();
  assert.equal(planner.asked, 2);
  timers.tick(1999);
  assert.equal(planner.asked, 2);
  timers.tick(1);
  await settle();
  assert.equal(planner.asked, 3);
  planner.answers = true;
  search.ask();
  await settle();
  assert.equal(planner.asked, 4);
  timers.tick(60_000);
  search.ask();
  search.hurry();
  await settle();
  assert.equal(planner.asked, 4, 'it is known now');
});

test('that there is nothing to try is found once, however many waited for the answer', async () => {
  const { search, planner, done } = searching();
  planner.answers = true;
  planner.steps = () => [];
  search.start();
  search.ask();
  await settle();
  assert.deepEqual(
    done.filter((what) => what === 'unplayable'),
    ['unplayable'],
  );
});

test('who stops is not asked for any more', async () => {
  const { search, planner } = searching();
  search.start();
  await settle();
  search.halt('over');
  timers.tick(60_000);
  assert.equal(planner.asked, 1);
});

test('where relays alone may be used, the others begin when the gateway names none, and who watches is told', async () => {
  const { search, planner, done } = searching({ relayOnly: true });
  search.start();
  assert.deepEqual(done, [], 'the answer may be a moment away');
  await settle();
  assert.deepEqual(done, ['plan mse', 'begin']);
  assert.equal(search.tried.get('webrtc')?.code, 'relay');
  planner.answers = true;
  search.hurry();
  await settle();
  assert.equal(done.at(-1), 'plan webrtc,mse');
  assert.equal(search.tried.size, 0);
});

test('where there is nothing but a relay, nobody begins without, and nobody says that nothing will ever play', async () => {
  const { search, planner, done } = searching({ relayOnly: true });
  planner.allow = ['webrtc'];
  search.start();
  await settle();
  assert.deepEqual(done, []);
  assert.equal(search.tried.get('webrtc')?.code, 'relay');
  planner.answers = true;
  timers.tick(1000);
  await settle();
  assert.deepEqual(done, ['plan webrtc', 'begin']);
});

test('a browser that plays nothing is told so, whether the gateway answers or not', async () => {
  const { search, planner, done } = searching();
  planner.allow = [];
  search.start();
  await settle();
  assert.equal(done.at(-1), 'unplayable');
});

/** @param {string} state */
const camera = (state) => /** @type {any} */ ({ name: 'yard', state, reason: null, since: 1 });

test('a camera that was unsupported for a while is waited for anew', () => {
  const { search, standing, done } = searching();
  search.begin();
  standing.pictureCame(100, { catchingUp: false });
  standing.cameraIs(camera('unsupported'));
  search.cameraChanged();
  assert.deepEqual(done.slice(2), ['halt', 'suspend: the camera is away']);
  const { phase, lastPictureAt, silent } = standing.situation(/** @type {any} */ ({}));
  assert.deepEqual([phase, lastPictureAt, silent], ['starting', null, false]);
  standing.cameraIs(camera('live'));
  search.cameraChanged();
  assert.equal(done.at(-1), 'begin');
});

test('what is known of a camera starts nothing that is stopped', () => {
  const { search, standing } = searching();
  standing.halt('stopped');
  standing.cameraIs(camera('unsupported'));
  search.cameraChanged();
  assert.equal(standing.phase, 'stopped');
});

test('while nobody looks nothing is tried, and nobody has failed; then it begins', async () => {
  const { search, planner, done } = searching();
  planner.answers = true;
  search.begin();
  search.hidden = true;
  assert.deepEqual(done.slice(2), ['suspend: nobody looks', 'forgive']);
  search.hurry();
  search.resume();
  search.ask();
  await settle();
  assert.equal(done.length, 4);
  search.hidden = false;
  assert.equal(done.at(-1), 'begin');
});

test('what plays while nobody looks goes on; what is lost then is tried when somebody does', () => {
  const { search, climb, done } = searching();
  search.begin();
  climb.shown = {};
  search.hidden = true;
  search.hidden = false;
  assert.equal(done.filter((what) => what === 'begin').length, 1);
  search.lost();
  assert.equal(done.filter((what) => what.startsWith('suspend')).length, 1, 'somebody looks');
  search.hidden = true;
  climb.shown = null;
  search.lost();
  assert.equal(done.filter((what) => what.startsWith('suspend')).length, 3);
  search.hidden = false;
  assert.equal(done.at(-1), 'begin');
});

test('what is offered over HTTP has the mode in its address', async () => {
  assert.equal(await searching().search.optionsFor('webrtc').whep(), 'yard/whep?mode=balanced');
});

test('while the gateway does not answer nothing is tried or asked, and at once when it does', async () => {
  const { search, planner, done, climb } = searching();
  search.start();
  await settle();
  const before = done.length;
  search.gatewayGone();
  timers.tick(60_000);
  climb.shown = null;
  search.lost();
  assert.deepEqual(done.slice(before), Array(2).fill('suspend: the gateway does not answer'));
  assert.equal(planner.asked, 1);
  search.resume();
  assert.deepEqual(done.slice(before + 2), ['hurry']);
  assert.equal(planner.asked, 2);
});

test('who comes back to a page whose gateway does not answer waits for it', () => {
  const { search, done } = searching();
  search.start();
  search.hidden = true;
  search.gatewayGone();
  const before = done.length;
  search.hidden = false;
  assert.equal(done.length, before);
  search.resume();
  assert.deepEqual(done.slice(before), ['plan webrtc,mse', 'begin']);
});
