/**
 * Players for bench/probe.js that need no peer connection.
 *
 * `hls`: hls.js with its own defaults.  `mse`: fragments over the gateway's WebSocket into a MediaSource, played
 * `LAG_S` behind the newest of them, and a little later each time that was too close.
 */
(() => {
  const LAG_S = 0.06;
  const MORE_S = 0.03;
  const MAX_LAG_S = 0.2;
  const KEPT_S = 10;
  const JUMP_S = 0.3;
  const CODECS = 'avc1.640029,avc1.42e01e,mp4a.40.2,opus';

  /** Counts how often playing stopped for want of pictures, once it had begun. */
  function stallCounter(video) {
    let playing = false;
    let stalls = 0;
    video.addEventListener('playing', () => { playing = true; });
    video.addEventListener('waiting', () => { stalls += Number(playing); });
    return () => stalls;
  }

  function hls(video, url) {
    const stalls = stallCounter(video);
    const player = new globalThis.Hls();
    player.on(globalThis.Hls.Events.ERROR, (_, { fatal, details }) => {
      if (fatal) console.error(`hls.js: ${details}`);
    });
    player.loadSource(url);
    player.attachMedia(video);
    return { statistics: () => ({ stalls: stalls() }), stop: () => player.destroy() };
  }

  function mse(video, url) {
    const stalls = stallCounter(video);
    const source = new MediaSource();
    const waiting = [];
    let buffer = null;
    let started = false;
    let lag = LAG_S;
    video.addEventListener('waiting', () => { if (started) lag = Math.min(MAX_LAG_S, lag + MORE_S); });

    /** Stay close to the newest picture: jump when far behind, else play a little faster or slower. */
    function keepUp() {
      if (buffer === null || buffer.buffered.length === 0) return;
      const end = buffer.buffered.end(buffer.buffered.length - 1);
      const behind = end - video.currentTime;
      if (!started || (!video.seeking && (behind > JUMP_S || behind < 0))) {
        started = true;
        video.currentTime = Math.max(buffer.buffered.start(buffer.buffered.length - 1), end - lag);
      } else {
        video.playbackRate = Math.min(1.1, Math.max(0.9, 1 + (behind - lag)));
      }
    }

    function next() {
      if (buffer === null || buffer.updating) return;
      const begin = buffer.buffered.length > 0 ? buffer.buffered.start(0) : Infinity;
      if (waiting.length > 0) buffer.appendBuffer(waiting.shift());
      else if (video.currentTime - begin > 2 * KEPT_S) buffer.remove(begin, video.currentTime - KEPT_S);
    }

    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    const opened = new Promise((resolve) => { source.addEventListener('sourceopen', resolve, { once: true }); });
    socket.addEventListener('open', () => socket.send(JSON.stringify({ type: 'mse', value: CODECS })));
    socket.addEventListener('message', async ({ data }) => {
      if (typeof data !== 'string') {
        waiting.push(data);
        next();
        return;
      }
      const { type, value } = JSON.parse(data);
      if (type === 'error') console.error(value);
      if (type !== 'mse') return;
      await opened;
      if (buffer === null) {
        buffer = source.addSourceBuffer(value);
        buffer.addEventListener('updateend', () => {
          keepUp();
          next();
        });
      } else {
        buffer.changeType(value);
      }
      next();
    });
    video.src = URL.createObjectURL(source);
    video.play().catch(() => undefined);
    return {
      statistics: () => ({ stalls: stalls() }),
      stop: () => {
        socket.close();
        URL.revokeObjectURL(video.src);
        video.removeAttribute('src');
        video.load();
      },
    };
  }

  globalThis.benchPlayers = { hls, mse };
})();
