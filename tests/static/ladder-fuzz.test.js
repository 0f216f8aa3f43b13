import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Ladder } from '../../static/ladder.js';
import { PROTOCOLS } from '../../static/protocols.js';

const SEQUENCES = 4000;
const EVENTS = 40;
const MINUTE_MS = 60_000;

/** @param {number} seed @returns {() => number} 0 to 1, the same ones for the same seed (mulberry32) */
function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a climb would have running after all that a ladder told it, and whether it told it nonsense. */
class Follower {
  /** @type {Set<string>} */
  trials = new Set();
  /** @type {string | null} */
  shown = null;
  /** @type {Set<string>} covered, to be stopped in the same breath */
  covered = new Set();

  /** @param {import('../../static/ladder.js').Action[]} actions */
  follow(actions) {
    for (const { do: what, rung } of actions) {
      if (what === 'start') {
        assert.ok(!this.trials.has(rung) && this.shown !== rung, `${rung} is started twice`);
        this.trials.add(rung);
      } else if (what === 'show') {
        assert.ok(this.trials.delete(rung), `${rung} is shown and was not tried`);
        if (this.shown !== null) this.covered.add(this.shown);
        this.shown = rung;
      } else {
        const running = this.covered.delete(rung) || this.trials.delete(rung) || this.shown === rung;
        assert.ok(running, `${rung} is stopped and does not run`);
        if (this.shown === rung) this.shown = null;
      }
    }
    assert.equal(this.covered.size, 0, 'what was covered is left running');
  }
}

class Run {
  #random;
  #ladder;
  #followed = new Follower();
  #now = 0;
  #looksFor = false;
  /** @type {Map<string, number>} */
  #brought = new Map();
  /** Other players of the page. */
  #company = { ahead: 0, broughtAtMs: (/** @type {string} */ rung) => this.#brought.get(rung) ?? null };
  /** @type {string[]} */
  log = [];

  /** @param {number} seed */
  constructor(seed) {
    this.#random = dice(seed);
    this.#ladder = new Ladder(this.#plan(), this.#company);
  }

  /** @param {number} most @returns {number} 0 to below it */
  #roll(most) {
    return Math.floor(this.#random() * most);
  }

  /** @template T @param {readonly T[]} from @returns {T} */
  #pick(from) {
    return from[this.#roll(from.length)];
  }

  /** Any rungs in any order, also none. */
  #plan() {
    const rungs = PROTOCOLS.filter(() => this.#random() < 0.6);
    const steps = rungs.map((rung) => ({ rung, timeoutMs: this.#pick([2000, 4000, 8000]) }));
    return steps.toSorted(() => this.#random() - 0.5);
  }

  step() {
    const now = (this.#now += this.#pick([0, 1, 50, 400, 1000, 3000, 12_000, 400_000]));
    const ladder = this.#ladder;
    const rung = this.#pick([...PROTOCOLS, ...ladder.trying, ...(ladder.shown === null ? [] : [ladder.shown])]);
    /** @type {Record<string, () => import('../../static/ladder.js').Action[] | void>} */
    const events = {
      begin: () => ladder.begin(now),
      revise: () => ladder.revise(this.#plan(), now),
      drop: () => {
        this.#gone(rung);
        return ladder.drop(rung, now);
      },
      suspend: () => ladder.suspend('the camera is away'),
      near: () => ladder.near(rung, now),
      hasten: () => ladder.hasten(now),
      faltered: () => ladder.faltered(now, { loss: this.#random() < 0.3 }),
      recovered: () => ladder.recovered(),
      halt: () => ladder.halt('stopped'),
      moved: () => ladder.moved(now),
      pictured: () => ladder.pictured(rung, now),
      failed: () => {
        this.#gone(rung);
        return ladder.failed(rung, now, { blameless: this.#random() < 0.3 });
      },
      others: () => {
        this.#company.ahead = this.#roll(40);
        if (this.#random() < 0.5) this.#brought.set(rung, now);
      },
      tick: () => {
        const actions = ladder.tick(now);
        assert.ok((ladder.dueMs ?? Infinity) > now, 'what was due is due again at once');
        return actions;
      },
    };
    const often = ['pictured', 'pictured', 'failed', 'failed', 'failed', 'failed', 'revise', 'tick', 'tick', 'tick'];
    const event = this.#pick([...Object.keys(events), ...often]);
    this.log.push(`${now} ${event} ${rung}`);
    const lostShown = rung === ladder.shown && (event === 'failed' || event === 'drop');
    this.#followed.follow(events[event]() ?? []);
    if (event === 'begin' || lostShown) this.#looksFor = true;
    if (event === 'halt' || event === 'suspend') this.#looksFor = false;
    this.#check();
  }

  /** A rung that ended by itself. @param {string} rung */
  #gone(rung) {
    this.#followed.trials.delete(rung);
    if (this.#followed.shown === rung) this.#followed.shown = null;
  }

  #check() {
    const { dueMs, hopeful, shown, trying } = this.#ladder;
    assert.deepEqual(trying.toSorted(), [...this.#followed.trials].toSorted());
    assert.equal(shown, this.#followed.shown);
    if (!this.#looksFor && shown === null) assert.deepEqual([trying, dueMs], [[], null], 'nobody asked for pictures');
    if (!this.#looksFor || !hopeful) return;
    assert.ok(shown !== null || trying.length > 0 || dueMs !== null, 'nothing shown, nothing tried, nothing due');
  }

  /** From now on everything works. */
  end() {
    const ladder = this.#ladder;
    if (!this.#looksFor || !ladder.hopeful) return;
    const until = this.#now + MINUTE_MS;
    while (ladder.shown === null) {
      const [rung] = ladder.trying;
      const due = ladder.dueMs ?? Infinity;
      this.#now = rung === undefined ? Math.max(this.#now, due) : this.#now + 100;
      assert.ok(this.#now <= until, 'everything works, and nothing is shown within a minute');
      this.#followed.follow(rung === undefined ? ladder.tick(this.#now) : ladder.pictured(rung, this.#now));
      this.#check();
    }
  }
}

test('whatever happens in whatever order, something is shown, tried or due, and no rung is tried twice at a time', () => {
  for (let seed = 1; seed <= SEQUENCES; seed += 1) {
    const run = new Run(seed);
    try {
      for (let event = 0; event < EVENTS; event += 1) run.step();
      run.end();
    } catch (error) {
      throw new Error(`sequence ${seed}: ${run.log.slice(-12).join(', ')}`, { cause: error });
    }
  }
});
