/**
 * Notes when each tile of the gateway's own page last showed a new picture, and by which rung.
 *
 * `wallWatch.take()` hands out what was seen since the last call, by camera: `pictures` in unix milliseconds, `rungs` as
 * `[at, rung, transport]` whenever one of them changed.
 */
(() => {
  /** @type {Map<string, {pictures: number[], rungs: [number, string | null, string | null][]}>} */
  const seen = new Map();

  function note(view) {
    const { situation, metrics } = view;
    const picture = situation?.lastPictureAt ?? null;
    if (picture === null) return;
    const tile = seen.get(view.camera) ?? { pictures: [], rungs: [], last: 0, way: '' };
    seen.set(view.camera, tile);
    if (picture !== tile.last) tile.pictures.push(picture);
    tile.last = picture;
    const way = `${metrics.rung} ${metrics.transport}`;
    if (metrics.rung !== null && metrics.transport !== null && way !== tile.way) {
      tile.rungs.push([performance.timeOrigin + performance.now(), metrics.rung, metrics.transport]);
      tile.way = way;
    }
  }

  function look() {
    for (const view of document.querySelectorAll('camera-view')) note(view);
    requestAnimationFrame(look);
  }
  requestAnimationFrame(look);

  globalThis.wallWatch = {
    take() {
      const taken = {};
      for (const [camera, tile] of seen) {
        taken[camera] = { pictures: tile.pictures, rungs: tile.rungs };
        Object.assign(tile, { pictures: [], rungs: [] });
      }
      return taken;
    },
  };
})();
