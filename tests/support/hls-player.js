/**
 * An hls.js player for tests, with hls.js's own settings unless told otherwise.  It remembers of every picture on the
 * screen its burned-in clock, and everything hls.js complained about.
 */
class HlsTestPlayer {
  static BLOCKS = 32;
  static KEPT = 20_000;

  pictures = [];
  errors = [];
  #strip = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });

  #restart = 0;
  #url;

  constructor(url, config) {
    this.#url = url;
    this.video = document.createElement('video');
    Object.assign(this.video, { autoplay: true, muted: true, playsInline: true });
    document.body.append(this.video);
    this.video.requestVideoFrameCallback(this.#presented);
    this.startedAt = performance.now();
    this.hls = new Hls(config);
    this.hls.on(Hls.Events.ERROR, (_, { details, fatal, reason }) => this.errors.push({ details, fatal, reason: reason ?? '' }));
    this.hls.loadSource(url);
    this.hls.attachMedia(this.video);
  }

  #presented = (_, { width, height }) => {
    this.video.requestVideoFrameCallback(this.#presented);
    const now = performance.now();
    const at = performance.timeOrigin + now;
    this.pictures.push({ at, afterMs: now - this.startedAt, width, height, clock: this.#readClock() });
    if (this.pictures.length > HlsTestPlayer.KEPT) this.pictures.shift();
  };

  /** Unix milliseconds mod 2^32 from the strip across the top; null where a block is neither black nor white. */
  #readClock() {
    const { videoWidth: width } = this.video;
    const block = Math.floor(width / HlsTestPlayer.BLOCKS);
    if (block < 1) return null;
    if (this.#strip.canvas.width !== width) this.#strip.canvas.width = width;
    this.#strip.drawImage(this.video, 0, block >> 1, width, 1, 0, 0, width, 1);
    const { data } = this.#strip.getImageData(0, 0, width, 1);
    let value = 0;
    for (let bit = 0; bit < HlsTestPlayer.BLOCKS; bit += 1) {
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
    return `(${this.pictures.length} pictures, the last ${JSON.stringify(this.pictures.at(-1))}, ${JSON.stringify(this.errors)})`;
  }

  /** What a page does whose player has given up: half a second later it loads the multivariant playlist again. */
  restartWhenFatal() {
    this.hls.on(Hls.Events.ERROR, (_, { fatal }) => {
      if (!fatal) return;
      clearTimeout(this.#restart);
      this.#restart = setTimeout(() => this.hls.loadSource(this.#url), 500);
    });
  }

  close() {
    clearTimeout(this.#restart);
    this.hls.destroy();
    this.video.remove();
  }
}

globalThis.HlsTestPlayer = HlsTestPlayer;
