/**
 * An hls.js player for tests, with hls.js's own settings unless told otherwise.  It remembers every picture (picture-log.js),
 * and everything hls.js complained about.
 */
class HlsTestPlayer extends globalThis.PictureLog {
  errors = [];
  #restart = 0;
  #url;

  constructor(url, config) {
    super();
    this.#url = url;
    this.video.muted = true;
    this.hls = new Hls(config);
    this.hls.on(Hls.Events.ERROR, (_, { details, fatal, reason }) => this.errors.push({ details, fatal, reason: reason ?? '' }));
    this.hls.loadSource(url);
    this.hls.attachMedia(this.video);
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

  play() {
    this.video.play().catch(() => undefined);
  }

  /** From now on a part is parsed only when a playlist has come that tells of more. */
  parseLate() {
    const { hls } = this;
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function post(...message) {
      hls.once(Hls.Events.LEVEL_UPDATED, () => postMessage.apply(this, message));
    };
  }

  close() {
    clearTimeout(this.#restart);
    this.hls.destroy();
    super.close();
  }
}

globalThis.HlsTestPlayer = HlsTestPlayer;
