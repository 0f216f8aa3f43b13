/**
 * Looks at the gateway's own page as its visitor does: every picture on the screen, whatever video it is in, and what the
 * first tile says.  Times are unix milliseconds.
 */
(() => {
  const KEPT = 20_000;
  const LOOK_EVERY_MS = 50;
  /** @type {WeakSet<HTMLVideoElement>} */
  const followed = new WeakSet();

  const watch = {
    clickedAt: performance.timeOrigin,
    /** @type {[number, number | null, string][]} when it was on the screen, how old it was then, by which rung */
    pictures: [],
    /** @type {{at: number, mark: string, title: string, detail: string, picture: string}[]} each change */
    said: [],
    connections: 0,
  };
  globalThis.rigWatch = watch;

  const tile = () => document.querySelector('camera-view');

  /** Of the videos one above the other, the one that is seen. */
  const onTop = (root) => {
    const { left, top, width, height } = root.host.getBoundingClientRect();
    return root.elementsFromPoint(left + width / 2, top + height / 2).find(({ tagName }) => tagName === 'VIDEO');
  };

  const follow = (video, root) => {
    const shown = () => {
      if (!video.isConnected) return;
      video.requestVideoFrameCallback(shown);
      if (onTop(root) !== video) return;
      const at = rigUnixMs();
      watch.pictures.push([at, rigAge(video, at), root.host.metrics?.rung ?? '']);
      if (watch.pictures.length > KEPT) watch.pictures.shift();
    };
    video.requestVideoFrameCallback(shown);
  };

  const text = (root, selector) => {
    const found = root.querySelector(selector);
    return found?.checkVisibility() ? found.textContent : '';
  };

  const listen = (root) => {
    const mark = text(root, '.mark');
    const said = {
      mark,
      title: text(root, '.title'),
      detail: text(root, '.detail') || (mark && root.querySelector('.mark').title),
      picture: root.querySelector('[data-picture]')?.dataset.picture ?? '',
    };
    const last = watch.said.at(-1);
    if (last && Object.keys(said).every((key) => said[key] === last[key])) return;
    watch.said.push({ at: rigUnixMs(), ...said });
  };

  const look = () => {
    requestAnimationFrame(look);
    const root = tile()?.shadowRoot;
    for (const video of root?.querySelectorAll('video') ?? []) {
      if (followed.has(video)) continue;
      followed.add(video);
      follow(video, root);
    }
  };
  look();
  setInterval(() => {
    const root = tile()?.shadowRoot;
    if (root) listen(root);
  }, LOOK_EVERY_MS);

  const until = async (find, deadlineMs) => {
    const end = rigUnixMs() + deadlineMs;
    for (;;) {
      const found = find();
      if (found !== undefined || rigUnixMs() > end) return found ?? null;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  /** When the first picture since then came: by this rung, or any; at most so old, or however old.  Null after `deadlineMs`. */
  watch.picture = ({ since, rung, ageMs, deadlineMs }) =>
    until(
      () =>
        watch.pictures.find(
          ([at, age, by]) =>
            at >= since &&
            (rung === null || by === rung) &&
            (ageMs === null || (age !== null && Math.abs(age) <= ageMs)),
        )?.[0],
      deadlineMs,
    );

  /** What the tile first said since then in which `pattern` is found; null after `deadlineMs`. */
  watch.words = ({ since, pattern, deadlineMs }) =>
    until(
      () =>
        watch.said.find(
          ({ at, mark, title, detail }) => at >= since && new RegExp(pattern).test(`${mark} | ${title} | ${detail}`),
        ),
      deadlineMs,
    );

  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...options) {
      super(...options);
      watch.connections += 1;
    }
  };
})();
