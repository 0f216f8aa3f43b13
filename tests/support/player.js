/**
 * A WHEP player for tests.  It makes one peer connection and one offer, and remembers every picture (picture-log.js) with
 * its RTP timestamp and lightness; with `encoded`, also the timestamp of every frame before it is decoded.
 */
class TestPlayer extends globalThis.PictureLog {
  encoded = [];
  offers = 0;
  answer = '';
  connectionStates = [];
  /** What a TURN server answered instead of a candidate. */
  candidateErrors = [];
  #thumbnail = new OffscreenCanvas(32, 18).getContext('2d', { willReadFrequently: true });

  constructor(bundlePolicy = 'max-bundle', configuration = {}) {
    super(({ rtpTimestamp: rtp, presentedFrames }) => ({ rtp, presentedFrames, ...this.#lightness() }));
    this.connection = new RTCPeerConnection({ iceServers: [], bundlePolicy, ...configuration });
    this.connection.onconnectionstatechange = () => {
      this.connectionStates.push(this.connection.connectionState);
      this.look();
    };
    this.connection.onicecandidateerror = ({ errorCode }) => {
      this.candidateErrors.push(errorCode);
      this.look();
    };
  }

  /**
   * Answers what the gateway said; only with status 201 does anything play.
   *
   * `codecs` are regular expressions that a codec's `mime fmtp` must match one of; `before` and `after` are sections
   * around the picture's: 'audio', 'video', 'data', 'inactive-audio' or 'inactive-video'.  `renamed` is a pair: text of
   * the offer that the gateway is shown as something else, such as a profile this browser plays and does not offer.  Without `udp`, candidates of the answer that need it
   * are left out.  `headers` go with the offer.
   */
  async start({ url, codecs = ['^video/(h264|rtx)'], before = [], after = [], encoded = false, renamed = ['', ''], udp = true, headers = {} }) {
    const { connection } = this;
    for (const kind of before) this.#addSection(kind);
    const transceiver = connection.addTransceiver('video', { direction: 'recvonly' });
    const wanted = codecs.map((codec) => new RegExp(codec, 'i'));
    const all = RTCRtpReceiver.getCapabilities('video').codecs;
    const preferred = all.filter(({ mimeType, sdpFmtpLine }) =>
      wanted.some((codec) => codec.test(`${mimeType} ${sdpFmtpLine ?? ''}`)),
    );
    // An empty list would mean all.
    if (preferred.length === 0) throw new Error(`this browser has none of ${codecs}: ${JSON.stringify(all)}`);
    transceiver.setCodecPreferences(preferred);
    for (const kind of after) this.#addSection(kind);
    if (encoded) this.#watchEncoded(transceiver.receiver);
    this.video.srcObject = new MediaStream(
      connection
        .getTransceivers()
        .filter(({ direction }) => direction === 'recvonly')
        .map(({ receiver }) => receiver.track),
    );
    await connection.setLocalDescription();
    this.offers += 1;
    const [own, shown] = renamed;
    const offer = own ? connection.localDescription.sdp.replaceAll(own, shown) : connection.localDescription.sdp;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...headers },
      body: offer,
    });
    const body = await response.text();
    if (response.status === 201) {
      this.answer = body;
      await connection.setRemoteDescription({ type: 'answer', sdp: this.#usable(own ? body.replaceAll(shown, own) : body, udp) });
      this.video.play().catch(() => undefined);
    }
    return { status: response.status, headers: Object.fromEntries(response.headers), body, offer };
  }

  #usable(answer, udp) {
    return udp ? answer : answer.replaceAll(/^a=candidate:\S+ \d udp .*\r\n/gim, '');
  }

  #addSection(kind) {
    if (kind === 'data') this.connection.createDataChannel('data');
    else if (kind.startsWith('inactive-')) this.connection.addTransceiver(kind.slice(9), { direction: 'inactive' });
    else this.connection.addTransceiver(kind, { direction: 'recvonly' });
  }

  #watchEncoded(receiver) {
    const source = `onrtctransform = ({ transformer: { readable, writable } }) => readable.pipeThrough(new TransformStream({
      transform(frame, controller) {
        postMessage(frame.getMetadata().rtpTimestamp);
        controller.enqueue(frame);
      },
    })).pipeTo(writable);`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
    worker.onmessage = ({ data }) => {
      this.encoded.push(data);
      this.look();
    };
    receiver.transform = new RTCRtpScriptTransform(worker, {});
  }

  #lightness() {
    this.#thumbnail.drawImage(this.video, 0, 0, 32, 18);
    const { data } = this.#thumbnail.getImageData(0, 0, 32, 18);
    let [sum, least, most] = [0, 255, 0];
    for (let index = 1; index < data.length; index += 4) {
      sum += data[index];
      least = Math.min(least, data[index]);
      most = Math.max(most, data[index]);
    }
    return { mean: sum / (data.length / 4), spread: most - least };
  }

  toString() {
    const states = [this.connection.iceConnectionState, this.connection.connectionState].join('/');
    return `(${states}, ${this.pictures.length} pictures, the last ${JSON.stringify(this.pictures.at(-1))})`;
  }

  async stats() {
    const found = { video: null, audio: null, protocol: null, local: null, gathered: [] };
    const report = await this.connection.getStats();
    for (const entry of report.values()) {
      if (entry.type === 'inbound-rtp') found[entry.kind] = entry;
      if (entry.type === 'local-candidate') found.gathered.push(entry);
      if (entry.type === 'transport') {
        const pair = report.get(entry.selectedCandidatePairId);
        found.local = report.get(pair?.localCandidateId) ?? null;
        found.protocol = found.local?.protocol ?? null;
      }
    }
    return found;
  }

  get ufrags() {
    const read = (description) => /a=ice-ufrag:(\S+)/.exec(description?.sdp ?? '')?.[1] ?? null;
    return [read(this.connection.localDescription), read(this.connection.remoteDescription)];
  }

  close() {
    this.connection.close();
    super.close();
  }
}

globalThis.TestPlayer = TestPlayer;
