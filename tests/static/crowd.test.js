import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ALONE, Crowd } from '../../static/crowd.js';
import { Ladder } from '../../static/ladder.js';
import { APART_MS, FOLLOWS_WITHIN_MS, joinsAtMs, MOST_TIMEOUTS, overAtMs } from '../../static/patience.js';
import { WARM_AFTER_MS } from '../../static/round.js';

const STEPS = [
  { rung: 'webrtc', timeoutMs: 2000 },
  { rung: 'mse', timeoutMs: 2000 },
  { rung: 'll-hls', timeoutMs: 4000 },
];
const nothing = () => undefined;

test('those who came first are ahead, until they have found something', () => {
  /** @type {boolean[]} */
  const busy = [];
  const crowd = new Crowd((isBusy) => busy.push(isBusy));
  const places = [1, 2, 3].map(() => crowd.place(nothing));
  for (const place of places) {
    place.looking = true;
    place.looking = true;
  }
  assert.deepEqual(places.map(({ ahead }) => ahead), [0, 1, 2]);
  places[0].looking = false;
  assert.deepEqual(places.map(({ ahead }) => ahead), [2, 0, 1], 'who looks again is the last');
  for (const place of places) place.looking = false;
  assert.deepEqual(busy, [true, false]);
});

test('those who still look are told of what brought others their pictures, and that fewer look', () => {
  const crowd = new Crowd();
  let told = 0;
  const first = crowd.place(nothing);
  const other = crowd.place(() => {
    told += 1;
  });
  first.looking = true;
  other.looking = true;
  assert.equal(other.broughtAtMs('webrtc'), null);
  first.brought('webrtc', 300);
  assert.deepEqual([other.broughtAtMs('webrtc'), told], [300, 1]);
  first.looking = false;
  assert.equal(told, 2);
});

const TRIAL = { rung: 'webrtc', sinceMs: 1000, timeoutMs: 2000 };

test('the next rung joins in when it is its player’s turn', () => {
  assert.equal(joinsAtMs(1400, [TRIAL], ALONE), 1400);
  assert.equal(joinsAtMs(1400, [TRIAL], { ...ALONE, ahead: 4 }), 1400 + 4 * APART_MS);
});

test('what brings others their pictures now is waited for, but not for ever', () => {
  const company = { ahead: 0, broughtAtMs: (/** @type {string} */ rung) => (rung === 'webrtc' ? 2500 : null) };
  assert.equal(joinsAtMs(1400, [TRIAL], company), 2500 + FOLLOWS_WITHIN_MS);
  assert.equal(overAtMs(TRIAL, company), 4500);
  assert.equal(overAtMs({ ...TRIAL, rung: 'mse' }, company), 3000);
  const always = { ahead: 0, broughtAtMs: () => 60_000 };
  assert.equal(overAtMs(TRIAL, always), 1000 + MOST_TIMEOUTS * 2000);
  assert.equal(joinsAtMs(1400, [TRIAL], always), 1000 + MOST_TIMEOUTS * 2000);
});

/**
 * A wall whose players start at once.
 *
 * @param {number} tiles
 * @param {(rung: string, startedMs: number, tile: number) => number} pictureAt
 */
function wall(tiles, pictureAt) {
  const crowd = new Crowd();
  /** @type {string[]} */
  const started = [];
  /** @type {number[]} */
  const firstPictures = [];
  /** @type {[number, number, string][]} */
  const pictures = [];
  const places = Array.from({ length: tiles }, () => crowd.place(nothing));
  const ladders = places.map((place) => new Ladder(STEPS, place));
  /** @param {number} now @param {number} tile @param {import('../../static/ladder.js').Action[]} actions */
  const act = (now, tile, actions) => {
    for (const { do: what, rung } of actions) {
      if (what === 'start') {
        started.push(rung);
        pictures.push([pictureAt(rung, now, tile), tile, rung]);
      } else if (what === 'show') {
        places[tile].brought(rung, now);
        firstPictures[tile] ??= now;
      }
    }
    places[tile].looking = ladders[tile].isSearching;
  };
  ladders.forEach((ladder, tile) => act(0, tile, ladder.begin(0)));
  for (let now = 0; now <= 20_000; now += 10) {
    for (const [at, tile, rung] of pictures) {
      if (at <= now && at > now - 10) act(now, tile, ladders[tile].pictured(rung, now));
    }
    ladders.forEach((ladder, tile) => act(now, tile, ladder.tick(now)));
  }
  return { ladders, firstPictures, /** @param {string} rung */ count: (rung) => started.filter((other) => other === rung).length };
}

test('a wall that is slow because it is many tries hardly anything but what works', () => {
  const { ladders, count } = wall(24, (rung, now, tile) => (rung === 'webrtc' ? now + 700 + 180 * tile : now + 3000));
  assert.deepEqual(ladders.map(({ shown }) => shown), Array(24).fill('webrtc'));
  assert.equal(count('webrtc'), 24);
  assert.ok(count('mse') <= 3, `${count('mse')} tried MSE`);
  assert.equal(count('ll-hls'), 0);
});

test('a wall on a network that lets only the next rung through sees its first picture as soon as one tile alone', () => {
  const { firstPictures } = wall(24, (rung, now) => (rung === 'mse' ? now + 150 : Infinity));
  assert.ok(Math.min(...firstPictures) <= WARM_AFTER_MS + 160);
  assert.ok(Math.max(...firstPictures) <= 3000, String(Math.max(...firstPictures)));
});

test('among many a rung that fails at once does not make everybody try the one after the next', () => {
  const crowd = new Crowd();
  const [first, second] = [crowd.place(nothing), crowd.place(nothing)];
  first.looking = true;
  second.looking = true;
  const ladder = new Ladder(STEPS, second);
  ladder.begin(0);
  ladder.tick(WARM_AFTER_MS + APART_MS);
  assert.deepEqual(ladder.failed('mse', 600), []);
  assert.equal(ladder.dueMs, 600 + APART_MS);
  first.looking = false;
  assert.deepEqual(ladder.tick(600), [{ do: 'start', rung: 'll-hls' }]);
});
