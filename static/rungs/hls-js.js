/** hls.js, which is loaded only when somebody needs it, and what it is told. */

/**
 * @typedef {typeof import('hls.js')} HlsModule
 * @typedef {typeof import('hls.js').default} HlsClass
 * @typedef {import('hls.js').HlsConfig} HlsConfig
 * @typedef {import('hls.js').Loader<import('hls.js').LoaderContext>} Loader
 * @typedef {new (config: HlsConfig) => Loader} LoaderClass
 */

const HLS_JS = new URL('../vendor/hls.mjs', import.meta.url);

/** This installation has no hls.js: waiting will not bring it. */
export class HlsMissing extends Error {}

/**
 * @returns {Promise<HlsModule>}
 * @throws {HlsMissing}
 */
export async function loadHlsJs() {
  try {
    return await import(HLS_JS.href);
  } catch (error) {
    const status = await fetch(HLS_JS, { method: 'HEAD' }).then((answer) => answer.status, () => 0);
    if (status === 404) throw new HlsMissing('This gateway was installed without hls.js.', { cause: error });
    throw new Error('hls.js could not be loaded.', { cause: error });
  }
}

/**
 * Asks for what is good now instead of what stood in a playlist, and counts what comes.
 *
 * @param {LoaderClass} Base hls.js's own
 * @param {{address: (url: string) => string, received: (bytes: number) => void}} page
 * @returns {LoaderClass}
 */
export function grantingLoader(Base, { address, received }) {
  return class extends Base {
    /**
     * @override
     * @param {Parameters<Loader['load']>[0]} context
     * @param {Parameters<Loader['load']>[1]} config
     * @param {Parameters<Loader['load']>[2]} callbacks
     */
    load(context, config, callbacks) {
      context.url = address(context.url);
      super.load(context, config, {
        ...callbacks,
        onSuccess: (response, stats, ...rest) => {
          received(stats.loaded);
          callbacks.onSuccess(response, stats, ...rest);
        },
      });
    }
  };
}

/**
 * What may change while it plays.
 *
 * @param {{lowLatency: boolean}} profile
 * @param {import('./hls-values.js').HlsValues} values
 * @returns {Partial<HlsConfig>}
 */
export function hlsConfig({ lowLatency }, { parts, fastest, keptBehindS, aheadS }) {
  const byParts = lowLatency && parts;
  return {
    lowLatencyMode: byParts,
    backBufferLength: keptBehindS,
    maxBufferLength: aheadS,
    // Without a bound of its own it would fetch as much as a minute where the playlist has that.
    maxMaxBufferLength: aheadS,
    maxLiveSyncPlaybackRate: fastest,
    liveSyncOnStallIncrease: byParts ? 0.25 : 1,
  };
}

const ROOM_LOW_LATENCY_S = 1;

/**
 * Beyond this a player jumps to the distance it is to keep; nearer than that distance it would jump all the time.
 *
 * Where the playlist says where to begin, there is no picture to begin with at that distance yet.
 *
 * @param {{lowLatency: boolean, targetLatencyS: number, targetDurationS: number, startsAtS: number | null}} playlist
 *   `targetLatencyS` is the distance, `startsAtS` what EXT-X-START says
 * @param {number} leastS however near it is to play
 * @returns {number} seconds behind the playlist's end
 */
export function mostBehindS({ lowLatency, targetLatencyS, targetDurationS, startsAtS }, leastS) {
  if (startsAtS !== null) return Infinity;
  return Math.max(leastS, targetLatencyS + (lowLatency ? ROOM_LOW_LATENCY_S : targetDurationS));
}
