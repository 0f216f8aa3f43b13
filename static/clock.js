/**
 * One clock: this browser's against the gateway's, and RTP time against the moment of capture.
 *
 * Pure.  Milliseconds everywhere, except in the `clock` messages, which protocol.md keeps in seconds.
 */

/** @typedef {import('./types.js').ClockReply} ClockReply */

const SAMPLES_KEPT = 8;
const RTP_WRAP = 2 ** 32;

/**
 * The signed distance `later - earlier` between two 32-bit counters, across their wrap.
 *
 * @param {number} later
 * @param {number} earlier
 * @returns {number}
 */
export function wrappedDifference(later, earlier) {
  const distance = (((later - earlier) % RTP_WRAP) + RTP_WRAP) % RTP_WRAP;
  return distance >= RTP_WRAP / 2 ? distance - RTP_WRAP : distance;
}

/**
 * One exchange as NTP reckons it (RFC 5905 section 8).
 *
 * @param {ClockReply} reply
 * @param {number} t3Ms when the reply arrived, unix milliseconds of this browser
 * @returns {{offsetMs: number, roundTripMs: number}}
 */
export function measureExchange({ t0, t1, t2 }, t3Ms) {
  const t3 = t3Ms / 1000;
  return {
    offsetMs: ((t1 - t0 + (t2 - t3)) / 2) * 1000,
    roundTripMs: (t3 - t0 - (t2 - t1)) * 1000,
  };
}

export class StreamClock {
  /** @type {{offsetMs: number, roundTripMs: number}[]} */
  #samples = [];
  /** @type {{rtpTimestamp: number, clockRate: number, capturedAtMs: number} | null} */
  #mapping = null;

  /**
   * @param {ClockReply} reply
   * @param {number} t3Ms when it arrived, unix milliseconds of this browser
   */
  add(reply, t3Ms) {
    const sample = measureExchange(reply, t3Ms);
    if (!Number.isFinite(sample.offsetMs) || sample.roundTripMs < 0) return;
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES_KEPT) this.#samples.shift();
    if (reply.captured_at && reply.clock_rate && typeof reply.rtp_timestamp === 'number') {
      this.#mapping = {
        rtpTimestamp: reply.rtp_timestamp,
        clockRate: reply.clock_rate,
        capturedAtMs: reply.captured_at * 1000,
      };
    }
  }

  /** Forgets what belongs to one stream; the gateway's clock stays known. */
  forgetStream() {
    this.#mapping = null;
  }

  /** Gateway's clock minus this browser's, from the quickest of the last exchanges; null before the first. */
  get offsetMs() {
    const best = this.#best();
    return best ? best.offsetMs : null;
  }

  get roundTripMs() {
    const best = this.#best();
    return best ? best.roundTripMs : null;
  }

  /**
   * How old a picture is.
   *
   * @param {number} rtpTimestamp as `requestVideoFrameCallback` gives it
   * @param {number} nowMs unix milliseconds of this browser
   * @returns {number | null} null while the clocks are unknown
   */
  latencyMs(rtpTimestamp, nowMs) {
    if (!this.#mapping) return null;
    const ticks = wrappedDifference(rtpTimestamp, this.#mapping.rtpTimestamp);
    const capturedAtMs = this.#mapping.capturedAtMs + (ticks / this.#mapping.clockRate) * 1000;
    return this.ageMs(capturedAtMs, nowMs);
  }

  /**
   * How old what was captured then is now.
   *
   * @param {number} capturedAtMs unix milliseconds of the gateway
   * @param {number} nowMs unix milliseconds of this browser
   * @returns {number | null} null while the gateway's clock is unknown
   */
  ageMs(capturedAtMs, nowMs) {
    const offsetMs = this.offsetMs;
    return offsetMs === null ? null : nowMs + offsetMs - capturedAtMs;
  }

  #best() {
    return this.#samples.reduce(
      (best, sample) => (best === null || sample.roundTripMs < best.roundTripMs ? sample : best),
      /** @type {{offsetMs: number, roundTripMs: number} | null} */ (null),
    );
  }
}
