/**
 * How long a browser holds pictures back, where the gateway can't say so: with the playout-delay extension it does, and
 * nothing here does anything.  The delay is changed in steps that nobody sees.
 */

/** A header extension (http://www.webrtc.org/experiments/rtp-hdrext/playout-delay). */
const EXTENSION = 'playout-delay';
const STEP_MS = 25;
const STEP_EVERY_MS = 250;

export class PlayoutDelay {
  #connection;
  #delayMs = 0;
  #aimMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #next;

  /** @param {Pick<RTCPeerConnection, 'remoteDescription' | 'getReceivers'>} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  /** From the answer on; none before it. @param {number} delayMs */
  aim(delayMs) {
    this.#aimMs = delayMs;
    this.#step();
  }

  stop() {
    clearTimeout(this.#next);
  }

  #step() {
    clearTimeout(this.#next);
    const { remoteDescription } = this.#connection;
    if (remoteDescription?.sdp.includes(EXTENSION)) return;
    for (const receiver of this.#connection.getReceivers()) {
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = this.#delayMs;
    }
    const leftMs = remoteDescription ? this.#aimMs - this.#delayMs : 0;
    if (leftMs === 0) return;
    this.#delayMs += Math.sign(leftMs) * Math.min(STEP_MS, Math.abs(leftMs));
    this.#next = setTimeout(() => this.#step(), STEP_EVERY_MS);
  }
}
