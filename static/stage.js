/** The videos of one picture, one above the other: the one that is shown, and below it those that are being tried. */

import { element } from './dom.js';

export class Stage {
  #place;
  #resized;
  /** @type {HTMLVideoElement | null} */
  #shown = null;
  #muted = true;
  /** Outlives the videos, of which there is none between two tries. */
  #poster = element('img', { class: 'poster', alt: '', hidden: '' });

  /**
   * @param {HTMLElement} place holds the videos, which fill it
   * @param {() => void} [resized] the picture has another shape
   */
  constructor(place, resized = () => undefined) {
    this.#place = place;
    this.#poster.addEventListener('load', () => {
      this.#poster.hidden = false;
    });
    place.append(this.#poster);
    this.#resized = resized;
  }

  /** @returns {HTMLVideoElement | null} the video whose pictures are seen */
  get shown() {
    return this.#shown;
  }

  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    if (this.#shown) this.#shown.muted = muted;
  }

  /** @param {string} url something to look at until the first picture; empty for nothing */
  set poster(url) {
    this.#poster.hidden = true;
    if (url) this.#poster.src = url;
    else this.#poster.removeAttribute('src');
  }

  /** @returns {HTMLVideoElement} silent, and below what is shown, where browsers go on decoding */
  make() {
    const video = element('video', { playsinline: '', autoplay: '', disableremoteplayback: '' });
    video.muted = true;
    video.addEventListener('resize', () => {
      if (video === this.#shown) this.#resized();
    });
    this.#place.append(video);
    return video;
  }

  /** @param {HTMLVideoElement} video has a picture; takes the place of what is shown, which stays until it is dropped */
  show(video) {
    const before = this.#shown;
    this.#shown = video;
    before?.classList.remove('shown');
    video.classList.add('shown');
    if (before) before.muted = true;
    video.muted = this.#muted;
    this.#resized();
  }

  /** @param {HTMLVideoElement} video */
  drop(video) {
    video.remove();
    if (video === this.#shown) this.#shown = null;
  }
}
