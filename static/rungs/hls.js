/**
 * The `ll-hls` and `hls` rungs: one playlist, near its end or further behind, by hls.js or by the browser itself.
 *
 * hls.js where there is a media source, iPhones' managed one included: it stays closer to live, and takes a renewed grant
 * without a gap.  Else the browser's own player, if it has one.
 */

import { deviceTier } from '../capabilities.js';
import { expiryOf, grantIn } from '../grant-path.js';
import { GrantRenewal } from '../grant-renewal.js';
import { modeOf } from '../modes.js';
import { nowMs } from '../now.js';
import { playAtOnce } from './autoplay.js';
import { mediaSourceKind, playsHlsItself } from './codecs.js';
import { grantingLoader, hlsConfig, HlsMissing, loadHlsJs } from './hls-js.js';
import { HlsPace } from './hls-pace.js';
import { hlsValues } from './hls-values.js';
import { PlaylistAccess } from './playlist-access.js';
import { Rung } from './rung.js';

/**
 * @typedef {import('../types.js').Failure} Failure
 * @typedef {import('./rung.js').RungOptions} RungOptions
 * @typedef {import('./hls-js.js').HlsModule} HlsModule
 * @typedef {InstanceType<import('./hls-js.js').HlsClass>} Hls
 * @typedef {import('hls.js').ErrorData} ErrorData
 */

/** A picture that breaks again so soon will not be mended by another try. */
const RECOVERED_FOR_GOOD_MS = 30_000;
/** How long before its grant ends a player that can't be told of another is started anew. */
const RELOAD_BEFORE_S = 20;
const REFUSALS = new Set([401, 403, 404, 409, 422]);

export class HlsRung extends Rung {
  #lowLatency;
  /** @type {HTMLVideoElement | null} */
  #video = null;
  /** @type {RungOptions | null} */
  #options = null;
  /** @type {Hls | null} */
  #hls = null;
  /** @type {PlaylistAccess | null} null before it is known where the playlist is */
  #access = null;
  #playsByItself = false;
  /** @type {GrantRenewal | null} */
  #renewal = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #reload;
  #bytesReceived = 0;
  #recoveredAt = -Infinity;
  /** @type {HlsPace | null} */
  #pace = null;
  /** @type {string | null} when it was changed since the start */
  #mode = null;

  /** @param {{lowLatency: boolean}} profile */
  constructor({ lowLatency }) {
    super();
    this.#lowLatency = lowLatency;
  }

  /** @override */
  get name() {
    return this.#lowLatency ? 'll-hls' : 'hls';
  }

  /**
   * @override
   * @param {HTMLVideoElement} video
   * @param {RungOptions} options
   */
  start(video, options) {
    this.#video = video;
    this.#options = options;
    this.awaitPicture(video);
    this.expect(options.answerDeadlineMs + options.pictureDeadlineMs, () =>
      this.fail('first-frame', 'The playlist came too late, or no picture in it.'),
    );
    this.#begin(video, options).catch((/** @type {unknown} */ error) =>
      this.fail('network', error instanceof Error ? error.message : String(error)),
    );
  }

  /** @override */
  stop() {
    super.stop();
    clearTimeout(this.#reload);
    this.#renewal?.stop();
    this.#hls?.destroy();
    this.#hls = null;
    this.#pace = null;
    const video = this.#video;
    this.#video = null;
    if (!video) return;
    video.removeAttribute('src');
    video.load();
  }

  /**
   * @override
   * @param {string} grant
   */
  renew(grant) {
    void this.#access?.renew(grant);
    this.#planReload();
  }

  /** @override @param {boolean} hidden */
  set hidden(hidden) {
    const video = this.#video;
    if (!video) return;
    if (hidden) {
      video.pause();
      return;
    }
    const live = this.#hls ? this.#hls.liveSyncPosition : null;
    if (live !== null && live > video.currentTime) video.currentTime = live;
    playAtOnce(video);
  }

  /** @override @param {string} mode */
  set mode(mode) {
    this.#mode = mode;
    this.#pace?.change(this.#values());
  }

  #values() {
    return hlsValues(modeOf(this.#mode ?? this.#options?.mode).name, deviceTier());
  }

  /** @override */
  get segmentS() {
    const { details } = this.#hls?.levels[this.#hls.currentLevel] ?? {};
    return (this.#hls?.config.lowLatencyMode ? details?.partTarget : details?.targetduration) ?? 0;
  }

  /** @override */
  reattach() {
    this.#hls?.recoverMediaError();
    if (this.#video) playAtOnce(this.#video);
  }

  /** @override */
  async count() {
    const video = this.#video;
    if (!video) return null;
    const roundTripMs = this.#options?.clock.roundTripMs ?? null;
    return this.countedBy(video, { bytesReceived: this.#bytesReceived, roundTripMs });
  }

  /**
   * @override
   * @param {VideoFrameCallbackMetadata} metadata
   * @param {number} now
   */
  latencyMs({ mediaTime }, now) {
    const capturedAtMs = this.#capturedAtMs(mediaTime);
    return capturedAtMs === null ? null : (this.#options?.clock.ageMs(capturedAtMs, now) ?? null);
  }

  /** @param {number} mediaTimeS */
  #capturedAtMs(mediaTimeS) {
    const video = this.#video;
    if (!video) return null;
    if (this.#hls) {
      const date = this.#hls.playingDate?.getTime();
      return date === undefined ? null : date + (mediaTimeS - video.currentTime) * 1000;
    }
    const { getStartDate } = /** @type {{getStartDate?: () => Date}} */ (/** @type {unknown} */ (video));
    const startMs = getStartDate?.call(video).getTime();
    return startMs ? startMs + mediaTimeS * 1000 : null;
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {RungOptions} options
   */
  async #begin(video, options) {
    const [playlist, module] = await Promise.all([options.playlist(), this.#module()]);
    if (this.signal.aborted) return;
    this.progress(0.4);
    this.#access = new PlaylistAccess(playlist, this.signal);
    this.#renewBy(options.renewal(), playlist, options);
    if (module && !(module instanceof HlsMissing) && module.default.isSupported()) {
      this.#playByHlsJs(module, video, playlist);
    } else if (playsHlsItself(video)) this.#playByItself(video, playlist);
    else if (module instanceof HlsMissing) this.fail('missing', module.message);
    else this.fail('codec', "This browser can't play HLS.");
  }

  /**
   * @param {(() => Promise<string | null>) | null} getGrant
   * @param {string} playlist
   * @param {RungOptions} options
   */
  #renewBy(getGrant, playlist, { clock }) {
    const grant = grantIn(playlist);
    if (!getGrant || grant === null) return;
    /** @param {string} fresh */
    const send = (fresh) => {
      this.renew(fresh);
      return false;
    };
    this.#renewal = new GrantRenewal({ getGrant, send, nowS: () => (nowMs() + (clock.offsetMs ?? 0)) / 1000 });
    this.#renewal.start(grant);
  }

  /** @returns {Promise<HlsModule | HlsMissing | null>} null where it would be of no use */
  async #module() {
    if (!mediaSourceKind()) return null;
    try {
      return await loadHlsJs();
    } catch (error) {
      if (error instanceof HlsMissing) return error;
      throw error;
    }
  }

  /**
   * @param {HlsModule} module
   * @param {HTMLVideoElement} video
   * @param {string} playlist
   */
  #playByHlsJs({ default: Hls, Events, ErrorTypes }, video, playlist) {
    const loader = grantingLoader(Hls.DefaultConfig.loader, {
      address: (url) => this.#access?.address(url) ?? url,
      received: (bytes) => {
        this.#bytesReceived += bytes;
      },
    });
    // There is nothing to convert, and so nothing for a worker: fragments go in as they come.
    // The first picture comes by parts: a playlist that has just begun has no whole segment yet.
    const how = { lowLatency: this.#lowLatency, values: this.#values() };
    const hls = new Hls({ ...hlsConfig(how, how.values), lowLatencyMode: this.#lowLatency, enableWorker: false, loader });
    this.#hls = hls;
    const pace = new HlsPace(hls, video, how);
    this.#pace = pace;
    const keep = () => this.pictureCame && pace.keep();
    hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
      pace.updated(details);
      keep();
    });
    // Playlists of whole segments come too seldom for that.
    /** @type {HTMLElement} */ (video).addEventListener('timeupdate', keep, { signal: this.signal });
    hls.on(Events.MANIFEST_PARSED, () => this.progress(0.7));
    hls.on(Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      if (data.type === ErrorTypes.MEDIA_ERROR) this.#recover(data);
      else this.#failFor(data);
    });
    // Without it an iPhone's managed source stays closed.
    video.disableRemotePlayback = true;
    hls.loadSource(playlist);
    hls.attachMedia(video);
    playAtOnce(video);
  }

  /** @param {ErrorData} data */
  #recover({ details }) {
    const now = performance.now();
    if (now - this.#recoveredAt < RECOVERED_FOR_GOOD_MS) {
      this.fail('decode', `This browser's decoder gave up (${details}).`);
      return;
    }
    this.#recoveredAt = now;
    this.#hls?.recoverMediaError();
  }

  /** @param {ErrorData} data */
  #failFor({ details, response }) {
    const answered = response?.code ? `answered ${response.code}` : 'did not answer';
    const message = `The gateway ${answered} when it was asked for ${details.startsWith('frag') ? 'pictures' : 'a playlist'}.`;
    /** @type {Failure['code']} */
    let code = this.pictureCame ? 'lost' : 'network';
    if (!this.pictureCame && REFUSALS.has(response?.code ?? 0)) code = 'refused';
    this.fail(code, message);
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {string} playlist
   */
  #playByItself(video, playlist) {
    const { signal } = this;
    this.#playsByItself = true;
    /** @type {HTMLElement} */ (video).addEventListener(
      'error',
      () => this.fail(this.pictureCame ? 'lost' : 'decode', `This browser gave up: ${video.error?.message || 'it does not say why'}`),
      { signal },
    );
    video.src = this.#access?.index ?? playlist;
    playAtOnce(video);
    this.#planReload();
  }

  /** The browser's own player goes on with the address it was given: before that ends, it needs another. */
  #planReload() {
    clearTimeout(this.#reload);
    const video = this.#video;
    if (!video || !this.#playsByItself) return;
    const expiresS = expiryOf(grantIn(video.src) ?? '');
    if (expiresS === null) return;
    const nowS = Date.now() / 1000;
    this.#reload = setTimeout(
      () => {
        const next = this.#access?.index ?? video.src;
        if (next === video.src) return;
        video.src = next;
        playAtOnce(video);
        this.#planReload();
      },
      Math.max(0, (expiresS - RELOAD_BEFORE_S - nowS) * 1000),
    );
  }
}
