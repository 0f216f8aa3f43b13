/**
 * Stands in for the page's hls.js: the real one, with the settings of `benchHls.candidate` in place of the page's, and
 * watched.
 *
 * `benchHls.take()` hands out what happened since the last call: `stalls` and `jumps` of the element, `requests` for
 * playlists and pictures, `ahead` and `behind`, the seconds in the buffer on either side of what is shown, `dropped`
 * frames.
 */
import { default as Real, Events } from './hls.mjs?real';

export * from './hls.mjs?real';

const SAMPLE_MS = 250;
const { candidate = {} } = globalThis.benchHls ?? {};
const { behindS = null, ...settings } = candidate;

const nothing = () => ({ stalls: 0, jumps: 0, requests: 0, ahead: [], behind: [], dropped: 0 });
let seen = nothing();
let droppedBefore = 0;

function watch(video) {
  video.addEventListener('waiting', () => { seen.stalls += Number(!video.seeking); });
  video.addEventListener('seeking', () => { seen.jumps += 1; });
  const sampling = setInterval(() => {
    const { buffered, currentTime } = video;
    if (!video.isConnected) clearInterval(sampling);
    if (buffered.length === 0) return;
    seen.ahead.push(Math.max(0, buffered.end(buffered.length - 1) - currentTime));
    seen.behind.push(Math.max(0, currentTime - buffered.start(0)));
    const { droppedVideoFrames } = video.getVideoPlaybackQuality();
    seen.dropped += droppedVideoFrames - droppedBefore;
    droppedBefore = droppedVideoFrames;
  }, SAMPLE_MS);
}

export default class Hls extends Real {
  constructor(given) {
    // Some would be refused without others; that is checked only here.
    super({ ...given, ...Object.fromEntries(Object.entries(settings).filter(([name]) => !name.startsWith('live'))) });
    for (const [name, value] of Object.entries(settings)) {
      // What the page says later must not take the candidate's place.
      Object.defineProperty(this.config, name, { get: () => value, set: () => undefined });
    }
    if (behindS !== null) this.targetLatency = behindS;
    this.on(Events.MEDIA_ATTACHED, (_, { media }) => watch(media));
    for (const event of [Events.FRAG_LOADING, Events.LEVEL_LOADING]) {
      this.on(event, () => { seen.requests += 1; });
    }
  }

  get targetLatency() {
    return super.targetLatency;
  }

  set targetLatency(seconds) {
    super.targetLatency = behindS ?? seconds;
  }
}

globalThis.benchHls = {
  candidate,
  take() {
    const taken = seen;
    seen = nothing();
    return taken;
  },
};
