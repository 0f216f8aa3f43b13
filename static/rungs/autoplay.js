/** Starts a picture that was not asked for by a gesture. */

/**
 * Browsers let a page play without one if it is silent: sound is given up rather than the picture.
 *
 * @param {HTMLVideoElement} video
 */
export function playAtOnce(video) {
  video.play().catch((/** @type {unknown} */ error) => {
    if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || video.muted) return;
    video.muted = true;
    video.play().catch(() => undefined);
  });
}
