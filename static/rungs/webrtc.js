/**
 * The `webrtc` rung: one receive-only peer connection.
 *
 * The gateway is ICE-lite and puts all its candidates into the answer, so there is nothing to gather or to trickle.
 * A connection that has played and loses its network is kept: ICE restarts by another offer on whatever socket is open.
 */

import { modeOf } from '../modes.js';
import { nowMs } from '../now.js';
import { playAtOnce } from './autoplay.js';
import { allowedCandidates } from './candidates.js';
import { rtpCodecs } from './codecs.js';
import { Exchange } from './exchange.js';
import { LostLink } from './lost-link.js';
import { PlayoutDelay } from './playout-delay.js';
import { Rung } from './rung.js';

/**
 * @typedef {import('../types.js').Failure} Failure
 * @typedef {import('./rung.js').RungOptions} RungOptions
 */

const CONNECT_DEADLINE_MS = 5000;
const DISCONNECTED_GRACE_MS = 2000;
const LOST_TICK_MS = 250;
const ORIGIN = /^o=(\S+ \S+) /m;

/**
 * @param {string} sdp
 * @returns {string | undefined} what names the session throughout its life (RFC 8866 section 5.2)
 */
function origin(sdp) {
  return ORIGIN.exec(sdp)?.[1];
}

export class WebRtcRung extends Rung {
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  /** @type {HTMLVideoElement | null} */
  #video = null;
  /** @type {RungOptions | null} */
  #options = null;
  /** @type {Exchange | null} */
  #exchange = null;
  /** @type {PlayoutDelay | null} */
  #delay = null;
  /** @type {string | undefined} of the answer */
  #origin;
  #lostLink = new LostLink();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #lostTicker;
  #mendable = true;
  /** @type {string | null} when it was changed since the start */
  #mode = null;
  /** @type {string | null} */
  #relayRefused = null;
  /** The socket is another since the offer. */
  #unclaimed = false;

  /** @override */
  get name() {
    return 'webrtc';
  }

  /** @override */
  get excuse() {
    const connection = this.#connection;
    if (!connection || this.pictureCame) return null;
    if (!this.#exchange?.isSettled) {
      return { code: /** @type {const} */ ('signalling'), message: 'The gateway did not answer the offer in time.' };
    }
    return connection.connectionState === 'connected' ? null : this.#unconnected(connection);
  }

  /** @override */
  get mending() {
    return this.#lostLink.lost;
  }

  /** False when it was tried before and brought no pictures. @override */
  get mendable() {
    return this.#mendable && this.#connection !== null && this.pictureCame;
  }

  /** Takes the network for gone, which the browser itself notices only after 5 s or more. @override */
  mend() {
    this.#lose({ certain: true });
  }

  /** A browser asks for a keyframe when a stream is new to it, and hardly ever later. @override */
  reattach() {
    const video = this.#video;
    if (!video) return;
    const { srcObject } = video;
    video.srcObject = null;
    video.srcObject = srcObject;
    playAtOnce(video);
  }

  /** @override */
  mended() {
    if (this.#lostLink.lost && this.#connection?.connectionState === 'connected') this.#recover();
    this.#mendable = true;
  }

  /**
   * @override
   * @param {HTMLVideoElement} video
   * @param {RungOptions} options
   */
  start(video, options) {
    this.#video = video;
    this.#options = options;
    const codecs = rtpCodecs();
    if (codecs.length === 0) {
      this.fail('codec', "This browser can't play H.264 over WebRTC.");
      return;
    }
    const { signal } = this;
    signal.addEventListener('abort', () => {
      clearInterval(this.#lostTicker);
      this.#delay?.stop();
    });
    this.#exchange = new Exchange(
      { ...options, signal },
      {
        hasPlayed: () => this.pictureCame,
        asked: () => this.#asked(options.answerDeadlineMs),
        unanswered: () => this.expectNothing(),
        answered: (sdp) => this.#answered(sdp),
        failed: (code, message) => this.fail(code, message),
      },
    );
    options.signalling.addEventListener('open', () => this.#socketOpened(), { signal });
    this.#connect(video, codecs).catch((/** @type {unknown} */ error) => this.fail('codec', String(error)));
  }

  /** @override */
  stop() {
    this.#exchange?.end();
    super.stop();
    const connection = this.#connection;
    this.#connection = null;
    if (connection) {
      connection.onconnectionstatechange = null;
      connection.close();
    }
    if (this.#video) this.#video.srcObject = null;
    this.#video = null;
  }

  /** @override */
  renew() {
    this.#exchange?.renew();
  }

  /** @override */
  claim() {
    // One that is not up yet would be taken for another; one that is not agreed yet will be, on this socket.
    this.#unclaimed = !this.pictureCame && Boolean(this.#exchange?.isSettled);
    if (this.pictureCame && !this.#lostLink.lost) this.#exchange?.claim();
  }

  /** @override */
  async count() {
    const [{ readCounters }, report] = await Promise.all([import('../stats.js'), this.#connection?.getStats()]);
    const entries = /** @type {Map<string, Record<string, any>> | undefined} */ (/** @type {unknown} */ (report));
    return readCounters(entries?.values() ?? [], performance.now());
  }

  /**
   * @override
   * @param {VideoFrameCallbackMetadata} metadata
   * @param {number} now
   */
  latencyMs({ rtpTimestamp }, now) {
    return typeof rtpTimestamp === 'number' ? (this.#options?.clock.latencyMs(rtpTimestamp, now) ?? null) : null;
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {RTCRtpCodec[]} codecs
   */
  async #connect(video, codecs) {
    const { relayOnly } = this.#options ?? {};
    const iceServers = await this.#options?.freshIceServers();
    if (this.signal.aborted) return;
    if (relayOnly && !iceServers?.length) {
      this.fail('relay', 'The gateway named no relay whose credentials are good.');
      return;
    }
    const connection = new RTCPeerConnection({
      iceServers,
      iceTransportPolicy: relayOnly ? 'relay' : 'all',
      bundlePolicy: 'max-bundle',
    });
    this.#connection = connection;
    connection.onconnectionstatechange = () => this.#connectionChanged(connection);
    connection.onicecandidateerror = ({ errorCode, errorText }) => {
      // Those of 7xx mean that it can't be reached.
      if (errorCode < 700) this.#relayRefused = `the relay refused this browser (${`${errorCode} ${errorText}`.trim()})`;
    };
    const transceivers = [connection.addTransceiver('video', { direction: 'recvonly' })];
    // Asking for H.264 alone keeps the offer small: the gateway has that much less to read.
    transceivers[0].setCodecPreferences?.(codecs);
    if (this.#options?.audio) transceivers.push(connection.addTransceiver('audio', { direction: 'recvonly' }));
    this.#delay = new PlayoutDelay(connection);
    this.#aimDelay();

    video.srcObject = new MediaStream(transceivers.map(({ receiver }) => receiver.track));
    this.awaitPicture(video, () => this.#unclaimed && this.claim());
    await connection.setLocalDescription(await connection.createOffer());
    if (connection !== this.#connection) return;
    this.#exchange?.offer(connection.localDescription?.sdp ?? '');
  }

  /** @param {number} answerDeadlineMs */
  #asked(answerDeadlineMs) {
    this.progress(0.4);
    this.expect(answerDeadlineMs, () => this.fail('signalling', 'The gateway did not answer the offer in time.'));
  }

  #socketOpened() {
    this.#lostLink.hurry();
    if (this.#lostLink.lost) this.#lostTick();
    else this.#exchange?.send();
  }

  /** @override @param {string} mode */
  set mode(mode) {
    this.#mode = mode;
    this.#aimDelay();
    this.#exchange?.tellMode(mode);
  }

  #aimDelay() {
    this.#delay?.aim(modeOf(this.#mode ?? this.#options?.mode).delayMs);
  }

  /** Does what is due for a connection whose network is gone. */
  #lostTick() {
    const connection = this.#connection;
    if (!connection) return;
    switch (this.#lostLink.due(nowMs())) {
      case 'give-up':
        this.#failUnconnected(connection);
        break;
      case 'restart':
        this.#restart(connection).catch(() => this.#failUnconnected(connection));
        break;
      default:
    }
  }

  /** @param {RTCPeerConnection} connection */
  async #restart(connection) {
    if (!this.#exchange?.prepare()) return;
    await this.#freshenRelays(connection);
    if (connection !== this.#connection || !this.#lostLink.lost) return;
    // An offer whose answer got lost is taken back by the next one.
    await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }));
    if (connection !== this.#connection || !this.#lostLink.lost) return;
    await this.#exchange.restart(connection.localDescription?.sdp ?? '');
  }

  /** A relay takes no old credentials for another allocation. @param {RTCPeerConnection} connection */
  async #freshenRelays(connection) {
    const iceServers = (await this.#options?.freshIceServers()) ?? [];
    if (iceServers.length > 0) connection.setConfiguration({ ...connection.getConfiguration(), iceServers });
  }

  /** @param {{certain: boolean}} how whether the path is gone beyond doubt */
  #lose({ certain }) {
    this.#lostLink.lose(nowMs(), { certain });
    this.expectNothing();
    clearInterval(this.#lostTicker);
    this.#lostTicker = setInterval(() => this.#lostTick(), LOST_TICK_MS);
    this.#lostTick();
  }

  #recover() {
    this.#lostLink.recover();
    // If no pictures follow, trying the same once more will not bring them.
    this.#mendable = false;
    clearInterval(this.#lostTicker);
    this.expectNothing();
  }

  /** @param {string} sdp */
  async #answered(sdp) {
    const connection = this.#connection;
    if (!connection) return;
    const known = this.#origin;
    this.#origin ??= origin(sdp);
    if (known !== undefined && known !== origin(sdp)) {
      // The gateway was restarted, or gave this connection up: it would start another, which DTLS here knows nothing of.
      this.#failUnconnected(connection);
      return;
    }
    if (known === undefined) {
      this.progress(0.6);
      this.expect(CONNECT_DEADLINE_MS, () => this.#failUnconnected(connection));
    }
    try {
      const allowed = allowedCandidates(sdp, this.#options?.candidates ?? null);
      await connection.setRemoteDescription({ type: 'answer', sdp: allowed });
      if (known === undefined) {
        this.#watchTransport(connection);
        this.#aimDelay();
      }
      // Where the browser had not noticed anything, no change of state will tell that this worked.
      else if (connection.connectionState === 'connected') this.#recover();
    } catch (error) {
      this.fail('signalling', `The gateway's answer can't be used: ${String(error)}`);
    }
  }

  /**
   * A gateway that says goodbye closes DTLS, which the connection's own state does not tell.
   *
   * @param {RTCPeerConnection} connection
   */
  #watchTransport(connection) {
    const { transport } = connection.getReceivers()[0];
    transport?.addEventListener('statechange', () => {
      if (transport.state === 'closed' && connection === this.#connection) this.#failUnconnected(connection);
    });
  }

  /** @param {RTCPeerConnection} connection */
  #connectionChanged(connection) {
    switch (connection.connectionState) {
      case 'connected':
        if (this.pictureCame) {
          this.#recover();
          break;
        }
        this.progress(0.8);
        this.expect(this.#options?.pictureDeadlineMs ?? 0, () =>
          this.fail('first-frame', 'Connected, but no picture came.'),
        );
        break;
      case 'disconnected':
        if (this.pictureCame) this.#lose({ certain: false });
        else this.expect(DISCONNECTED_GRACE_MS, () => this.#failUnconnected(connection));
        break;
      case 'failed':
        if (this.pictureCame) this.#lose({ certain: true });
        else this.#failUnconnected(connection);
        break;
      default:
    }
  }

  /** @param {RTCPeerConnection} connection */
  #failUnconnected(connection) {
    const { code, message } = this.#unconnected(connection);
    this.fail(code, message);
  }

  /**
   * @param {RTCPeerConnection} connection
   * @returns {Failure}
   */
  #unconnected({ iceConnectionState }) {
    if (this.pictureCame) return { code: 'lost', message: 'The connection to the gateway was lost.' };
    if (['connected', 'completed'].includes(iceConnectionState)) {
      return { code: 'dtls', message: 'The encrypted connection was not completed.' };
    }
    const refused = this.#relayRefused;
    if (refused && this.#options?.relayOnly) return { code: 'relay', message: `T${refused.slice(1)}.` };
    return { code: 'ice', message: `The gateway's media port did not answer${refused ? `, and ${refused}` : ''}.` };
  }
}
