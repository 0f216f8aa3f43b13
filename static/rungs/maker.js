/** Where rungs come from: a first screen brings WebRTC along, the others are loaded when they are wanted. */

import { mediaSourceKind } from './codecs.js';
import { WebRtcRung } from './webrtc.js';

/** @typedef {import('./rung.js').Rung} Rung */

const BY_HLS_JS = new Set(['ll-hls', 'hls']);

/** @type {Map<string, () => Rung>} */
const ready = new Map([['webrtc', () => new WebRtcRung()]]);

/** @type {Record<string, () => Promise<() => Rung>>} */
const later = {
  mse: async () => {
    const { MseRung } = await import('./mse.js');
    return () => new MseRung();
  },
  'll-hls': async () => {
    const { HlsRung } = await import('./hls.js');
    return () => new HlsRung({ lowLatency: true });
  },
  hls: async () => {
    const { HlsRung } = await import('./hls.js');
    return () => new HlsRung({ lowLatency: false });
  },
};

/**
 * @param {string} protocol one of `PROTOCOLS`
 * @returns {Rung | null} null while its module is not loaded
 */
export function makeRung(protocol) {
  return ready.get(protocol)?.() ?? null;
}

/**
 * @param {string} protocol one of `PROTOCOLS`
 * @returns {boolean} whether `makeRung` makes one
 */
export function isLoaded(protocol) {
  return ready.has(protocol);
}

/**
 * Loads what `makeRung` needs; harmless when it is there.
 *
 * @param {string} protocol one of `PROTOCOLS`
 */
export async function loadRung(protocol) {
  if (!ready.has(protocol)) ready.set(protocol, await later[protocol]());
}

/**
 * The same for one that is to play now: what it fetches when it begins is fetched beside it.
 *
 * @param {string} protocol one of `PROTOCOLS`
 */
export async function loadRungToPlay(protocol) {
  // What goes wrong there is the rung's to say when it begins.
  if (BY_HLS_JS.has(protocol) && mediaSourceKind()) {
    void import('./hls-js.js').then(({ loadHlsJs }) => loadHlsJs()).catch(() => undefined);
  }
  await loadRung(protocol);
}
