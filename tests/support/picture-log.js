/**
 * A `<video>` on the page and what was seen on it: the base of all test players.
 *
 * It remembers of every picture on the screen its burned-in clock, in unix milliseconds mod 2^32; null where the strip
 * across the top has a block that is neither black nor white.
 */
class PictureLog {
  static #BLOCKS = 32;
  static #KEPT = 20_000;
  static #LOOK_EVERY_MS = 50;

  pictures = [];
  video = document.createElement('video');
  #strip = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  #waiting = new Set();

  /** @param besides what else is remembered of a picture, from its metadata */
  constructor(besides = () => ({})) {
    Object.assign(this.video, { autoplay: true, playsInline: true });
    document.body.append(this.video);
    const presented = (_, metadata) => {
      this.video.requestVideoFrameCallback(presented);
      const now = performance.now();
      const { width, height } = metadata;
      const at = performance.timeOrigin + now;
      this.pictures.push({ at, afterMs: now - this.startedAt, width, height, clock: this.#readClock(), ...besides(metadata) });
      if (this.pictures.length > PictureLog.#KEPT) this.pictures.shift();
      this.look();
    };
    this.startedAt = performance.now();
    this.video.requestVideoFrameCallback(presented);
  }

  #readClock() {
    const { videoWidth: width } = this.video;
    const block = Math.floor(width / PictureLog.#BLOCKS);
    if (block < 1) return null;
    if (this.#strip.canvas.width !== width) this.#strip.canvas.width = width;
    this.#strip.drawImage(this.video, 0, block >> 1, width, 1, 0, 0, width, 1);
    const { data } = this.#strip.getImageData(0, 0, width, 1);
    let value = 0;
    for (let bit = 0; bit < PictureLog.#BLOCKS; bit += 1) {
      const green = data[(bit * block + (block >> 1)) * 4 + 1];
      if (green > 80 && green < 176) return null;
      value = value * 2 + (green > 128 ? 1 : 0);
    }
    return value;
  }

  /** Resolves when `condition(this)` holds; looked at after each picture and whatever else calls `look`, and now and then. */
  until(condition, withinMs) {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        this.#waiting.delete(check);
        clearTimeout(deadline);
        clearInterval(ticker);
        settle(value);
      };
      const check = () => condition(this) && finish(resolve, this.pictures.length);
      const ticker = setInterval(check, PictureLog.#LOOK_EVERY_MS);
      const deadline = setTimeout(() => finish(reject, new Error(`not within ${withinMs} ms: ${condition} ${this}`)), withinMs);
      this.#waiting.add(check);
      check();
    });
  }

  look() {
    for (const check of [...this.#waiting]) check();
  }

  close() {
    this.video.srcObject = null;
    this.video.remove();
  }
}

globalThis.PictureLog = PictureLog;
