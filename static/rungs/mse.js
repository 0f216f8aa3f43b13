/**
 * The `mse` rung: fragmented MP4 over the signalling socket, picture by picture (protocol.md; go2rtc's messages).
 *
 * Needs no port but the page's own.  A socket that comes back is asked again, and the last picture stays until then.
 */

import { modeOf } from '../modes.js';
import { mediaSourceKind, supportedCodecs } from './codecs.js';
import { FragmentBuffer } from './fragment-buffer.js';
import { Rung } from './rung.js';

/**
 * @typedef {import('../types.js').Message} Message
 * @typedef {import('./rung.js').RungOptions} RungOptions
 */

/** A decoder that breaks again so soon will not be mended by another. */
const REBUILT_FOR_GOOD_MS = 30_000;
/** Where so soon after beginning anew there is no room again, beginning anew does not make any. */
const ROOM_FOR_GOOD_MS = 5000;

const NO_SOCKET = 'The WebSocket did not open.';

export class MseRung extends Rung {
  /** @type {HTMLVideoElement | null} */
  #video = null;
  /** @type {RungOptions | null} */
  #options = null;
  /** @type {FragmentBuffer | null} */
  #buffer = null;
  /** @type {typeof MediaSource | undefined} */
  #Kind;
  #codecs = '';
  /** Fragments that come belong to the last request. */
  #flowing = false;
  #bytesReceived = 0;
  /** @type {number | null} unix milliseconds of the gateway at which the player's time was 0 */
  #zeroAtMs = null;
  #rebuiltAt = -Infinity;
  #overfullAt = -Infinity;
  /** @type {string | null} when it was changed since the start */
  #mode = null;
  #leadSumS = 0;
  #leadCount = 0;

  /** @override */
  get name() {
    return 'mse';
  }

  /** @override */
  get excuse() {
    return this.#options?.signalling.isOpen ? null : { code: /** @type {const} */ ('signalling'), message: NO_SOCKET };
  }

  /**
   * @override
   * @param {HTMLVideoElement} video
   * @param {RungOptions} options
   */
  start(video, options) {
    this.#video = video;
    this.#options = options;
    const Kind = mediaSourceKind();
    if (!Kind) {
      this.fail('codec', 'This browser has no Media Source Extensions, which MSE needs.');
      return;
    }
    this.#Kind = Kind;
    const codecs = supportedCodecs((type) => Kind.isTypeSupported(type), options);
    if (codecs.length === 0) {
      this.fail('codec', "This browser can't play H.264 over MSE.");
      return;
    }
    this.#codecs = codecs.join(',');
    const { signal } = this;
    const { signalling } = options;
    if (signalling.failing) {
      this.fail('signalling', NO_SOCKET);
      return;
    }
    signalling.addEventListener('open', () => this.#request(), { signal });
    signalling.addEventListener('down', () => this.#socketGone(), { signal });
    signalling.addEventListener(
      'message',
      (event) => this.#receive(/** @type {CustomEvent<Message>} */ (event).detail),
      { signal },
    );
    signalling.addEventListener(
      'binary',
      (event) => this.#take(/** @type {CustomEvent<ArrayBuffer>} */ (event).detail),
      { signal },
    );
    this.awaitPicture(video, () => this.#buffer?.joined());
    this.#build();
    this.#request();
  }

  /** @override */
  stop() {
    super.stop();
    const buffer = this.#buffer;
    this.#buffer = null;
    if (!buffer) return;
    buffer.close();
    // The socket stays, and must not carry pictures for nobody.
    this.#options?.signalling.send({ type: 'mse', value: '' });
    this.#video = null;
  }

  /** @override @param {boolean} hidden */
  set hidden(hidden) {
    if (hidden) this.#buffer?.pause();
    else this.#buffer?.resume();
  }

  /** @override */
  async count() {
    const video = this.#video;
    if (!video) return null;
    this.#leadSumS += this.#buffer?.leadS ?? 0;
    this.#leadCount += 1;
    return this.countedBy(video, {
      bytesReceived: this.#bytesReceived,
      jitterBufferDelayS: this.#leadSumS,
      jitterBufferEmitted: this.#leadCount,
      transport: 'WebSocket',
      roundTripMs: this.#options?.clock.roundTripMs ?? null,
    });
  }

  /**
   * @override
   * @param {VideoFrameCallbackMetadata} metadata
   * @param {number} now
   */
  latencyMs({ mediaTime }, now) {
    return this.#zeroAtMs === null ? null : (this.#options?.clock.ageMs(this.#zeroAtMs + mediaTime * 1000, now) ?? null);
  }

  /** @override @param {string} mode */
  set mode(mode) {
    this.#mode = mode;
    this.#buffer?.aim(modeOf(mode).marginS);
  }

  /** @override */
  reattach() {
    this.#buffer?.close();
    this.#build();
    this.#request();
  }

  #build() {
    if (!this.#video || !this.#Kind) return;
    const buffer = new FragmentBuffer(this.#video, this.#Kind);
    this.#buffer = buffer;
    buffer.aim(modeOf(this.#mode ?? this.#options?.mode).marginS);
    buffer.addEventListener('broken', (event) => this.#broken(/** @type {CustomEvent<string>} */ (event).detail));
    buffer.addEventListener('overfull', () => this.#overfull());
  }

  #overfull() {
    const now = performance.now();
    const soon = now - this.#overfullAt < ROOM_FOR_GOOD_MS;
    this.#overfullAt = now;
    if (soon) this.#broken('it has no room for these pictures');
    else this.#request();
  }

  /** @param {string} reason */
  #broken(reason) {
    const now = performance.now();
    this.#buffer?.close();
    if (now - this.#rebuiltAt < REBUILT_FOR_GOOD_MS) {
      this.#buffer = null;
      this.#options?.signalling.send({ type: 'mse', value: '' });
      this.fail('decode', `This browser's decoder gave up: ${reason || 'it does not say why'}`);
      return;
    }
    this.#rebuiltAt = now;
    this.#build();
    this.#request();
  }

  #request() {
    const { signalling, answerDeadlineMs } = this.#options ?? {};
    this.#flowing = false;
    const sent = signalling?.send({ type: 'mse', value: this.#codecs });
    if (!sent || answerDeadlineMs === undefined || this.pictureCame) return;
    this.progress(0.4);
    this.expect(answerDeadlineMs, () => this.fail('signalling', 'The gateway did not answer in time.'));
  }

  #socketGone() {
    this.#flowing = false;
    if (!this.pictureCame) this.fail('signalling', NO_SOCKET);
  }

  /** @param {Message} message */
  #receive({ type, value, captured_at: capturedAt }) {
    if (type === 'error' && typeof value === 'string' && value.startsWith('mse')) {
      this.fail('refused', value.replace(/^mse[^:]*:\s*/, ''));
      return;
    }
    if (type !== 'mse' || typeof value !== 'string') return;
    this.#flowing = true;
    this.#zeroAtMs = typeof capturedAt === 'number' ? capturedAt * 1000 : null;
    this.#buffer?.begin(value);
    if (this.pictureCame) return;
    this.progress(0.7);
    this.expect(this.#options?.pictureDeadlineMs ?? 0, () =>
      this.fail('first-frame', 'The gateway answered, but no picture came.'),
    );
  }

  /** @param {ArrayBuffer} bytes */
  #take(bytes) {
    this.#bytesReceived += bytes.byteLength;
    if (this.#flowing) this.#buffer?.add(bytes);
  }
}
