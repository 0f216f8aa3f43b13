/** The protocols a camera can be played by, best first, and what people call them.  Pure. */

export const PROTOCOLS = Object.freeze(['webrtc', 'mse', 'll-hls', 'hls']);

/** @type {Readonly<Record<string, string>>} */
const NAMES = { webrtc: 'WebRTC', mse: 'MSE', 'll-hls': 'LL-HLS', hls: 'HLS' };

/** What an entry of `Camera.rungs` says about both. @type {Readonly<Record<string, string>>} */
const OFFERED_AS = { hls: 'll-hls' };

/**
 * @param {string} protocol
 * @returns {string}
 */
export function protocolName(protocol) {
  return NAMES[protocol] ?? protocol;
}

/**
 * @param {import('./types.js').Camera | null | undefined} camera
 * @param {string} protocol
 * @returns {import('./types.js').RungOffer | undefined} what the gateway says of this protocol, if it says anything
 */
export function offerOf(camera, protocol) {
  return camera?.rungs?.[OFFERED_AS[protocol] ?? protocol];
}
