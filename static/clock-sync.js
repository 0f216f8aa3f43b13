/** Asks the gateway for the time: often when a socket is new, then in a slow beat that also proves the socket alive. */

import { nowMs } from './now.js';

/**
 * @typedef {import('./clock.js').StreamClock} StreamClock
 * @typedef {import('./signalling.js').Signalling} Signalling
 * @typedef {import('./types.js').ClockReply} ClockReply
 */

const FIRST_GAPS_MS = [0, 250, 1000];
const EVERY_MS = 10_000;
const DEADLINE_MS = 5000;
/** An answer that takes longer may never come. */
const USUAL_MS = 500;

export class ClockSync {
  #signalling;
  #clock;
  #askedAt = 0;
  #asked = 0;
  #owed = false;

  /**
   * @param {Signalling} signalling
   * @param {StreamClock} clock is kept up to date
   */
  constructor(signalling, clock) {
    this.#signalling = signalling;
    this.#clock = clock;
  }

  /** A new socket owes nothing. */
  restart() {
    this.#owed = false;
    this.#asked = 0;
    this.ask();
  }

  /** Whether the socket owes an answer for longer than usual. */
  get isLate() {
    return this.#owed && nowMs() - this.#askedAt > USUAL_MS;
  }

  ask() {
    if (!this.#signalling.send({ type: 'clock', value: { t0: nowMs() / 1000 } })) return;
    this.#askedAt = nowMs();
    this.#asked += 1;
    this.#owed = true;
  }

  /** @param {ClockReply} reply */
  receive(reply) {
    this.#owed = false;
    this.#clock.add(reply, nowMs());
  }

  /** @param {{patient: boolean}} options patient: a page in the background is late itself, and judges nobody */
  tick({ patient }) {
    if (!this.#signalling.isOpen) return;
    const sinceMs = nowMs() - this.#askedAt;
    if (!this.#owed) {
      if (sinceMs >= (FIRST_GAPS_MS[this.#asked] ?? EVERY_MS)) this.ask();
    } else if (sinceMs > DEADLINE_MS && !patient) this.#signalling.reset();
  }
}
