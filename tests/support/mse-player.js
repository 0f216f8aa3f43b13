/**
 * Plays what a gateway's WebSocket sends for Media Source Extensions, as go2rtc's player does, but near the live edge.
 * It remembers every picture (picture-log.js), every media type it was told, and every error.
 */
class MseTestPlayer extends globalThis.PictureLog {
  static BEHIND_S = 0.06;
  static TOO_FAR_S = 0.4;

  types = [];
  errors = [];
  states = [];
  messages = 0;
  bytes = 0;
  #queue = [];
  #closed = false;

  constructor(url, codecs) {
    super(({ mediaTime }) => ({ mediaTime }));
    this.video.muted = true;
    this.video.onerror = () => this.errors.push(this.video.error.message);
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
        // The last one comes when the element has let go of it.
        if (this.#closed) return;
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

  toString() {
    const { buffered, currentTime } = this.video;
    const ranges = Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
    return JSON.stringify({ ...this, pictures: this.pictures.length, last: this.pictures.at(-1), ranges, currentTime });
  }

  close() {
    this.#closed = true;
    this.socket.onmessage = null;
    this.socket.close();
    super.close();
  }
}

globalThis.MseTestPlayer = MseTestPlayer;
