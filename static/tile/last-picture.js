/** Keeps the last picture on the screen while a new connection is built: a video loses it with its source. */

import { element } from '../dom.js';

const LARGEST_WIDTH = 960;

export class LastPicture {
  canvas = element('canvas', { hidden: '', 'aria-hidden': 'true' });

  /** @param {HTMLVideoElement} video */
  take(video) {
    const { videoWidth, videoHeight } = video;
    if (!videoWidth) return;
    const scale = Math.min(1, LARGEST_WIDTH / videoWidth);
    this.canvas.width = Math.round(videoWidth * scale);
    this.canvas.height = Math.round(videoHeight * scale);
    this.canvas.getContext('2d')?.drawImage(video, 0, 0, this.canvas.width, this.canvas.height);
    this.canvas.hidden = false;
  }

  clear() {
    this.canvas.hidden = true;
    // Lets go of the pixels too.
    this.canvas.width = 0;
  }
}
