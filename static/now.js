/** This browser's clock: unix milliseconds that never jump back while the page is open. */

/** @returns {number} */
export function nowMs() {
  return performance.timeOrigin + performance.now();
}
