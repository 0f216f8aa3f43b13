/** What this browser can decode, as far as this page has a use for it: from a media source, and over RTP. */

/** H.264 High 4.1 stands for all profiles and levels up to it, and 5.1 for the rest; sound after them. */
const VIDEO = ['avc1.640029', 'avc1.64002a', 'avc1.640033'];
/** The profiles that a decoder of High plays too, by name for those who compare names: Baseline, Main, High, at level 5.1 or 4.1. */
const PROFILES = ['avc1.42e033', 'avc1.4d4033', 'avc1.640033', 'avc1.42e029', 'avc1.4d4029', 'avc1.640029', 'hvc1.1.6.L153.B0'];
const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
const AUDIO = ['mp4a.40.2', 'mp4a.40.5', 'opus'];

/** @returns {typeof MediaSource | undefined} iPhones have only the managed kind */
export function mediaSourceKind() {
  const { MediaSource: usual, ManagedMediaSource: managed } =
    /** @type {{MediaSource?: typeof MediaSource, ManagedMediaSource?: typeof MediaSource}} */ (globalThis);
  return usual ?? managed;
}

/**
 * @param {(type: string) => boolean} isTypeSupported of `MediaSource`
 * @param {{audio: boolean}} wanted
 * @returns {string[]} RFC 6381; empty if there is no H.264
 */
export function supportedCodecs(isTypeSupported, { audio }) {
  /** @param {string} codec */
  const supported = (codec) => isTypeSupported(`video/mp4; codecs="${codec}"`);
  const video = VIDEO.filter(supported);
  return video.length > 0 && audio ? [...video, ...AUDIO.filter(supported)] : video;
}

/**
 * @param {(type: string) => boolean} isTypeSupported of `MediaSource`
 * @returns {string[]} RFC 6381; profile by profile
 */
export function knownCodecs(isTypeSupported) {
  return [...PROFILES, ...AUDIO].filter((codec) => isTypeSupported(`video/mp4; codecs="${codec}"`));
}

/** @returns {RTCRtpCodec[]} H.264 in all its profiles, and retransmission; empty if this browser has no H.264 over RTP */
export function rtpCodecs() {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.('video')?.codecs ?? [];
  const wanted = codecs.filter(({ mimeType }) => /^video\/(h264|rtx)$/i.test(mimeType));
  return wanted.some(({ mimeType }) => /h264/i.test(mimeType)) ? wanted : [];
}

/**
 * Whether this browser's own player plays a live playlist of short segments.
 *
 * Chromium says that it does too, and gives up after a picture (DEMUXER_ERROR_COULD_NOT_PARSE, seen in 156).  Players that
 * know what is live know when it began.
 *
 * @param {HTMLVideoElement} video any
 */
export function playsHlsItself(video) {
  return 'getStartDate' in video && video.canPlayType(PLAYLIST_TYPE) !== '';
}
