/**
 * Plays what a gateway's WebSocket sends for Media Source Extensions, as go2rtc's player does, but near the live edge.
 * It remembers every picture on the screen with its burned-in clock, every media type it was told, and every error.
 */
class MseTestPlayer {
  static BLOCKS = 32;
  static KEPT = 20_000;
  static BEHIND_S = 0.06;
  static TOO_FAR_S = 0.4;

  pictures = [];
  types = [];
  errors = [];
  states = [];
  messages = 0;
  bytes = 0;
  #queue = [];
  #strip = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });

  constructor(url, codecs) {
    this.video = document.createElement('video');
    Object.assign(this.video, { autoplay: true, muted: true, playsInline: true });
    document.body.append(this.video);
    this.video.requestVideoFrameCallback(this.#presented);
    this.video.onerror = () => this.errors.push(this.video.error.message);
    this.startedAt = performance.now();
    this.source = new MediaSource();
    this.video.src = URL.createObjectURL(this.source);
    this.socket = new WebSocket(url);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onmessage = ({ data }) => this.#received(data);
    const opened = new Promise((resolve) => this.socket.addEventListener('open', resolve));
    const ready = new Promise((resolve) => this.source.addEventListener('sourceopen', resolve));
    void Promise.all([opened, ready]).then(() => this.ask(codecs));
  }

  ask(codecs) {
    this.send('mse', codecs);
  }

  send(type, value) {
    this.socket.send(JSON.stringify({ type, value }));
  }

  #received(data) {
    if (typeof data !== 'string') {
      this.messages += 1;
      this.bytes += data.byteLength;
      this.#queue.push(data);
      this.#feed();
      return;
    }
    const { type, value } = JSON.parse(data);
    if (type === 'error') this.errors.push(value);
    if (type === 'state') this.states.push(value.state);
    if (type !== 'mse') return;
    this.types.push(value);
    if (!this.buffer) {
      this.buffer = this.source.addSourceBuffer(value);
      this.buffer.addEventListener('updateend', () => {
        this.#stayLive();
        this.#feed();
      });
    }
  }

  #feed() {
    if (!this.buffer || this.buffer.updating || this.#queue.length === 0 || this.video.error) return;
    const waiting = this.#queue;
    this.#queue = [];
    const size = waiting.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const all = new Uint8Array(size);
    let place = 0;
    for (const data of waiting) {
      all.set(new Uint8Array(data), place);
      place += data.byteLength;
    }
    this.buffer.appendBuffer(all);
  }

  #stayLive() {
    const { buffered } = this.buffer;
    if (buffered.length === 0) return;
    const end = buffered.end(buffered.length - 1);
    const behind = end - this.video.currentTime;
    if (behind > MseTestPlayer.TOO_FAR_S) this.video.currentTime = end - MseTestPlayer.BEHIND_S;
    else this.video.playbackRate = behind > 2 * MseTestPlayer.BEHIND_S ? 1.1 : 1;
  }

  #presented = (_, { width, height, mediaTime }) => {
    this.video.requestVideoFrameCallback(this.#presented);
    const now = performance.now();
    const at = performance.timeOrigin + now;
    this.pictures.push({ at, afterMs: now - this.startedAt, mediaTime, width, height, clock: this.#readClock() });
    if (this.pictures.length > MseTestPlayer.KEPT) this.pictures.shift();
  };

  /** Unix milliseconds mod 2^32 from the strip across the top; null where a block is neither black nor white. */
  #readClock() {
    const { videoWidth: width } = this.video;
    const block = Math.floor(width / MseTestPlayer.BLOCKS);
    if (block < 1) return null;
    if (this.#strip.canvas.width !== width) this.#strip.canvas.width = width;
    this.#strip.drawImage(this.video, 0, block >> 1, width, 1, 0, 0, width, 1);
    const { data } = this.#strip.getImageData(0, 0, width, 1);
    let value = 0;
    for (let bit = 0; bit < MseTestPlayer.BLOCKS; bit += 1) {
      const green = data[(bit * block + (block >> 1)) * 4 + 1];
      if (green > 80 && green < 176) return null;
      value = value * 2 + (green > 128 ? 1 : 0);
    }
    return value;
  }

  /** Resolves when `condition(this)` holds; looked at every 50 ms. */
  until(condition, withinMs) {
    return new Promise((resolve, reject) => {
      const begun = performance.now();
      const ticker = setInterval(() => {
        if (condition(this)) {
          clearInterval(ticker);
          resolve(this.pictures.length);
        } else if (performance.now() - begun > withinMs) {
          clearInterval(ticker);
          reject(new Error(`not within ${withinMs} ms: ${condition} ${this}`));
        }
      }, 50);
    });
  }

  toString() {
    const { buffered, currentTime } = this.video;
    const ranges = Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
    return JSON.stringify({ ...this, pictures: this.pictures.length, last: this.pictures.at(-1), ranges, currentTime });
  }

  close() {
    this.socket.close();
    this.video.remove();
  }
}

globalThis.MseTestPlayer = MseTestPlayer;
