/** Timers that a test turns by hand, until `mock.restoreAll()`; Node's own mock of them is experimental and warns. */

import { mock } from 'node:test';

export function fakeTimers() {
  let now = 0;
  let last = 0;
  /** @type {Map<number, {at: number, run: () => void}>} */
  const waiting = new Map();
  mock.method(globalThis, 'setTimeout', (/** @type {() => void} */ run, delay = 0) => {
    last += 1;
    waiting.set(last, { at: now + delay, run });
    return last;
  });
  mock.method(globalThis, 'clearTimeout', (/** @type {number | undefined} */ id) => {
    if (id !== undefined) waiting.delete(id);
  });
  return {
    /** @returns {number} milliseconds since the beginning */
    get nowMs() {
      return now;
    },
    /** @returns {number} timers that wait */
    get waiting() {
      return waiting.size;
    },
    /** @param {number} ms runs all that is due within, in order */
    tick(ms) {
      const until = now + ms;
      for (;;) {
        const due = [...waiting].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0];
        if (!due) break;
        const [id, { at, run }] = due;
        waiting.delete(id);
        now = at;
        run();
      }
      now = until;
    },
  };
}
