/**
 * A media source fed with fragments as they come, played at its live edge, in bounded memory.
 *
 * Events: `broken` (detail: what the browser says; it takes nothing more), `overfull` (what came could not be kept: begin
 * another stream).
 */

import { playAtOnce } from './autoplay.js';
import { BackBuffer } from './back-buffer.js';
import { readFragment, readVideoTrack } from './fragment.js';
import { LiveEdge } from './live-edge.js';

/** @typedef {{kind: 'stream', type: string} | {kind: 'bytes', bytes: ArrayBuffer}} Piece */

const MOST_WAITING_BYTES = 12 << 20;
const STARVED_S = 0.05;

/**
 * @param {ArrayBuffer[]} pieces
 * @returns {ArrayBuffer | Uint8Array<ArrayBuffer>} all of them: appending costs the same for many as for one
 */
function inOne(pieces) {
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(new Uint8Array(piece), at);
    at += piece.byteLength;
  }
  return all;
}

export class FragmentBuffer extends EventTarget {
  #video;
  #source;
  #address;
  /** @type {SourceBuffer | null} */
  #buffer = null;
  #type = '';
  /** Until `updateend` is heard: `updating` is over a moment before. */
  #busy = false;
  /** @type {Piece[]} */
  #waiting = [];
  #waitingBytes = 0;
  /** A new stream's first piece says how to read the others. */
  #beginning = true;
  /** @type {import('./fragment.js').VideoTrack | null} */
  #track = null;
  /** @type {number | null} from the time in the fragments to the element's, in seconds */
  #shiftS = null;
  /** @type {number[]} of keyframes not in the buffer yet, in the fragments' time */
  #arriving = [];
  #back = new BackBuffer();
  #edge = new LiveEdge();
  #endBefore = 0;
  #listening = new AbortController();
  #started = false;
  #paused = false;

  /**
   * @param {HTMLVideoElement} video
   * @param {typeof MediaSource} Kind
   */
  constructor(video, Kind) {
    super();
    this.#video = video;
    this.#source = new Kind();
    const { signal } = this.#listening;
    this.#source.addEventListener('sourceopen', () => this.#opened(), { signal });
    const media = /** @type {HTMLElement} */ (video);
    media.addEventListener('error', () => this.#broke(video.error?.message ?? ''), { signal });
    media.addEventListener('waiting', () => this.#starved(), { signal });
    media.addEventListener('seeked', () => this.#edge.joined(), { signal });
    // A managed source plays only where a picture can't be sent elsewhere.
    video.disableRemotePlayback = true;
    this.#address = URL.createObjectURL(this.#source);
    video.src = this.#address;
  }

  /** Lets go of the video. */
  close() {
    this.#listening.abort();
    URL.revokeObjectURL(this.#address);
    this.#waiting = [];
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  /** @returns {number} seconds between the picture on the screen and the newest here */
  get leadS() {
    return Math.max(0, this.#end - this.#video.currentTime);
  }

  /** What follows is another stream. @param {string} type MIME type with codecs */
  begin(type) {
    this.#beginning = true;
    this.#waiting = [{ kind: 'stream', type }];
    this.#waitingBytes = 0;
    this.#arriving = [];
    this.#pump();
  }

  /** @param {ArrayBuffer} bytes the stream's initialization section, and then its fragments */
  add(bytes) {
    if (this.#beginning) {
      this.#beginning = false;
      this.#track = readVideoTrack(bytes);
    } else if (this.#track) {
      const fragment = readFragment(bytes, this.#track);
      if (fragment?.keyframe) this.#arriving.push(fragment.startS);
    }
    this.#waitingBytes += bytes.byteLength;
    if (this.#waitingBytes > MOST_WAITING_BYTES) {
      this.#overfull();
      return;
    }
    this.#waiting.push({ kind: 'bytes', bytes });
    this.#pump();
  }

  /** @param {{least: number, most: number}} marginS as `LiveEdge.aim` */
  aim(marginS) {
    this.#edge.aim(marginS);
  }

  /** A picture is on the screen. */
  joined() {
    this.#edge.joined();
  }

  /** Nobody looks; what comes is kept for a moment and thrown away. */
  pause() {
    this.#paused = true;
    this.#video.pause();
  }

  /** Plays what is live now. */
  resume() {
    this.#paused = false;
    this.#edge.join();
    this.#steer();
    this.#edge.joined();
    playAtOnce(this.#video);
  }

  #opened() {
    URL.revokeObjectURL(this.#address);
    this.#pump();
  }

  #pump() {
    if (this.#source.readyState !== 'open' || this.#busy || this.#listening.signal.aborted) return;
    const [next] = this.#waiting;
    if (!next) return;
    try {
      if (next.kind === 'stream') this.#beginStream(next.type);
      else this.#append();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'QuotaExceededError') this.#makeRoom();
      else this.#broke(String(error));
    }
  }

  /** @param {string} type */
  #beginStream(type) {
    this.#waiting.shift();
    this.#shiftS = null;
    this.#edge.join();
    if (!this.#buffer) {
      this.#buffer = this.#source.addSourceBuffer(type);
      this.#buffer.addEventListener('updateend', () => this.#updated(), { signal: this.#listening.signal });
    } else {
      this.#buffer.abort();
      if (type !== this.#type) this.#buffer.changeType(type);
      // Its times may be anywhere: what there is of the old would be in the way.
      if (this.#buffer.buffered.length > 0) this.#remove(Infinity);
    }
    this.#type = type;
    this.#back.clear();
    this.#pump();
  }

  #append() {
    const next = this.#waiting.findIndex(({ kind }) => kind === 'stream');
    const count = next < 0 ? this.#waiting.length : next;
    const bytes = inOne(this.#waiting.slice(0, count).flatMap((piece) => (piece.kind === 'bytes' ? [piece.bytes] : [])));
    const endBefore = this.#end;
    this.#buffer?.appendBuffer(bytes);
    this.#busy = true;
    this.#endBefore = endBefore;
    this.#waiting = this.#waiting.slice(count);
    this.#waitingBytes -= bytes.byteLength;
  }

  #updated() {
    this.#busy = false;
    const ranges = this.#ranges;
    const { currentTime: position } = this.#video;
    if (ranges.length > 0) {
      this.#placeKeyframes(ranges[0][0]);
      // At the beginning, and after taking something away, there is nothing to learn from.
      if (this.#endBefore > 0) {
        this.#edge.arrived({ nowMs: performance.now(), position, endBefore: this.#endBefore, end: this.#end });
      }
      this.#endBefore = 0;
      this.#steer();
      if (!this.#started) {
        this.#started = true;
        if (!this.#paused) playAtOnce(this.#video);
      }
      if (this.#takeAway({ hard: false })) return;
    }
    this.#pump();
  }

  /** @param {number} startS of the buffer */
  #placeKeyframes(startS) {
    // Players differ in what they make of a stream that begins late.
    this.#shiftS ??= this.#arriving.length > 0 ? startS - this.#arriving[0] : 0;
    for (const at of this.#arriving) this.#back.keyframe(at + this.#shiftS);
    this.#arriving = [];
  }

  #steer() {
    const video = this.#video;
    if (video.seeking || this.#paused) return;
    const { rate, seekTo } = this.#edge.decide({
      nowMs: performance.now(),
      position: video.currentTime,
      ranges: this.#ranges,
    });
    if (seekTo !== null) video.currentTime = seekTo;
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }

  #starved() {
    if (!this.#video.seeking && !this.#paused && this.leadS < STARVED_S) this.#edge.stalled(performance.now());
  }

  /**
   * @param {{hard: boolean}} how
   * @returns {boolean} whether something goes
   */
  #takeAway({ hard }) {
    const { currentTime: position } = this.#video;
    const start = this.#ranges[0]?.[0] ?? 0;
    const upTo = this.#back.removable({ start, position, end: this.#end }, { hard });
    if (upTo === null) return false;
    this.#remove(upTo);
    return true;
  }

  /** @param {number} upToS */
  #remove(upToS) {
    this.#buffer?.remove(0, upToS);
    this.#busy = true;
  }

  #makeRoom() {
    if (!this.#takeAway({ hard: true })) this.#overfull();
  }

  #overfull() {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.dispatchEvent(new Event('overfull'));
  }

  /** @param {string} reason */
  #broke(reason) {
    if (this.#listening.signal.aborted) return;
    this.#listening.abort();
    this.dispatchEvent(new CustomEvent('broken', { detail: reason }));
  }

  get #ranges() {
    const { buffered } = this.#buffer ?? {};
    return Array.from({ length: buffered?.length ?? 0 }, (_, index) => /** @type {[number, number]} */ ([
      buffered?.start(index) ?? 0,
      buffered?.end(index) ?? 0,
    ]));
  }

  get #end() {
    return this.#ranges.at(-1)?.[1] ?? 0;
  }
}
