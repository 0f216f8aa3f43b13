/**
 * A viewer of the rig: one peer connection, or the gateway's own `<camera-view>`, and every picture it shows with the age
 * that the clock in it tells.  Times are unix milliseconds.
 */
(() => {
  const KEPT = 20_000;
  const unixMs = rigUnixMs;

  class RigViewer {
    /** @type {[number, number | null][]} when it was on the screen, and how old it was then */
    pictures = [];
    messages = [];
    ufrags = new Set();
    first = null;
    #session = null;

    /** Resolves with milliseconds from here to the first picture; null after `deadlineMs`. */
    async join({ camera, socket = false, deadlineMs }) {
      const begunAt = unixMs();
      const video = this.#makeVideo();
      this.connection = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' });
      const { receiver } = this.connection.addTransceiver('video', { direction: 'recvonly' });
      video.srcObject = new MediaStream([receiver.track]);
      await this.connection.setLocalDescription();
      await (socket ? this.#offerBySocket(camera) : this.#offerByWhep(camera));
      return this.#firstPicture(begunAt, deadlineMs);
    }

    /** The same by the page's own element. */
    async show({ camera, deadlineMs }) {
      const begunAt = unixMs();
      await import(`/static/tile/camera-view.js`);
      const view = document.createElement('camera-view');
      view.setAttribute('camera', camera);
      view.setAttribute('base', `${location.origin}/`);
      document.body.append(view);
      this.element = view;
      this.#watch(view.shadowRoot.querySelector('video'));
      return this.#firstPicture(begunAt, deadlineMs);
    }

    #makeVideo() {
      const video = document.createElement('video');
      Object.assign(video, { muted: true, autoplay: true, playsInline: true });
      document.body.append(video);
      this.#watch(video);
      return video;
    }

    async #firstPicture(begunAt, deadlineMs) {
      await this.until(() => this.first !== null, deadlineMs);
      return this.first === null ? null : this.first - begunAt;
    }

    async #offerByWhep(camera) {
      const url = new URL(`/${camera}/whep`, location.href);
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: this.connection.localDescription.sdp,
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`the offer was refused: ${response.status} ${text}`);
      this.#session = new URL(response.headers.get('Location'), url).href;
      await this.connection.setRemoteDescription({ type: 'answer', sdp: text });
    }

    async #offerBySocket(camera) {
      const socket = new WebSocket(`ws://${location.host}/api/ws?src=${camera}`);
      this.socket = socket;
      const answered = new Promise((resolve, reject) => {
        socket.onclose = () => reject(new Error('the socket closed'));
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(data);
          if (message.type === 'webrtc') resolve(message.value);
          else this.messages.push({ at: unixMs(), ...message });
        };
      });
      await new Promise((resolve) => (socket.onopen = resolve));
      const { type, sdp } = this.connection.localDescription;
      socket.send(JSON.stringify({ type: 'webrtc', value: { type, sdp } }));
      await this.connection.setRemoteDescription(await answered);
    }

    /**
     * Restarts ICE on a fresh socket, again until pictures come: what a page has to do when its network was gone.
     * False when they did not by `deadlineMs`.
     */
    async restart({ camera, deadlineMs }) {
      const begunAt = unixMs();
      const recovered = () => this.pictures.at(-1)?.[0] > begunAt;
      while (!recovered() && unixMs() - begunAt < deadlineMs) {
        this.socket?.close();
        const socket = new WebSocket(`ws://${location.host}/api/ws?src=${camera}`);
        this.socket = socket;
        if (await this.until(() => socket.readyState > WebSocket.CONNECTING, 1000) && socket.readyState === WebSocket.OPEN) {
          await this.#restartBy(socket);
          await this.until(recovered, 1500);
        }
        await this.until(recovered, 200);
      }
      return recovered();
    }

    async #restartBy(socket) {
      let answer = null;
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === 'webrtc') answer = message.value;
      };
      await this.connection.setLocalDescription(await this.connection.createOffer({ iceRestart: true }));
      const { type, sdp } = this.connection.localDescription;
      socket.send(JSON.stringify({ type: 'webrtc', value: { type, sdp } }));
      if (await this.until(() => answer !== null, 1000)) await this.connection.setRemoteDescription(answer);
      else await this.connection.setLocalDescription({ type: 'rollback' });
    }

    #watch(video) {
      const shown = () => {
        video.requestVideoFrameCallback(shown);
        const at = unixMs();
        this.first ??= at;
        this.pictures.push([at, rigAge(video, at)]);
        if (this.pictures.length > KEPT) this.pictures.shift();
      };
      video.requestVideoFrameCallback(shown);
    }

    /** Looks every 20 ms until `condition` holds; false after `deadlineMs`. */
    async until(condition, deadlineMs) {
      const end = unixMs() + deadlineMs;
      while (!condition()) {
        if (unixMs() > end) return false;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return true;
    }

    /** When the first picture after `since` was shown that was at most `ageMs` old; null if none was by `deadlineMs`. */
    async fresh({ since, ageMs, deadlineMs }) {
      const find = () => this.pictures.find(([at, age]) => at >= since && age !== null && Math.abs(age) <= ageMs);
      await this.until(() => find() !== undefined, deadlineMs);
      return find()?.[0] ?? null;
    }

    /** The connection that counts: its own, or the newest the element made. */
    get #current() {
      return this.connection ?? globalThis.rigConnections.at(-1);
    }

    async figures() {
      const connection = this.#current;
      const found = { connections: globalThis.rigConnections.length, state: connection?.connectionState ?? null };
      const stats = new Map(await connection?.getStats());
      for (const entry of stats.values()) {
        if (entry.type === 'inbound-rtp' && entry.kind === 'video') {
          found.received = entry.packetsReceived;
          found.lost = entry.packetsLost;
          found.nacks = entry.nackCount;
          found.plis = entry.pliCount;
          found.retransmitted = entry.retransmittedPacketsReceived ?? 0;
          found.freezes = entry.freezeCount;
          found.decoded = entry.framesDecoded;
          found.keyframes = entry.keyFramesDecoded;
        }
        const pair = entry.type === 'transport' && stats.get(entry.selectedCandidatePairId);
        if (pair) {
          found.protocol = stats.get(pair.localCandidateId)?.protocol;
          found.localPort = stats.get(pair.localCandidateId)?.port;
          found.remoteAddress = stats.get(pair.remoteCandidateId)?.address;
          found.roundTripMs = (pair.currentRoundTripTime ?? 0) * 1000;
        }
      }
      const ufrag = (description) => /a=ice-ufrag:(\S+)/.exec(description?.sdp ?? '')?.[1] ?? null;
      found.ufrag = ufrag(connection?.remoteDescription);
      found.ownUfrag = ufrag(connection?.localDescription);
      return found;
    }

    async leave() {
      this.connection?.close();
      this.socket?.close();
      if (this.#session) await fetch(this.#session, { method: 'DELETE' }).catch(() => undefined);
      document.body.replaceChildren();
    }
  }

  globalThis.rigConnections = [];
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...options) {
      super(...options);
      globalThis.rigConnections.push(this);
    }
  };
  globalThis.RigViewer = RigViewer;
})();
