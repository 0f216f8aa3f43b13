/**
 * Remembers in this browser which rungs failed on which network, so that the next visit begins with one that works.
 *
 * A browser does not name its network: its kind stands for it, and what is remembered fades within minutes.  Storage may
 * be blocked, full or hold rubbish: then nothing is remembered, quietly.
 */

import { networkName } from './capabilities.js';

/**
 * @typedef {object} Remembered
 * @property {string} rung
 * @property {string} reason
 * @property {number} at unix milliseconds
 *
 * @typedef {{rung: string, reason: string, age_s: number}} Failure as `negotiate` wants it
 */

/** What failed longer ago than this is forgotten; the gateway's policy forgives after as long. */
export const FADES_MS = 600_000;
const MOST_NETWORKS = 8;
const MOST_RUNGS = 8;

/**
 * @param {string | null} text
 * @returns {Map<string, Remembered[]>} what is well-formed in it, by network
 */
export function parseFailures(text) {
  /** @type {unknown} */
  let value = null;
  try {
    value = JSON.parse(text ?? 'null');
  } catch {
    // Rubbish counts as nothing.
  }
  if (typeof value !== 'object' || value === null) return new Map();
  return new Map(
    Object.entries(value)
      .slice(-MOST_NETWORKS)
      .map(([network, failures]) => [network, Array.isArray(failures) ? failures.filter(isFailure) : []]),
  );
}

/**
 * @param {unknown} value
 * @returns {value is Remembered}
 */
function isFailure(value) {
  if (typeof value !== 'object' || value === null) return false;
  const { rung, reason, at } = /** @type {Record<string, unknown>} */ (value);
  return typeof rung === 'string' && typeof reason === 'string' && Number.isFinite(at);
}

/** @type {Map<string, FailureMemory>} one for all the tiles of a gateway */
const memories = new Map();

/**
 * @param {string} base URL of the gateway
 * @param {string | undefined} pageOrigin
 * @returns {string} what it is kept by: a page may show several gateways, and reaches each by a way of its own
 */
export function memoryKey(base, pageOrigin) {
  const { origin, pathname } = new URL(base);
  return `camera-gateway:${origin === pageOrigin ? '' : origin}${pathname}:failures`;
}

/**
 * @param {string} base URL of the gateway
 * @returns {FailureMemory}
 */
export function failureMemory(base) {
  const key = memoryKey(base, globalThis.location?.origin);
  const memory = memories.get(key) ?? new FailureMemory(key, { network: networkName });
  memories.set(key, memory);
  return memory;
}

export class FailureMemory {
  #key;
  #network;
  #open;

  /**
   * @param {string} key
   * @param {{network: () => string, open?: () => Storage}} surroundings reading `localStorage` itself throws where it is
   *   blocked
   */
  constructor(key, { network, open = () => localStorage }) {
    this.#key = key;
    this.#network = network;
    this.#open = open;
  }

  /**
   * @param {number} nowMs unix milliseconds
   * @returns {Failure[]} of the network the browser is on now
   */
  recall(nowMs) {
    return (this.#read().get(this.#network()) ?? [])
      .filter(({ at }) => at <= nowMs && nowMs - at < FADES_MS)
      .map(({ rung, reason, at }) => ({ rung, reason, age_s: (nowMs - at) / 1000 }));
  }

  /**
   * @param {string} rung
   * @param {string} reason
   * @param {number} nowMs
   */
  failed(rung, reason, nowMs) {
    this.#change((failures) => [
      ...failures.filter((failure) => failure.rung !== rung && nowMs - failure.at < FADES_MS).slice(1 - MOST_RUNGS),
      { rung, reason, at: nowMs },
    ]);
  }

  /** @param {string} rung it works */
  worked(rung) {
    if (!this.#read().get(this.#network())?.some((failure) => failure.rung === rung)) return;
    this.#change((failures) => failures.filter((failure) => failure.rung !== rung));
  }

  /** @param {(failures: Remembered[]) => Remembered[]} change */
  #change(change) {
    const networks = this.#read();
    const network = this.#network();
    const failures = change(networks.get(network) ?? []);
    networks.delete(network);
    if (failures.length) networks.set(network, failures);
    try {
      this.#open().setItem(this.#key, JSON.stringify(Object.fromEntries([...networks].slice(-MOST_NETWORKS))));
    } catch {
      // Blocked or full: the next visit finds out by itself.
    }
  }

  #read() {
    try {
      return parseFailures(this.#open().getItem(this.#key));
    } catch {
      return /** @type {Map<string, Remembered[]>} */ (new Map());
    }
  }
}
