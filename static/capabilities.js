/** What this browser can play, and over what network it goes, as `negotiate` wants it (protocol.md). */

import { knownCodecs, mediaSourceKind, playsHlsItself } from './rungs/codecs.js';

/**
 * @typedef {object} Capabilities
 * @property {readonly string[]} webrtc `h264/42e01f`; empty without WebRTC
 * @property {readonly string[]} mse RFC 6381; empty without a media source
 * @property {boolean} native_hls
 * @property {'desktop' | 'mobile' | 'low-end'} device
 * @property {{type?: string, downlink_bps?: number}} network
 *
 * @typedef {{type?: string, effectiveType?: string, downlink?: number} & EventTarget} Connection
 */

const WEAK_CORES = 2;

/** @returns {Connection | undefined} only some browsers say */
export function networkConnection() {
  return /** @type {{connection?: Connection}} */ (/** @type {unknown} */ (navigator)).connection;
}

/** @returns {string} what stands for the network the browser is on */
export function networkName() {
  const { type, effectiveType } = networkConnection() ?? {};
  return [type, effectiveType].filter(Boolean).join('/') || 'unknown';
}

/** Tells whether an event means another network: browsers also tell when they find the same one slower or quicker. */
export class NetworkWatch {
  #name = networkName();

  /** @param {{type: string}} event `online` of the window, or `change` of the connection @returns {boolean} */
  isOther({ type }) {
    const before = this.#name;
    this.#name = networkName();
    return type === 'online' || this.#name !== before;
  }
}

/** @returns {string[]} */
function webrtcCodecs() {
  if (!('RTCPeerConnection' in globalThis)) return [];
  /** @param {'video' | 'audio'} kind */
  const codecs = (kind) => globalThis.RTCRtpReceiver?.getCapabilities?.(kind)?.codecs ?? [];
  const video = codecs('video').map(({ mimeType, sdpFmtpLine }) => {
    const profile = /profile-level-id=([0-9a-f]{6})/i.exec(sdpFmtpLine ?? '')?.[1];
    return [mimeType.replace(/^video\//i, ''), ...(profile ? [profile] : [])].join('/').toLowerCase();
  });
  const audio = codecs('audio').map(({ mimeType }) => mimeType.replace(/^audio\//i, '').toLowerCase());
  const wanted = new Set(['opus', 'pcmu', 'pcma']);
  return [...new Set([...video.filter((codec) => /^(h26[45]|av1|vp9)/.test(codec)), ...audio.filter((codec) => wanted.has(codec))])];
}

/** @returns {Capabilities['device']} */
export function deviceTier() {
  const { userAgentData, hardwareConcurrency = WEAK_CORES + 1 } =
    /** @type {{userAgentData?: {mobile: boolean}, hardwareConcurrency?: number}} */ (/** @type {unknown} */ (navigator));
  const mobile = userAgentData?.mobile ?? /Mobi/.test(navigator.userAgent);
  if (mobile) return hardwareConcurrency <= WEAK_CORES ? 'low-end' : 'mobile';
  return hardwareConcurrency < WEAK_CORES ? 'low-end' : 'desktop';
}

/** @returns {Capabilities} */
export function readCapabilities() {
  const Kind = mediaSourceKind();
  const { effectiveType, downlink } = networkConnection() ?? {};
  return {
    webrtc: webrtcCodecs(),
    mse: Kind ? knownCodecs((type) => Kind.isTypeSupported(type)) : [],
    native_hls: playsHlsItself(document.createElement('video')),
    device: deviceTier(),
    network: {
      ...(effectiveType ? { type: effectiveType } : {}),
      ...(downlink ? { downlink_bps: Math.round(downlink * 1e6) } : {}),
    },
  };
}
