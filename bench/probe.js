/**
 * A viewer in the browser that reads the camera's burned-in clock off each picture.
 *
 * `bench.start(options)` resolves with milliseconds from its call to the first picture (null after `deadlineMs`),
 * `bench.take()` hands out what was seen since the last call, `bench.stop()` ends the viewer.
 * options: `{whep}` for a bare peer connection, `{view, base, attributes}` for the gateway's
 * `<camera-view>`, or `{player, url}` for
 * one of `benchPlayers`: a function of a video element and an address that returns `{statistics(), stop()}`.
 */
(() => {
  const BLOCKS = 32;
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });

  let video = null;
  let connection = null;
  let session = null;
  let view = null;
  let player = null;
  let firstAt = null;
  let pictures = [];

  const unixMs = () => performance.timeOrigin + performance.now();

  function ageOfPicture() {
    const { videoWidth: width } = video;
    const block = Math.floor(width / BLOCKS);
    if (context.canvas.width !== width) context.canvas.width = width;
    context.drawImage(video, 0, block >> 1, width, 1, 0, 0, width, 1);
    const { data } = context.getImageData(0, 0, width, 1);
    let shown = 0;
    for (let index = 0; index < BLOCKS; index += 1) {
      shown = shown * 2 + (data[(index * block + (block >> 1)) * 4 + 1] > 128 ? 1 : 0);
    }
    const age = (unixMs() - shown) % 2 ** 32;
    return age > 2 ** 31 ? age - 2 ** 32 : age;
  }

  function watch(element, onFirst) {
    video = element;
    const shown = () => {
      if (video !== element) return;
      const at = performance.now();
      if (firstAt === null) {
        firstAt = at;
        onFirst(at);
      }
      pictures.push([at - firstAt, ageOfPicture(), view?.metrics?.catchingUp ?? null]);
      element.requestVideoFrameCallback(shown);
    };
    element.requestVideoFrameCallback(shown);
  }

  function videoElement(onFirst) {
    const element = document.createElement('video');
    element.muted = true;
    element.autoplay = true;
    element.playsInline = true;
    document.body.append(element);
    watch(element, onFirst);
    return element;
  }

  async function play({ player: name, url }, onFirst) {
    player = globalThis.benchPlayers[name](videoElement(onFirst), url);
  }

  async function connect({ whep }, onFirst) {
    const element = videoElement(onFirst);
    connection = new RTCPeerConnection();
    const { receiver } = connection.addTransceiver('video', { direction: 'recvonly' });
    element.srcObject = new MediaStream([receiver.track]);
    await connection.setLocalDescription(await connection.createOffer());
    const response = await fetch(whep, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: connection.localDescription.sdp,
    });
    if (!response.ok) throw new Error(`the offer was refused: ${response.status} ${await response.text()}`);
    const location = response.headers.get('Location');
    session = location === null ? null : new URL(location, whep).href;
    await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  }

  /** By the attributes given some rungs are loaded first, and then make their video. */
  async function videoOf(element) {
    for (;;) {
      const found = element.shadowRoot.querySelector('video');
      if (found) return found;
      await new Promise(requestAnimationFrame);
    }
  }

  async function show({ view: camera, base, attributes = {} }, onFirst) {
    view = document.createElement('camera-view');
    for (const [name, value] of Object.entries(attributes)) view.setAttribute(name, value);
    view.setAttribute('camera', camera);
    view.setAttribute('base', base);
    document.body.append(view);
    watch(view.shadowRoot.querySelector('video') ?? (await videoOf(view)), onFirst);
  }

  async function statistics() {
    const found = { ...player?.statistics() };
    for (const entry of (await connection?.getStats())?.values() ?? []) {
      if (entry.type === 'inbound-rtp' && entry.kind === 'video') {
        Object.assign(found, { lost: entry.packetsLost, decoded: entry.framesDecoded, freezes: entry.freezeCount });
      }
    }
    return found;
  }

  globalThis.bench = {
    async start(options) {
      const begunAt = performance.now();
      firstAt = null;
      pictures = [];
      let deadline;
      const first = new Promise((resolve) => {
        deadline = setTimeout(() => resolve(null), options.deadlineMs);
        const join = options.view ? show : options.player ? play : connect;
        join(options, (at) => resolve(at - begunAt)).catch((error) => {
          console.error(String(error));
          resolve(null);
        });
      });
      const milliseconds = await first;
      clearTimeout(deadline);
      return view && milliseconds !== null ? view.metrics.firstPictureMs : milliseconds;
    },

    async take() {
      const taken = { pictures, statistics: await statistics() };
      pictures = [];
      return taken;
    },

    async stop() {
      video = null;
      connection?.close();
      player?.stop();
      if (session) await fetch(session, { method: 'DELETE' }).catch(() => undefined);
      document.body.replaceChildren();
      connection = null;
      session = null;
      view = null;
      player = null;
    },
  };
})();
