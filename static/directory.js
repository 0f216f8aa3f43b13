/**
 * The list of cameras, asked for now and then: each tile's own socket tells the rest.
 *
 * Events: `cameras` (detail: `Camera[]`); `unavailable` (detail: `{access, retryAt}`).
 */

import { nowMs } from './now.js';
import { retryDelayMs } from './retry.js';

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {'signed-out' | 'forbidden' | 'unreachable'} Access
 */

const EVERY_MS = 10_000;
const DEADLINE_MS = 8000;
const FIRST_RETRY_MS = 1000;

/** The list could not be had; `access` says whether signing in would help. */
export class DirectoryError extends Error {
  /** @param {Access} access @param {{late: boolean}} [how] whether an answer may only have been slow */
  constructor(access, { late } = { late: false }) {
    super(`The list of cameras can't be had: ${access}`);
    this.access = access;
    this.late = late;
  }
}

/** What did not answer a moment ago is not asked by the next tile. */
const SHARED_MS = 1500;

/** @type {Map<string, Promise<Camera[]>>} */
const asked = new Map();
/** Who did not answer a tile, last, and when. */
let silent = { base: '', atMs: 0 };

/**
 * A wall whose sockets all fail at once asks only once.
 *
 * @param {string} base URL that the gateway's paths are relative to
 * @returns {Promise<Camera[]>}
 * @throws {DirectoryError}
 */
export function fetchCameras(base) {
  const pending = asked.get(base) ?? request(base).finally(() => asked.delete(base));
  asked.set(base, pending);
  return pending;
}

/**
 * @param {string} base
 * @returns {Promise<Camera[]>}
 */
async function request(base) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(new URL('api/cameras', base), { signal: AbortSignal.timeout(DEADLINE_MS) });
  } catch (error) {
    throw new DirectoryError('unreachable', { late: error instanceof DOMException && error.name === 'TimeoutError' });
  }
  if (response.status === 401) throw new DirectoryError('signed-out');
  if (response.status === 403) throw new DirectoryError('forbidden');
  if (!response.ok) throw new DirectoryError('unreachable');
  /** @type {unknown} */
  const body = await response.json().catch(() => null);
  const cameras = /** @type {{cameras?: unknown} | null} */ (body)?.cameras;
  if (!Array.isArray(cameras)) throw new DirectoryError('unreachable');
  return cameras;
}

/**
 * Why a camera's socket does not open: a browser keeps the status of a refused WebSocket to itself.
 *
 * @param {string} base
 * @param {string} camera
 * @returns {Promise<{access: 'ok' | 'unknown' | Access, camera: Camera | null, late?: boolean}>} and how the camera is; `late`:
 *   whoever does not answer may only be slow
 */
export async function diagnose(base, camera) {
  if (silent.base === base && nowMs() - silent.atMs < SHARED_MS) return { access: 'unreachable', camera: null, late: false };
  try {
    const cameras = await fetchCameras(base);
    const found = cameras.find(({ name }) => name === camera) ?? null;
    return { access: found ? 'ok' : 'unknown', camera: found };
  } catch (error) {
    const { access, late } = error instanceof DirectoryError ? error : new DirectoryError('unreachable');
    if (access === 'unreachable' && !late) silent = { base, atMs: nowMs() };
    return { access, camera: null, late };
  }
}

export class Directory extends EventTarget {
  #base;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #failures = 0;
  #asking = false;

  /** @param {string} base URL that the gateway's paths are relative to */
  constructor(base) {
    super();
    this.#base = base;
  }

  /** Asks now, and from then on by itself. */
  async ask() {
    if (this.#asking) return;
    this.#asking = true;
    clearTimeout(this.#timer);
    let delayMs = EVERY_MS;
    try {
      const cameras = await fetchCameras(this.#base);
      this.#failures = 0;
      this.dispatchEvent(new CustomEvent('cameras', { detail: cameras }));
    } catch (error) {
      if (!(error instanceof DirectoryError)) throw error;
      this.#failures += 1;
      delayMs = retryDelayMs(this.#failures, { firstMs: FIRST_RETRY_MS, mostMs: EVERY_MS });
      const detail = { access: error.access, retryAt: nowMs() + delayMs };
      this.dispatchEvent(new CustomEvent('unavailable', { detail }));
    } finally {
      this.#asking = false;
      this.#timer = setTimeout(() => void this.ask(), delayMs);
    }
  }
}
