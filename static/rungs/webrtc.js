/**
 * The `webrtc` rung: one receive-only peer connection, negotiated over the camera's signalling socket, or over HTTP where
 * that does not open.
 *
 * The gateway is ICE-lite and puts all its candidates into the answer, so there is nothing to gather or to trickle.
 * A connection that has played and loses its network is kept: ICE restarts by another offer on whatever socket is open.
 */

import { modeOf } from '../modes.js';
import { nowMs } from '../now.js';
import { readCounters } from '../stats.js';
import { playAtOnce } from './autoplay.js';
import { allowedCandidates } from './candidates.js';
import { LostLink } from './lost-link.js';
import { Rung } from './rung.js';

/**
 * @typedef {import('../types.js').Failure} Failure
 * @typedef {import('../types.js').Message} Message
 * @typedef {import('./rung.js').RungOptions} RungOptions
 */

const CONNECT_DEADLINE_MS = 5000;
const DISCONNECTED_GRACE_MS = 2000;
const LOST_TICK_MS = 250;
const RESTART_ANSWER_MS = 2500;
/** A socket that is not open by then may be blocked: HTTP does as well. */
const SOCKET_OPENS_MS = 250;
/** A header extension (http://www.webrtc.org/experiments/rtp-hdrext/playout-delay). */
const PLAYOUT_DELAY = 'playout-delay';
const DELAY_STEP_MS = 25;
const DELAY_STEP_EVERY_MS = 250;
const ORIGIN = /^o=(\S+ \S+) /m;

/**
 * Sockets that an answer may still come over to an offer of somebody who is gone: it must not be taken for one to the next.
 *
 * @type {WeakSet<import('../signalling.js').Signalling>}
 */
const owing = new WeakSet();

/** @returns {RTCRtpCodec[]} H.264 in all its profiles, and retransmission; empty if this browser has no H.264 */
function playableCodecs() {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.('video')?.codecs ?? [];
  const wanted = codecs.filter(({ mimeType }) => /^video\/(h264|rtx)$/i.test(mimeType));
  return wanted.some(({ mimeType }) => /h264/i.test(mimeType)) ? wanted : [];
}

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
  /** @type {string | null} */
  #offer = null;
  /** @type {string | undefined} of the answer */
  #origin;
  #sent = false;
  #answerOwed = false;
  /** @type {import('./whep.js').WhepSession | null} instead of the socket */
  #whep = null;
  #overHttp = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;
  #lostLink = new LostLink();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #lostTicker;
  #mendable = true;
  /** @type {string | null} when it was changed since the start */
  #mode = null;
  #delayMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #delayStep;

  /** @override */
  get name() {
    return 'webrtc';
  }

  /** Whether an answer on the signalling socket is still owed to this rung. */
  get #awaitingAnswer() {
    return this.#answerOwed && !this.#overHttp && this.#connection !== null;
  }

  /** @override */
  get excuse() {
    const connection = this.#connection;
    if (!connection || this.pictureCame) return null;
    if (!this.#sent || this.#answerOwed) {
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
    const codecs = playableCodecs();
    if (codecs.length === 0) {
      this.fail('codec', "This browser can't play H.264 over WebRTC.");
      return;
    }
    const { signal } = this;
    signal.addEventListener('abort', () => {
      clearInterval(this.#lostTicker);
      clearTimeout(this.#patience);
      clearTimeout(this.#delayStep);
    });
    options.signalling.addEventListener('open', () => this.#socketOpened(), { signal });
    options.signalling.addEventListener('down', () => this.#socketGone(), { signal });
    options.signalling.addEventListener(
      'message',
      (event) => void this.#receive(/** @type {CustomEvent<Message>} */ (event).detail),
      { signal },
    );
    this.#connect(video, codecs).catch((/** @type {unknown} */ error) => this.fail('codec', String(error)));
  }

  /** @override */
  stop() {
    const { signalling } = this.#options ?? {};
    if (this.#awaitingAnswer && signalling) this.#disown(signalling);
    super.stop();
    this.#whep?.end();
    this.#whep = null;
    const connection = this.#connection;
    this.#connection = null;
    if (connection) {
      connection.onconnectionstatechange = null;
      connection.close();
    }
    if (this.#video) this.#video.srcObject = null;
    this.#video = null;
  }

  /** @param {import('../signalling.js').Signalling} signalling */
  #disown(signalling) {
    owing.add(signalling);
    const over = new AbortController();
    const settle = () => {
      owing.delete(signalling);
      over.abort();
    };
    signalling.addEventListener('down', settle, { signal: over.signal });
    signalling.addEventListener(
      'message',
      (event) => {
        if (/** @type {CustomEvent<Message>} */ (event).detail.type.startsWith('webrtc')) settle();
      },
      { signal: over.signal },
    );
  }

  /** @override */
  renew() {
    if (!this.#whep || !this.#options) return;
    const { whep } = this.#options;
    void whep()
      .then((endpoint) => this.#whep?.renew(endpoint, this.signal))
      // What it lasts for is not longer now: the gateway will end it, and another is made.
      .catch(() => undefined);
  }

  /** An offer that comes again tells the gateway which connection is ours, and changes nothing else. @override */
  claim() {
    if (!this.pictureCame || !this.#sent || this.#answerOwed || this.#lostLink.lost || !this.#offer) return;
    if (this.#overHttp) return;
    this.#options?.signalling.send({ type: 'webrtc', value: { type: 'offer', sdp: this.#offer } });
  }

  /** @override */
  async count() {
    const report = await this.#connection?.getStats();
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
    const { iceServers, relayOnly } = this.#options ?? {};
    const connection = new RTCPeerConnection({
      iceServers,
      iceTransportPolicy: relayOnly ? 'relay' : 'all',
      bundlePolicy: 'max-bundle',
    });
    this.#connection = connection;
    connection.onconnectionstatechange = () => this.#connectionChanged(connection);
    const transceivers = [connection.addTransceiver('video', { direction: 'recvonly' })];
    // Asking for H.264 alone keeps the offer small: the gateway has that much less to read.
    transceivers[0].setCodecPreferences?.(codecs);
    if (this.#options?.audio) transceivers.push(connection.addTransceiver('audio', { direction: 'recvonly' }));
    this.#delay();

    video.srcObject = new MediaStream(transceivers.map(({ receiver }) => receiver.track));
    this.awaitPicture(video);
    await connection.setLocalDescription(await connection.createOffer());
    if (connection !== this.#connection) return;
    this.#offer = connection.localDescription?.sdp ?? null;
    this.#sendOffer();
  }

  #sendOffer() {
    const options = this.#options;
    if (this.#sent || !this.#offer || !options) return;
    const free = !this.#overHttp && !owing.has(options.signalling);
    this.#sent = free && options.signalling.send({ type: 'webrtc', value: { type: 'offer', sdp: this.#offer } });
    if (!this.#sent && !this.pictureCame) this.#goOverHttp(free && !options.signalling.failing ? SOCKET_OPENS_MS : 0);
    this.#answerOwed = this.#sent;
    // A restart has no deadline of its own, and is no progress: there were pictures before.
    if (!this.#sent || this.pictureCame) return;
    this.#asked();
  }

  #asked() {
    clearTimeout(this.#patience);
    this.progress(0.4);
    this.expect(this.#options?.answerDeadlineMs ?? 0, () =>
      this.fail('signalling', 'The gateway did not answer the offer in time.'),
    );
  }

  /** @param {number} afterMs unless the socket opens */
  #goOverHttp(afterMs) {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => void this.#offerOverHttp(), afterMs);
  }

  async #offerOverHttp() {
    const offer = this.#offer;
    const connection = this.#connection;
    if (this.#sent || !offer || !connection || !this.#options) return;
    this.#sent = true;
    this.#answerOwed = true;
    this.#overHttp = true;
    this.#asked();
    try {
      const { WhepSession } = await import('./whep.js');
      const session = new WhepSession();
      const endpoint = await this.#options.whep();
      if (connection !== this.#connection) return;
      this.#whep = session;
      const answer = await session.offer(endpoint, offer, this.signal);
      if (connection !== this.#connection) session.end();
      else await this.#answered(connection, answer);
    } catch (error) {
      const refused = error instanceof Error && error.name === 'Refused';
      this.fail(refused ? 'refused' : 'signalling', refused ? error.message : 'The gateway could not be asked over HTTP either.');
    }
  }

  /** The socket is gone: an answer that has not come yet will not come; the next socket gets the same offer. */
  #socketGone() {
    if (this.#awaitingAnswer) {
      this.expectNothing();
      this.#sent = false;
      this.#answerOwed = false;
    }
    if (!this.pictureCame && !this.#sent && this.#offer) this.#goOverHttp(0);
  }

  #socketOpened() {
    this.#lostLink.hurry();
    if (this.#lostLink.lost) this.#lostTick();
    else this.#sendOffer();
  }

  /** @override @param {string} mode */
  set mode(mode) {
    this.#mode = mode;
    this.#delay();
  }

  /**
   * Where the playout-delay extension is negotiated the gateway sets the delay; else it is raised here, in steps that
   * nobody sees.
   */
  #delay() {
    clearTimeout(this.#delayStep);
    const connection = this.#connection;
    if (!connection || connection.remoteDescription?.sdp.includes(PLAYOUT_DELAY)) return;
    const { delayMs } = modeOf(this.#mode ?? this.#options?.mode);
    for (const receiver of connection.getReceivers()) {
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = this.#delayMs;
    }
    const leftMs = connection.remoteDescription ? delayMs - this.#delayMs : 0;
    if (leftMs === 0) return;
    this.#delayMs += Math.sign(leftMs) * Math.min(DELAY_STEP_MS, Math.abs(leftMs));
    this.#delayStep = setTimeout(() => this.#delay(), DELAY_STEP_EVERY_MS);
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
    if (this.#whep) {
      await this.#restartOverHttp(connection, this.#whep);
      return;
    }
    if (!this.#options?.signalling.isOpen) return;
    if (this.#answerOwed) {
      // The last offer was not answered: the socket is as dead as the link, and its TCP would come back much later.
      this.#options.signalling.reset();
      return;
    }
    // An offer whose answer got lost is taken back by the next one.
    await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }));
    if (connection !== this.#connection || !this.#lostLink.lost) return;
    this.#offer = connection.localDescription?.sdp ?? null;
    this.#sent = false;
    this.#sendOffer();
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {import('./whep.js').WhepSession} session
   */
  async #restartOverHttp(connection, session) {
    if (this.#answerOwed) return;
    this.#answerOwed = true;
    try {
      await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }));
      const answer = await session.restart(connection.localDescription?.sdp ?? '', AbortSignal.timeout(RESTART_ANSWER_MS));
      this.#answerOwed = false;
      if (connection === this.#connection) await this.#answered(connection, answer);
    } catch (error) {
      this.#answerOwed = false;
      // Without an answer the network is still gone; a refusal says that the session is.
      if (error instanceof Error && error.name === 'Refused') throw error;
    }
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

  /** @param {Message} message */
  async #receive({ type, value }) {
    const connection = this.#connection;
    if (!connection || !this.#awaitingAnswer) return;
    if (type === 'error' && typeof value === 'string' && value.startsWith('webrtc')) {
      this.fail('refused', value.replace(/^webrtc[^:]*:\s*/, ''));
      return;
    }
    const answer = /** @type {{type?: unknown, sdp?: unknown} | null} */ (value);
    if (type !== 'webrtc' || answer?.type !== 'answer' || typeof answer.sdp !== 'string') return;
    await this.#answered(connection, answer.sdp);
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {string} sdp
   */
  async #answered(connection, sdp) {
    this.#answerOwed = false;
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
        this.#delay();
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
    return { code: 'ice', message: "The gateway's media port did not answer." };
  }
}
