/** Numbers out of WebRTC's statistics.  Pure. */

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./types.js').RungRun} RungRun
 *
 * @typedef {object} Counters what one `getStats()` says, as far as it matters here
 * @property {number} atMs
 * @property {number} framesDecoded
 * @property {number} framesDropped
 * @property {number} packetsReceived
 * @property {number} packetsLost
 * @property {number} bytesReceived
 * @property {number} freezes
 * @property {number} jitterBufferDelayS
 * @property {number} jitterBufferEmitted
 * @property {number} width
 * @property {number} height
 * @property {string | null} decoder
 * @property {string | null} transport UDP, TCP or relay
 * @property {number | null} roundTripMs
 * @property {{protocol: string, type: string} | null} [pair] of candidates, that won
 *
 * @typedef {object} Rates
 * @property {number | null} fps
 * @property {number | null} bitrateBps
 * @property {number | null} lossRatio of the packets of this interval, 0 to 1
 * @property {number | null} jitterBufferMs
 *
 * @typedef {object} Statistics everything the overlay shows
 * @property {string} camera
 * @property {string} rung as protocol.md names it
 * @property {string} protocol as people call it
 * @property {string | null} transport
 * @property {number | null} latencyMs
 * @property {'picture' | 'clock' | null} latencySource
 * @property {Counters | null} counters
 * @property {Rates | null} rates
 * @property {number} stalls
 * @property {number} reconnects
 * @property {number | null} firstPictureMs
 * @property {readonly RungRun[]} history
 * @property {readonly import('./plan.js').Absent[]} absent what is better and was not tried
 * @property {string} session
 * @property {string} mode
 * @property {Camera | null} source
 */

/** @typedef {Record<string, any>} Entry one entry of an RTCStatsReport: its fields differ by type and browser */

/**
 * @param {Iterable<Entry>} entries of one RTCStatsReport
 * @param {number} atMs any steady clock
 * @returns {Counters}
 */
export function readCounters(entries, atMs) {
  /** @type {Map<string, Entry>} */
  const byId = new Map();
  /** @type {Entry} */
  let inbound = {};
  /** @type {Entry | undefined} */
  let pair;
  for (const entry of entries) {
    byId.set(entry.id, entry);
    if (entry.type === 'inbound-rtp' && entry.kind === 'video') inbound = entry;
    if (entry.type === 'candidate-pair' && entry.nominated && entry.state === 'succeeded') pair ??= entry;
  }
  for (const entry of byId.values()) {
    if (entry.type === 'transport' && entry.selectedCandidatePairId) pair = byId.get(entry.selectedCandidatePairId) ?? pair;
  }
  return {
    atMs,
    framesDecoded: inbound.framesDecoded ?? 0,
    framesDropped: inbound.framesDropped ?? 0,
    packetsReceived: inbound.packetsReceived ?? 0,
    packetsLost: inbound.packetsLost ?? 0,
    bytesReceived: inbound.bytesReceived ?? 0,
    freezes: inbound.freezeCount ?? 0,
    jitterBufferDelayS: inbound.jitterBufferDelay ?? 0,
    jitterBufferEmitted: inbound.jitterBufferEmittedCount ?? 0,
    width: inbound.frameWidth ?? 0,
    height: inbound.frameHeight ?? 0,
    decoder: inbound.decoderImplementation ?? null,
    transport: transportOf(pair, byId),
    pair: pairOf(pair, byId),
    roundTripMs: typeof pair?.currentRoundTripTime === 'number' ? pair.currentRoundTripTime * 1000 : null,
  };
}

/**
 * @param {Entry | undefined} pair
 * @param {Map<string, Entry>} byId
 * @returns {{protocol: string, type: string} | null} the local candidate's
 */
function pairOf(pair, byId) {
  const { protocol, candidateType } = (pair && byId.get(pair.localCandidateId)) ?? {};
  return typeof protocol === 'string' && typeof candidateType === 'string' ? { protocol, type: candidateType } : null;
}

/**
 * @param {Entry | undefined} pair
 * @param {Map<string, Entry>} byId
 * @returns {string | null}
 */
function transportOf(pair, byId) {
  const local = pair && byId.get(pair.localCandidateId);
  if (!local) return null;
  if (local.candidateType === 'relay') return 'relay';
  return typeof local.protocol === 'string' ? local.protocol.toUpperCase() : null;
}

/**
 * @param {Counters | null} before
 * @param {Counters} now
 * @returns {Rates} nulls where nothing can be said yet
 */
export function rates(before, now) {
  const seconds = before ? (now.atMs - before.atMs) / 1000 : 0;
  if (!before || seconds <= 0 || now.bytesReceived < before.bytesReceived) {
    return { fps: null, bitrateBps: null, lossRatio: null, jitterBufferMs: null };
  }
  const received = now.packetsReceived - before.packetsReceived;
  // Late packets are taken back from packetsLost, so it may shrink.
  const lost = Math.max(0, now.packetsLost - before.packetsLost);
  const emitted = now.jitterBufferEmitted - before.jitterBufferEmitted;
  return {
    fps: (now.framesDecoded - before.framesDecoded) / seconds,
    bitrateBps: ((now.bytesReceived - before.bytesReceived) * 8) / seconds,
    lossRatio: received + lost > 0 ? lost / (received + lost) : null,
    jitterBufferMs: emitted > 0 ? ((now.jitterBufferDelayS - before.jitterBufferDelayS) / emitted) * 1000 : null,
  };
}
