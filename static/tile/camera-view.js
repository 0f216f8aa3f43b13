/**
 * `<camera-view camera="front-door">`: one camera's picture, its name, and words when something is not normal.
 *
 * Works on any page that may reach the gateway.  Attributes: `camera`; `mode` (one of `MODES`); `protocol` (`auto`, the default, or some of
 * `PROTOCOLS` with commas between); `candidates` (kinds of WebRTC's, with commas between: `udp`, `tcp`, `relay`); `base` (URL of the gateway, default the page's own); `selectable` (the whole tile is a button that fires
 * `choose`); `large` (shows the row of controls).
 * Properties: `getGrant` (set it before the element is connected), `hint`, `muted`, `metrics`, `situation`.
 * Events: `statechange` (detail: `{kind, camera}`), `picture`, `fallback`, `error` (detail: `Failure`), `choose`, `back`,
 * `resize` (the picture has another shape), `preference` (detail: `{muted?, statistics?, mode?}`).
 */

import { networkConnection, NetworkWatch } from '../capabilities.js';
import { element, setText } from '../dom.js';
import { modeOf } from '../modes.js';
import { nowMs } from '../now.js';
import { Player } from '../player.js';
import { AUTO, offerOf } from '../protocols.js';
import { Stage } from '../stage.js';
import { describe, failureOf } from '../words.js';
import { Face } from './face.js';
import { LastPicture } from './last-picture.js';
import { sheet } from './look.js';

/**
 * @typedef {import('../types.js').Camera} Camera
 * @typedef {import('../types.js').Metrics} Metrics
 * @typedef {import('../types.js').Situation} Situation
 * @typedef {import('../types.js').Words} Words
 */

const REDRAW_MS = 250;
const LATENCY_EVERY_MS = 1000;
const HIDDEN_PATIENCE_MS = 30_000;
/** A picture usually comes sooner; asking each time would have the gateway decode one for every tile. */
const POSTER_AFTER_MS = 300;
/** What the camera is up to may not be known yet. */
const POSTER_AGAIN_MS = 200;
const POSTER_WIDTH = 640;

export class CameraView extends HTMLElement {
  static observedAttributes = ['camera', 'protocol', 'candidates', 'mode', 'selectable', 'large'];

  /** @type {(() => string | null | Promise<string | null>) | undefined} asked for a grant before each connection */
  getGrant;

  #root = element('div', { class: 'root', 'data-picture': 'clear' });
  #stage = element('div', { class: 'stage' });
  #face = new Face(this.#root, { retry: () => this.retry(), resolve: (path) => this.#resolve(path) });
  #last = new LastPicture();
  #picture = element('div', { class: 'picture' }, this.#last.canvas);
  #videos = new Stage(this.#picture, () => this.#shapeChanged());
  #choose = element('button', { class: 'choose', type: 'button', hidden: '' });
  #spoken = element('span', { class: 'spoken', role: 'status' });
  /** @type {import('./controls.js').Controls | null} on a large picture */
  #controls = null;
  #statistics = false;
  /** @type {import('./statistics-panel.js').StatisticsPanel | null} */
  #panel = null;
  /** @type {import('./mode-menu.js').ModeMenu | null} */
  #modes = null;
  /** @type {Player | null} */
  #player = null;
  #kind = '';
  #spokenFor = '';
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #redraw;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #rest;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #posterDue;
  #seen = true;
  #asideAt = 0;
  /** @type {Camera | null} */
  #hint = null;

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: 'open', delegatesFocus: true });
    shadow.adoptedStyleSheets = [sheet];
    this.#stage.append(this.#picture, this.#choose, ...this.#face.elements);
    this.#root.append(this.#stage, this.#spoken);
    shadow.append(this.#root);
    this.#choose.addEventListener('click', (event) => this.#chosen(event));
    for (const type of ['pointermove', 'pointerdown', 'focusin']) {
      this.#root.addEventListener(type, () => this.#showControls().catch(() => undefined), { passive: true });
    }
  }

  connectedCallback() {
    const { camera } = this;
    this.#face.name = camera;
    if (!camera || this.#player) return;
    const base = new URL(this.getAttribute('base') ?? '.', document.baseURI).href;
    const player = new Player(this.#videos, {
      camera,
      protocol: this.protocol,
      mode: this.mode,
      candidates: this.getAttribute('candidates')?.split(',').map((kind) => kind.trim()) ?? null,
      region: this.getAttribute('region'),
      base,
      getGrant: this.getGrant,
    });
    this.#player = player;
    player.addEventListener('change', () => this.#draw());
    player.addEventListener('picture', () => this.#pictureCame());
    player.addEventListener('detach', (event) => this.#last.take(/** @type {CustomEvent} */ (event).detail));
    player.addEventListener('fallback', (event) => {
      this.dispatchEvent(new CustomEvent('fallback', { detail: /** @type {CustomEvent} */ (event).detail }));
    });
    if (this.#hint) player.hint(this.#hint);
    document.addEventListener('visibilitychange', this.#visibilityChanged);
    globalThis.addEventListener('online', this.#moved);
    globalThis.addEventListener('pagehide', this.#leaving);
    networkConnection()?.addEventListener?.('change', this.#moved);
    this.#redraw = setInterval(() => this.#tick(), REDRAW_MS);
    this.#updateRest();
    if (!this.#resting) player.start();
    this.#posterDue = setTimeout(() => void this.#showPoster(), player.expectsTrouble ? 0 : POSTER_AFTER_MS);
    this.#draw();
  }

  disconnectedCallback() {
    document.removeEventListener('visibilitychange', this.#visibilityChanged);
    globalThis.removeEventListener('online', this.#moved);
    globalThis.removeEventListener('pagehide', this.#leaving);
    networkConnection()?.removeEventListener?.('change', this.#moved);
    clearInterval(this.#redraw);
    clearTimeout(this.#rest);
    clearTimeout(this.#posterDue);
    this.#videos.poster = '';
    this.#controls?.stop();
    this.#modes?.close();
    this.#closeStatistics();
    this.#player?.stop();
    this.#player = null;
    this.#kind = '';
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (name === 'selectable') this.#choose.hidden = !this.hasAttribute('selectable');
    else if (name === 'large') this.#showControlsSoon();
    else if (name === 'mode' && this.#player) this.#player.mode = this.mode;
    else if (this.#player) {
      this.disconnectedCallback();
      if (name === 'camera') this.#last.clear();
      this.connectedCallback();
    }
  }

  get camera() {
    return this.getAttribute('camera') ?? '';
  }

  get protocol() {
    return this.getAttribute('protocol') ?? AUTO;
  }

  get mode() {
    return modeOf(this.getAttribute('mode')).name;
  }

  /** What is known of the camera already, from the list of all of them. @param {Camera | null} camera */
  set hint(camera) {
    this.#hint = camera;
    if (camera) this.#player?.hint(camera);
    this.#shapeChanged();
  }

  /** @returns {Metrics | null} for measurements; null while the element is not connected */
  get metrics() {
    return this.#player?.metrics ?? null;
  }

  /** @returns {Situation | null} */
  get situation() {
    return this.#player?.situation ?? null;
  }

  /** @returns {number} width over height of the picture; 16:9 while unknown */
  get aspect() {
    const { videoWidth = 0, videoHeight = 0 } = this.#videos.shown ?? {};
    const video = this.situation?.camera?.video ?? this.#hint?.video;
    if (videoWidth && videoHeight) return videoWidth / videoHeight;
    return video?.width && video.height ? video.width / video.height : 16 / 9;
  }

  get muted() {
    return this.#videos.muted;
  }

  set muted(muted) {
    this.#videos.muted = muted;
    // Sound needs a gesture first; without one the picture goes on silently.
    if (!muted) this.#videos.shown?.play().catch(() => this.#silence());
    this.#drawControls();
  }

  get hasSound() {
    const camera = this.situation?.camera;
    return Boolean(camera?.audio) && !offerOf(camera, this.situation?.protocol ?? this.protocol)?.audio;
  }

  get statisticsOpen() {
    return this.#statistics;
  }

  set statisticsOpen(open) {
    if (open) {
      this.#statistics = true;
      void this.#openStatistics();
    } else this.#closeStatistics();
    this.#drawControls();
  }

  async #openStatistics() {
    const { StatisticsPanel } = await import('./statistics-panel.js');
    const player = this.#player;
    if (!this.#statistics || this.#panel || !player) return;
    this.#panel = new StatisticsPanel(
      this.camera,
      () => this.toggleStatistics(),
      () => ({ statistics: player.statistics, latencies: player.latencies }),
    );
    this.#panel.show(this.#root);
  }

  /** Whether anybody can see this tile: off the screen for long, it stops playing until it is back. @param {boolean} seen */
  set seen(seen) {
    this.#seen = seen;
    this.#updateRest();
  }

  /** Something to look at while the first picture is slow to come. */
  async #showPoster() {
    const player = this.#player;
    const state = player?.situation.camera?.state;
    if (state === undefined) this.#posterDue = setTimeout(() => void this.#showPoster(), POSTER_AGAIN_MS);
    if (state !== 'live') return;
    // Without a grant there is none.
    const url = await player?.address(`${this.camera}/snapshot.jpg?width=${POSTER_WIDTH}`).catch(() => null);
    if (url && player === this.#player && player?.metrics.firstPictureMs === null) this.#videos.poster = url;
  }

  /** Tries at once instead of at the end of the current delay. */
  retry() {
    this.#player?.hurry();
  }

  toggleStatistics() {
    this.statisticsOpen = !this.statisticsOpen;
    this.dispatchEvent(new CustomEvent('preference', { detail: { statistics: this.statisticsOpen } }));
  }

  async toggleModes() {
    const { ModeMenu } = await import('./mode-menu.js');
    if (this.#modes || !this.#player) {
      this.#modes?.close();
      return;
    }
    this.#modes = new ModeMenu(this.mode, {
      choose: (mode) => {
        this.setAttribute('mode', mode);
        this.dispatchEvent(new CustomEvent('preference', { detail: { mode } }));
        this.#say(`${this.camera}: ${modeOf(mode).label}`);
      },
      closed: () => {
        this.#modes = null;
      },
    });
    this.#modes.show(this.#stage);
  }

  toggleSound() {
    if (!this.hasSound) {
      this.#say(`${this.camera} has no sound`);
      return;
    }
    this.muted = !this.muted;
    this.dispatchEvent(new CustomEvent('preference', { detail: { muted: this.muted } }));
  }

  toggleFullscreen() {
    if (document.fullscreenElement) void document.exitFullscreen();
    else this.requestFullscreen?.().catch(() => this.#say('This browser allows no full screen here'));
  }

  get #resting() {
    return document.hidden || !this.#seen;
  }

  #visibilityChanged = () => this.#updateRest();

  #network = new NetworkWatch();

  #moved = (/** @type {Event} */ event) => {
    if (this.#network.isOther(event)) this.#player?.moved();
  };

  /** A page that may come back has its player go on then; of any other the gateway would hear only half a minute later. */
  #leaving = (/** @type {PageTransitionEvent} */ { persisted }) => {
    if (persisted) this.#player?.leave();
    else this.#player?.stop();
  };

  /** A glance at another tab costs nothing; a long absence ends the stream, and coming back joins it live. */
  #updateRest() {
    clearTimeout(this.#rest);
    const player = this.#player;
    if (!player) return;
    player.hidden = this.#resting;
    if (this.#resting) this.#rest = setTimeout(() => player.stop(), HIDDEN_PATIENCE_MS);
    else if (player.situation.phase === 'stopped') player.start();
    else this.#playOn();
  }

  /** @param {import('./controls.js').Control} control */
  #control(control) {
    if (control === 'back') this.dispatchEvent(new Event('back'));
    if (control === 'sound') this.toggleSound();
    if (control === 'mode') void this.toggleModes();
    if (control === 'statistics') this.toggleStatistics();
    if (control === 'fullscreen') this.toggleFullscreen();
  }

  /** @param {MouseEvent} event */
  #chosen(event) {
    // A finger has no hover: on a large picture its tap shows the controls, one of which leads back.
    const byFinger = event instanceof PointerEvent && event.pointerType === 'touch';
    if (byFinger && this.hasAttribute('large')) return;
    this.dispatchEvent(new Event('choose', { bubbles: true }));
  }

  #shapeChanged() {
    this.style.setProperty('--aspect', String(this.aspect));
    this.dispatchEvent(new Event('resize'));
  }

  #pictureCame() {
    clearTimeout(this.#posterDue);
    this.#last.clear();
    this.#videos.poster = '';
    this.#showControlsSoon();
    this.#playOn();
    this.dispatchEvent(new Event('picture'));
  }

  /** A video that was unmuted without a gesture, or hidden, may have been paused by the browser. */
  #playOn() {
    const video = this.#videos.shown;
    if (video?.paused && !video.ended) video.play().catch(() => this.#silence());
  }

  #silence() {
    if (this.#videos.muted) return;
    this.#videos.muted = true;
    this.#videos.shown?.play().catch(() => undefined);
    this.#drawControls();
  }

  #tick() {
    if (this.#kind !== 'live') this.#draw();
    else if (nowMs() - this.#asideAt >= LATENCY_EVERY_MS) this.#drawAside(nowMs());
  }

  #draw() {
    const player = this.#player;
    if (!player) return;
    const now = nowMs();
    const { situation } = player;
    const words = describe(situation, now);
    this.#face.draw(words, situation.progress);
    if (words.kind !== this.#kind) this.#kindChanged(words, situation);
    this.#drawAside(now);
    this.#drawControls();
  }

  /**
   * @param {Words} words
   * @param {Situation} situation
   */
  #kindChanged(words, situation) {
    this.#kind = words.kind;
    this.#choose.setAttribute('aria-label', [this.camera, words.spoken].filter(Boolean).join('. '));
    this.dispatchEvent(new CustomEvent('statechange', { detail: { kind: words.kind, camera: situation.camera } }));
    if (words.kind === 'failed' || words.kind === 'unsupported') {
      this.dispatchEvent(new CustomEvent('error', { detail: failureOf(situation, words) }));
    }
    const worthSaying = words.spoken && (words.kind !== 'live' || this.#spokenFor !== '');
    if (!worthSaying || words.kind === this.#spokenFor) return;
    this.#spokenFor = words.kind === 'live' ? '' : words.kind;
    this.#say(`${this.camera}: ${words.spoken}`);
  }

  /** @param {string} text */
  #say(text) {
    setText(this.#spoken, text);
  }

  /** @param {number} now */
  #drawAside(now) {
    this.#asideAt = now;
    if (this.#player) this.#face.drawAside(now, this.#player.situation.lastPictureAt, this.#player.metrics);
  }

  /** With the picture, or for a pointer: the first screen does not wait for what nobody sees before. */
  #showControlsSoon() {
    if (this.#videos.shown) this.#showControls().catch(() => undefined);
  }

  async #showControls() {
    if (this.#controls || !this.hasAttribute('large')) return;
    const { Controls } = await import('./controls.js');
    if (this.#controls) return;
    this.#controls = new Controls(this.#root, this.#stage, (control) => this.#control(control));
    if (this.matches(':hover, :focus-within')) this.#controls.wake();
    this.#drawControls();
  }

  #drawControls() {
    this.#controls?.update({
      muted: this.#videos.muted,
      hasSound: this.hasSound,
      statistics: this.statisticsOpen,
      canGoBack: this.hasAttribute('selectable'),
    });
  }

  /** @param {string} path of the gateway */
  #resolve(path) {
    return new URL(path, new URL(this.getAttribute('base') ?? '.', document.baseURI)).href;
  }

  #closeStatistics() {
    this.#statistics = false;
    this.#panel?.close();
    this.#panel = null;
  }
}

customElements.define('camera-view', CameraView);
