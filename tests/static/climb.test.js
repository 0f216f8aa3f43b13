import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Climb } from '../../static/climb.js';
import { loadRung } from '../../static/rungs/maker.js';

/** A video that never gets a picture. */
class Video extends EventTarget {
  removeAttribute() {}
  load() {}
  canPlayType() {
    return '';
  }
}

const NEVER = new Promise(() => {});

/** @param {string[]} rungs */
function climbOf(rungs) {
  /** @type {string[]} */
  const begun = [];
  /** @type {unknown} */
  const surroundings = {
    stage: { make: () => new Video(), drop() {} },
    clock: {},
    record: { startedAt: 0, begun: (/** @type {{run: {rung: string}}} */ { run }) => begun.push(run.rung), ended() {} },
    memory: { failed() {}, worked() {} },
    optionsFor: () => ({
      signalling: Object.assign(new EventTarget(), { isOpen: false, failing: false }),
      iceServers: [],
      playlist: () => NEVER,
      answerDeadlineMs: 5000,
      pictureDeadlineMs: 5000,
    }),
    onFrame() {},
    blameless: () => false,
  };
  const climb = new Climb(/** @type {import('../../static/climb.js').Surroundings} */ (surroundings));
  climb.plan(rungs.map((rung) => ({ rung, timeoutMs: 10_000, url: null, iceServers: [] })));
  return { climb, begun };
}

test('a rung whose module is still on its way is being tried: there is nothing to hurry', async () => {
  const { climb, begun } = climbOf(['ll-hls', 'hls']);
  climb.begin();
  climb.hurry();
  await Promise.all([loadRung('ll-hls'), loadRung('hls')]);
  await new Promise(setImmediate);
  climb.halt('the test ends');
  assert.deepEqual(begun, ['ll-hls']);
});
