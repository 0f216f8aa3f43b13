/** The protocols a camera can be played by, best first, and what people call them.  Pure. */

export const PROTOCOLS = Object.freeze(['webrtc', 'mse', 'll-hls', 'hls']);

/** Whichever gets through, the best of them. */
export const AUTO = 'auto';

/** @type {Readonly<Record<string, string>>} */
const NAMES = { auto: 'none yet', webrtc: 'WebRTC', mse: 'MSE', 'll-hls': 'LL-HLS', hls: 'HLS' };

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
 * @param {string} protocol
 * @returns {number} 0 is best: what it is worth, whatever the order of trying
 */
export function rankOf(protocol) {
  const rank = PROTOCOLS.indexOf(protocol);
  return rank < 0 ? PROTOCOLS.length : rank;
}

/**
 * @param {string} wanted `auto`, or some of `PROTOCOLS` with commas between
 * @returns {readonly string[]} none if there is one among them that does not exist
 */
export function wantedRungs(wanted) {
  if (wanted === AUTO) return PROTOCOLS;
  const rungs = wanted.split(',').map((rung) => rung.trim());
  return rungs.every((rung) => PROTOCOLS.includes(rung)) ? rungs : [];
}

/** How WebRTC's packets may travel. */
const CANDIDATES = Object.freeze(['udp', 'tcp', 'relay']);

/**
 * @param {readonly string[] | null} kinds null for all
 * @returns {import('./types.js').Failure | null} what is wrong with them
 */
export function wrongCandidates(kinds) {
  const wrong = kinds?.find((kind) => !CANDIDATES.includes(kind)) ?? (kinds?.length === 0 ? '' : undefined);
  if (wrong === undefined) return null;
  return { code: 'candidates', message: `There is no kind of candidates “${wrong}”. Choose among these: ${CANDIDATES.join(', ')}.` };
}

/**
 * @param {import('./types.js').Camera | null | undefined} camera
 * @param {string} protocol
 * @returns {import('./types.js').RungOffer | undefined} what the gateway says of this protocol, if it says anything
 */
export function offerOf(camera, protocol) {
  return camera?.rungs?.[OFFERED_AS[protocol] ?? protocol];
}
