import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { guessPlan, isOwn, readPlan, request } from '../../static/plan.js';
import { PROTOCOLS } from '../../static/protocols.js';

/** @typedef {import('../../static/capabilities.js').Capabilities} Capabilities */

/** @param {Partial<Capabilities>} [changes] @returns {Capabilities} */
const able = (changes) => ({
  webrtc: ['h264/42e01f', 'opus'],
  mse: ['avc1.640029', 'mp4a.40.2'],
  native_hls: false,
  device: 'desktop',
  network: { type: '4g' },
  ...changes,
});

/** @param {Partial<import('../../static/plan.js').Wishes>} [changes] */
const wishes = (changes) => ({ mode: 'balanced', allow: PROTOCOLS, candidates: null, failures: [], ...changes });

/** @param {Partial<import('../../static/types.js').Camera>} [changes] @returns {import('../../static/types.js').Camera} */
const camera = (changes) => ({ name: 'cam', state: 'live', reason: null, since: 0, ...changes });

const FAILED = { reason: 'ice', age_s: 40 };

describe('the plan to begin with', () => {
  /** @type {[string, Parameters<typeof guessPlan>, string[]][]} */
  const TABLE = [
    ['has every rung, the best first', [null, able(), wishes()], ['webrtc', 'mse', 'll-hls', 'hls']],
    ['leaves out what the page forbids', [null, able(), wishes({ allow: ['mse', 'hls'] })], ['mse', 'hls']],
    ['leaves out WebRTC without H.264', [null, able({ webrtc: ['vp8', 'opus'] }), wishes()], ['mse', 'll-hls', 'hls']],
    ['leaves out all that needs a media source', [null, able({ mse: [] }), wishes()], ['webrtc']],
    ['keeps HLS where the browser plays it itself', [null, able({ mse: [], native_hls: true }), wishes()], ['webrtc', 'll-hls', 'hls']],
    [
      'leaves out what the camera lacks',
      [camera({ rungs: { webrtc: { ok: false }, mse: { ok: true }, 'll-hls': { ok: false } } }), able(), wishes()],
      ['mse'],
    ],
    [
      'tries last what failed on this network',
      [null, able(), wishes({ failures: [{ rung: 'webrtc', ...FAILED }] })],
      ['mse', 'll-hls', 'hls', 'webrtc'],
    ],
    ['tries the only rung that is wanted whatever the browser says', [null, able({ mse: [] }), wishes({ allow: ['mse'] })], ['mse']],
    ['may be empty, and says nothing about it', [null, able({ mse: [], webrtc: [] }), wishes()], []],
  ];
  for (const [behaviour, given, expected] of TABLE) {
    it(behaviour, () => {
      const plan = guessPlan(...given);
      assert.deepEqual(
        plan.steps.map(({ rung }) => rung),
        expected,
      );
      assert.equal(plan.message, null);
    });
  }

  it('gives a camera that has to be opened more time', () => {
    assert.equal(guessPlan(camera(), able(), wishes()).steps[0].timeoutMs, 2000);
    assert.equal(guessPlan(camera({ state: 'idle' }), able(), wishes()).steps[0].timeoutMs, 12_000);
  });

  it('waits for a whole segment where nothing less is served', () => {
    const { steps } = guessPlan(camera({ video: /** @type {import('../../static/types.js').Camera['video']} */ ({ gop_s: 6 }) }), able(), wishes());
    assert.deepEqual(
      steps.slice(-2).map(({ timeoutMs }) => timeoutMs),
      [4000, 12_000],
    );
  });
});

describe('the gateway’s plan', () => {
  it('is read in its order, with what each rung needs', () => {
    const servers = [{ urls: ['turn:relay.example'], username: 'u', credential: 'c' }];
    const plan = readPlan({
      version: 1,
      rungs: [
        { rung: 'mse', url: 'x', timeout_s: 2, latency_s: 0.3 },
        { rung: 'webrtc', timeout_s: 4, ice_servers: servers },
      ],
      absent: [{ rung: 'hls', code: 'config', message: 'HLS is switched off' }, 'rubbish'],
    });
    assert.deepEqual(plan, {
      steps: [
        { rung: 'mse', timeoutMs: 2000, url: 'x', iceServers: [] },
        { rung: 'webrtc', timeoutMs: 4000, url: null, iceServers: servers },
      ],
      absent: [{ rung: 'hls', code: 'config', message: 'HLS is switched off' }],
      message: null,
    });
  });

  it('may have no rung but a sentence', () => {
    assert.equal(readPlan({ version: 1, rungs: [], message: 'Switch it on.' })?.message, 'Switch it on.');
  });

  for (const rubbish of [null, 1, 'plan', [], {}, { version: 2, rungs: [] }, { version: 1, rungs: {} }]) {
    it(`is none when it is ${JSON.stringify(rubbish)}`, () => assert.equal(readPlan(rubbish), null));
  }

  it('passes over rungs this page has not heard of, and mends senseless times', () => {
    const rungs = [null, { rung: 'smoke' }, { rung: 'hls', timeout_s: -1 }, { rung: 'mse', timeout_s: 1e9 }];
    assert.deepEqual(
      readPlan({ version: 1, rungs })?.steps.map(({ rung, timeoutMs }) => [rung, timeoutMs]),
      [['hls', 6000], ['mse', 60_000]],
    );
  });
});

it('asks for a plan with what the browser can do and what the page wants', () => {
  const asked = request(able(), wishes({ failures: [{ rung: 'webrtc', ...FAILED }] }));
  assert.deepEqual(asked, {
    version: 1,
    mode: 'balanced',
    ...able(),
    failures: [{ rung: 'webrtc', ...FAILED }],
    allow: PROTOCOLS,
  });
  assert.deepEqual(request(able(), wishes({ candidates: ['relay'] })).candidates, ['relay']);
});

for (const [url, own] of /** @type {[string, boolean][]} */ ([
  ['yard/index.m3u8', true],
  ['https://cams.example/live/yard/index.m3u8', true],
  ['https://cams.example/live/g/k1.1.a.b/yard/index.m3u8', true],
  ['https://cams.example/hls/yard/index.m3u8', false],
  ['https://edge.example/live/yard/index.m3u8', false],
  ['https://cams.example/live/yard/index.m3u8?grant=x', false],
])) {
  it(`${url} is ${own ? 'the gateway’s own' : 'somebody else’s'}`, () => {
    assert.equal(isOwn(url, 'https://cams.example/live/', 'yard/index.m3u8'), own);
  });
}
