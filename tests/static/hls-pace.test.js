import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HlsPace } from '../../static/rungs/hls-pace.js';
import { hlsValues } from '../../static/rungs/hls-values.js';

const PLAYLIST = { partHoldBack: 0.6, holdBack: 9, targetduration: 3, canBlockReload: true, startTimeOffset: null, fragments: [] };
const TICK_S = 0.25;

/**
 * A stream of 3 s segments that hls.js plays, which by itself keeps to the pace it is given.
 *
 * @param {{mode: string, behindS: number, lowLatency?: boolean, details?: Partial<typeof PLAYLIST>, keptS?: number}} scene
 */
function playing({ mode, behindS, lowLatency = false, details = {}, keptS = 60 }) {
  const begun = 1000;
  let liveS = begun;
  const playlist = /** @type {any} */ ({ ...PLAYLIST, ...details });
  const video = {
    currentTime: begun - behindS,
    playbackRate: 1,
    buffered: { length: 1, start: () => video.currentTime - keptS, end: () => liveS },
  };
  const hls = {
    config: /** @type {any} */ ({ lowLatencyMode: lowLatency }),
    /** @type {number | null} */
    targetLatency: null,
    latestLevelDetails: playlist,
    get latency() {
      return liveS - video.currentTime;
    },
    get lowLatencyMode() {
      return hls.config.lowLatencyMode;
    },
    set lowLatencyMode(on) {
      hls.config.lowLatencyMode = on;
    },
    /** Whole segments end every 3 s. */
    get mainForwardBufferInfo() {
      return { len: Math.floor(liveS / 3) * 3 - video.currentTime };
    },
  };
  const values = (/** @type {string} */ name) => hlsValues(name, 'desktop');
  const pace = new HlsPace(/** @type {any} */ (hls), /** @type {any} */ (video), { lowLatency, values: values(mode) });
  pace.updated(playlist);
  /** @param {number} seconds @returns {number[]} the paces it played at */
  const play = (seconds) => {
    const rates = [];
    for (let passed = 0; passed < seconds; passed += TICK_S) {
      pace.keep();
      rates.push(video.playbackRate);
      liveS += TICK_S;
      video.currentTime += TICK_S * video.playbackRate;
    }
    return rates;
  };
  return { hls, video, pace, playlist, play, change: (/** @type {string} */ name) => pace.change(values(name)) };
}

/** @param {number} actual @param {number} expected @param {number} [within] */
const near = (actual, expected, within = 0.1) => assert.ok(Math.abs(actual - expected) <= within, `${actual} is not ${expected}`);

test('whole segments fall back to where the mode is, and no further', () => {
  const { hls, play, change } = playing({ mode: 'ultra-low', behindS: 4 });
  play(6);
  near(hls.latency, 4, 0.01);
  change('stable');
  near(hls.latency, 5.5, 0.01);
  play(60);
  near(hls.latency, 6);
  assert.equal(play(10).at(-1), 1);
});

test('whole segments come back to live by a quicker pace, and then play at their own', () => {
  const { hls, play, change } = playing({ mode: 'stable', behindS: 6 });
  change('ultra-low');
  const rates = play(10);
  assert.equal(Math.max(...rates), 1.25);
  near(hls.latency, 4.5);
  assert.deepEqual(new Set(play(10)), new Set([1]));
});

test('from further back it jumps', () => {
  const { hls, change } = playing({ mode: 'stable', behindS: 8.5 });
  assert.equal(hls.config.liveMaxLatencyDuration, 15);
  change('ultra-low');
  assert.equal(hls.targetLatency, 4.5);
  assert.equal(hls.config.liveMaxLatencyDuration, 7.5);
});

test('nobody hurries to where there is nothing to play', () => {
  const { video, hls, pace } = playing({ mode: 'ultra-low', behindS: 8.5 });
  Object.defineProperty(hls, 'mainForwardBufferInfo', { value: null });
  pace.keep();
  assert.equal(video.playbackRate, 1);
});

test('the calmest mode never hurries', () => {
  const { hls, play } = playing({ mode: 'stable', behindS: 9 });
  assert.deepEqual(new Set(play(10)), new Set([1]));
  near(hls.latency, 9, 0.01);
});

test('a playlist that changes how long its segments are changes how near it is played', () => {
  const { hls, pace, playlist } = playing({ mode: 'ultra-low', behindS: 2, details: { targetduration: 1, holdBack: 3 } });
  assert.equal(hls.targetLatency, 2);
  pace.updated({ ...playlist, targetduration: 3 });
  assert.equal(hls.targetLatency, 4.5);
});

test('what stalls have added stays as long as the playlist is the same', () => {
  const { hls, pace, playlist } = playing({ mode: 'ultra-low', behindS: 4.5 });
  hls.targetLatency = 5.5;
  pace.updated(playlist);
  assert.equal(hls.targetLatency, 5.5);
  assert.equal(hls.config.liveMaxLatencyDuration, 8.5);
});

test('by parts the pace is hls.js’s own, and so is the distance until it was told of another', () => {
  const { hls, video, play, change } = playing({ mode: 'ultra-low', behindS: 2, lowLatency: true });
  assert.equal(hls.targetLatency, null);
  video.playbackRate = 1.2;
  assert.deepEqual(new Set(play(1)), new Set([1.2]));
  assert.deepEqual([hls.config.lowLatencyMode, hls.config.maxLiveSyncPlaybackRate], [true, 1.25]);
  change('balanced');
  assert.deepEqual([hls.targetLatency, video.playbackRate], [2, 1]);
  change('ultra-low');
  assert.equal(hls.targetLatency, 0.6);
});

test('parts are fetched while a rung of low latency gathers what its mode wants', () => {
  const { hls, play } = playing({ mode: 'stable', behindS: 0.5, lowLatency: true });
  assert.deepEqual(new Set(play(1)), new Set([0.9]));
  assert.deepEqual([hls.config.lowLatencyMode, hls.config.maxLiveSyncPlaybackRate], [true, 1]);
  play(60);
  near(hls.latency, 6);
  assert.equal(hls.config.lowLatencyMode, false);
});

test('a calmer mode goes back no further than to what is still there', () => {
  const { hls, change } = playing({ mode: 'ultra-low', behindS: 1, lowLatency: true, keptS: 2 });
  change('stable');
  near(hls.latency, 3, 0.01);
});
