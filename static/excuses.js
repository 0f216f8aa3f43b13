/**
 * Why rungs failed: what people are told, and what is remembered of the network.
 *
 * The network is to blame only if another rung gets through it, so a failure waits for that before it is remembered.
 */

import { PROTOCOLS, rankOf } from './protocols.js';

/** @typedef {import('./types.js').Failure} Failure */

/** What the network is to blame for, so that it will be so for another camera too. */
const OF_THE_NETWORK = new Set(['ice', 'dtls', 'signalling', 'network', 'loss']);

export class Excuses {
  #memory;
  /** @type {Map<string, Failure>} since the last picture, of the network as it seems */
  #unproved = new Map();
  /** @type {Map<string, Failure>} the last of each rung since something was shown */
  #tried = new Map();
  /** @type {Map<string, Failure>} why each rung failed last; what works has no entry */
  #last = new Map();

  /** @param {Pick<import('./failure-memory.js').FailureMemory, 'failed' | 'worked'>} memory of this network */
  constructor(memory) {
    this.#memory = memory;
  }

  /** @returns {ReadonlyMap<string, Failure>} why each rung failed since pictures last came */
  get tried() {
    return this.#tried;
  }

  /** @param {readonly import('./failure-memory.js').Failure[]} failures from before */
  remember(failures) {
    for (const { rung, reason } of failures) {
      this.#last.set(rung, { code: /** @type {Failure['code']} */ (reason), message: 'it failed on this network before' });
    }
  }

  /**
   * @param {string} rung that failed
   * @param {Failure} failure
   * @param {object} circumstances
   * @param {boolean} circumstances.blameless nothing could have worked now, on whatever network
   * @param {boolean} circumstances.picturesCome over another rung, so that the network lets something through
   * @param {number} nowMs unix milliseconds
   */
  failed(rung, failure, { blameless, picturesCome }, nowMs) {
    const before = this.#last.get(rung);
    // Beside pictures that come it was a probe, and on a link that is too narrow those fail in whatever way.
    const why = picturesCome && before?.code === 'loss' ? before : failure;
    this.#tried.set(rung, failure);
    this.#last.set(rung, why);
    if (blameless || !OF_THE_NETWORK.has(failure.code)) return;
    if (picturesCome) this.#memory.failed(rung, why.code, nowMs);
    else this.#unproved.set(rung, failure);
  }

  /**
   * @param {string} rung that brings pictures
   * @param {number} nowMs unix milliseconds
   */
  worked(rung, nowMs) {
    for (const [other, { code }] of this.#unproved) this.#memory.failed(other, code, nowMs);
    this.forgive();
    this.#memory.worked(rung);
    this.#last.delete(rung);
  }

  /** What failed until now says nothing about what comes. */
  forgive() {
    this.#tried.clear();
    this.acquit();
  }

  /** Another network: what failed on the last one explains nothing here. */
  moved() {
    this.#last.clear();
    this.forgive();
  }

  /** What failed until now says nothing about the network. */
  acquit() {
    this.#unproved.clear();
  }

  /**
   * @param {string} rung
   * @returns {Failure | null} why nothing better plays; null where nothing better failed
   */
  above(rung) {
    const better = PROTOCOLS.slice(0, rankOf(rung)).find((other) => this.#last.has(other));
    return better === undefined ? null : (this.#last.get(better) ?? null);
  }
}
