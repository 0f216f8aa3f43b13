/** Which rungs a player may try and where each is served: guessed until the gateway says so. */

import { readCapabilities } from './capabilities.js';
import { grantIn } from './grant-path.js';
import { negotiate } from './negotiation.js';
import { nowMs } from './now.js';
import { guessPlan, isOwn, relayEndsS, request } from './plan.js';
import { PROTOCOLS } from './protocols.js';

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./camera-link.js').CameraLink} CameraLink
 * @typedef {import('./failure-memory.js').FailureMemory} FailureMemory
 * @typedef {import('./plan.js').Absent} Absent
 * @typedef {import('./plan.js').Plan} Plan
 * @typedef {import('./plan.js').Step} Step
 */

/** Where there is but one rung, giving up sooner gains nothing. */
const ALONE_TIMEOUT_MS = 8000;
/** How long a rung that needs the gateway's plan waits for it. */
const PATIENCE_MS = 300;
const FRESH_MS = 60_000;
/** Credentials that end so soon are not begun with. */
const RELAY_LEFT_S = 60;
/** Who wants relays alone has nothing to begin with meanwhile. */
const RELAY_PATIENCE_MS = 5000;
const WITH_RELAY = 'webrtc';
const NOTHING = 'This camera can’t be played here.';

export class Planner {
  #link;
  #camera;
  #base;
  #memory;
  #candidates;
  #region;
  /** @type {Plan | null} the gateway's */
  #plan = null;
  #planAt = -Infinity;
  /** @type {Set<string>} rungs that have begun by this plan */
  #begunWith = new Set();
  /** The last question brought no plan. */
  #inVain = false;
  /** @type {Plan | null} this browser's own */
  #guess = null;
  /** @type {Promise<boolean> | null} */
  #asking = null;
  #over = new AbortController();

  /** @type {readonly string[]} rungs */
  allow = [];
  mode = '';

  /**
   * @param {CameraLink} link
   * @param {{camera: string, base: string, memory: FailureMemory, candidates: readonly string[] | null,
   *   region: string | null}} options
   */
  constructor(link, { camera, base, memory, candidates, region }) {
    this.#link = link;
    this.#camera = camera;
    this.#base = base;
    this.#memory = memory;
    this.#candidates = candidates;
    this.#region = region;
  }

  /** @returns {readonly string[] | null} kinds of WebRTC's candidates that the page allows; null for all */
  get candidates() {
    return this.#candidates;
  }

  /** Who wants relays alone can't begin before the gateway has named one. */
  get relayOnly() {
    return this.#candidates?.join() === 'relay';
  }

  /** Whether the gateway has said what there is. */
  get planned() {
    return this.#plan !== null;
  }

  /** Whether nobody should wait for that any more. */
  get ready() {
    return this.planned || this.#inVain || !this.relayOnly;
  }

  /** Whether a rung is missing because the gateway has not named the relay that alone may be used. */
  get lacksRelay() {
    return this.#inVain && !this.planned && this.relayOnly && this.allow.includes(WITH_RELAY);
  }

  /** @returns {readonly import('./failure-memory.js').Failure[]} on the network the browser is on now */
  get failures() {
    return this.#memory.recall(Date.now());
  }

  /** Forgets what the gateway said, and what it is being asked. */
  restart() {
    this.#over.abort();
    this.#over = new AbortController();
    this.#asking = null;
    this.#plan = null;
    this.#planAt = -Infinity;
    this.#inVain = false;
  }

  /**
   * Asks the gateway, one question at a time.
   *
   * @returns {Promise<boolean>} whether the answer still matters to somebody
   */
  ask() {
    this.#asking ??= this.#ask();
    return this.#asking;
  }

  async #ask() {
    const { signal } = this.#over;
    const plan = await negotiate(this.#link, this.#camera, request(readCapabilities(), this.#wishes), signal);
    if (signal.aborted) return false;
    this.#asking = null;
    this.#inVain = plan === null;
    if (plan) {
      this.#begunWith.clear();
      this.#plan = plan;
      this.#planAt = nowMs();
    }
    return true;
  }

  /**
   * @param {Camera | null} camera as far as it is known
   * @returns {readonly Step[]} in the order of trying
   */
  steps(camera) {
    this.#guess = guessPlan(camera, readCapabilities(), this.#wishes);
    const known = (this.#plan ?? this.#guess).steps;
    const steps = this.planned || !this.relayOnly ? known : known.filter(({ rung }) => rung !== WITH_RELAY);
    if (steps.length !== 1) return steps;
    const timeoutMs = ALONE_TIMEOUT_MS + (camera?.video?.gop_s ?? 0) * 1000;
    return steps.map((step) => ({ ...step, timeoutMs: Math.max(step.timeoutMs, timeoutMs) }));
  }

  /** @returns {import('./types.js').Failure} for when there is nothing to try; `codec` where another browser would help */
  get lack() {
    const only = this.allow.length === 1 ? this.#absent.find(({ rung }) => rung === this.allow[0]) : undefined;
    const message = only?.message ?? this.#plan?.message ?? this.#absent.at(-1)?.message ?? NOTHING;
    return { code: only?.code === 'browser' || only?.code === 'codec' ? 'codec' : 'absent', message };
  }

  /**
   * @param {string | undefined} rung
   * @returns {readonly Absent[]} why what is better than it is not tried at all; all that is missing where there is no rung
   */
  absentAbove(rung) {
    const better = rung === undefined ? PROTOCOLS : PROTOCOLS.slice(0, PROTOCOLS.indexOf(rung));
    return this.#absent.filter((missing) => better.includes(missing.rung));
  }

  /**
   * @param {string} rung
   * @returns {Absent | null} the reason that is worth telling who watches
   */
  missingAbove(rung) {
    return this.absentAbove(rung).find(({ code }) => code !== 'not_allowed') ?? null;
  }

  /** @returns {readonly Absent[]} */
  get #absent() {
    return (this.#plan ?? this.#guess)?.absent ?? [];
  }

  /** @param {string} rung @returns {RTCIceServer[]} */
  iceServers(rung) {
    return this.#step(rung)?.iceServers ?? [];
  }

  /**
   * @param {string} rung
   * @returns {Promise<RTCIceServer[]>} with credentials that are good for a while yet, if the gateway can be asked for such
   */
  async freshIceServers(rung) {
    const lasting = (/** @type {number} */ leftS) =>
      this.iceServers(rung).filter((server) => (relayEndsS(server) ?? Infinity) - this.#link.nowS > leftS);
    if (lasting(RELAY_LEFT_S).length < this.iceServers(rung).length) {
      await this.#askWithin(this.relayOnly ? RELAY_PATIENCE_MS : PATIENCE_MS);
    }
    return lasting(0);
  }

  /** @param {number} patienceMs */
  async #askWithin(patienceMs) {
    const patience = new Promise((resolve) => {
      setTimeout(resolve, patienceMs);
    });
    await Promise.race([this.ask(), patience]);
  }

  /** @param {string} rung @returns {Promise<string>} where the gateway says that its playlist is; else the usual place */
  async playlist(rung) {
    // Who comes again for another server's address did not get on with it: that server may be gone.
    const again = this.#isElsewhere(rung) && this.#begunWith.has(rung);
    if (again || nowMs() - this.#planAt > FRESH_MS) await this.#askWithin(PATIENCE_MS);
    this.#begunWith.add(rung);
    const own = `${this.#camera}/index.m3u8`;
    const url = this.#step(rung)?.url;
    // The gateway's own is asked for as this page is: its grant is renewed, or its cookie lasts.
    return url && this.#isElsewhere(rung) ? this.#link.granted(new URL(url, this.#base).href) : this.#link.address(own);
  }

  /**
   * @param {string} rung whose playlist is known
   * @returns {(() => Promise<string | null>) | null} asks for the next grant for it; null where nobody has to
   */
  renewal(rung) {
    if (this.#link.renewsGrants || !this.#isElsewhere(rung)) return null;
    return async () => {
      await this.ask();
      const url = this.#step(rung)?.url;
      return url && nowMs() - this.#planAt < FRESH_MS ? grantIn(new URL(url, this.#base).href) : null;
    };
  }

  /** @param {string} rung @returns {boolean} whether another server serves it */
  #isElsewhere(rung) {
    const url = this.#step(rung)?.url;
    return Boolean(url) && !isOwn(url ?? '', this.#base, `${this.#camera}/index.m3u8`);
  }

  /** @param {string} rung */
  #step(rung) {
    return this.#plan?.steps.find((step) => step.rung === rung);
  }

  /** @returns {import('./plan.js').Wishes} */
  get #wishes() {
    return {
      mode: this.mode,
      allow: this.allow,
      candidates: this.#candidates,
      failures: this.failures,
      region: this.#region,
    };
  }
}
