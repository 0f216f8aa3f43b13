import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { it } from 'node:test';

const STATIC = new URL('../../static/', import.meta.url);

async function modules() {
  const paths = await readdir(STATIC, { recursive: true });
  return paths.filter((path) => path.endsWith('.js') && !path.startsWith('vendor'));
}

/** @param {string} path @returns {Promise<string[]>} what this module imports without asking for it later */
async function imports(path) {
  const source = await readFile(new URL(path, STATIC), 'utf8');
  const here = new URL(path, 'http://static/');
  const imported = [...source.matchAll(/^import (?:[^'"]*? from )?'(\.[^']+)';/gm)];
  return imported.map(([, to]) => new URL(to, here).pathname.slice(1));
}

/** @returns {Promise<string[]>} what main.js brings along: itself, and all that is imported without being asked for later */
async function firstScreen() {
  /** @type {Set<string>} */
  const found = new Set();
  /** @param {string} path */
  const visit = async (path) => {
    if (found.has(path)) return;
    found.add(path);
    await Promise.all((await imports(path)).map(visit));
  };
  await visit('main.js');
  return [...found];
}

it('asks for every module of the first screen at once, not one round trip after another', async () => {
  const page = await readFile(new URL('index.html', STATIC), 'utf8');
  const preloaded = [...page.matchAll(/modulepreload" href="static\/([^"]+)"/g)].map(([, path]) => path);
  const loaded = (await firstScreen()).filter((path) => path !== 'main.js');
  assert.deepEqual(preloaded.toSorted(), loaded.toSorted());
});

it('has no module that nothing loads, at once or later', async () => {
  const later = ['rungs/back-buffer.js', 'rungs/fragment-buffer.js', 'rungs/fragment.js', 'rungs/whep.js'];
  later.push('rungs/hls-js.js', 'rungs/hls-pace.js', 'rungs/hls-values.js', 'rungs/hls.js', 'rungs/live-edge.js', 'rungs/mse.js', 'rungs/playlist-access.js');
  // After the first pictures, or when there are none.
  later.push('stats.js', 'latency-strip.js', 'strip-reader.js', 'grant-renewal.js', 'hopeless.js', 'verdicts.js');
  // On a large picture.
  later.push('tile/controls.js', 'tile/controls-look.js');
  // On a key press.
  later.push('help.js', 'shortcuts.js', 'tile/mode-menu.js', 'tile/sparkline.js', 'tile/statistics-panel.js', 'tile/statistics-text.js');
  later.push('tile/mode-menu-look.js', 'tile/statistics-look.js');
  // Types alone are in types.js: no browser ever loads it.
  assert.deepEqual([...(await firstScreen()), ...later, 'types.js'].toSorted(), (await modules()).toSorted());
});

it('imports one way: no module needs one that needs it', async () => {
  const all = await modules();
  const graph = new Map(await Promise.all(all.map(async (path) => /** @type {const} */ ([path, await imports(path)]))));
  /** @param {string} path @param {string[]} above @returns {string[] | null} */
  const cycle = (path, above) => {
    if (above.includes(path)) return [...above, path];
    return graph.get(path)?.reduce((found, next) => found ?? cycle(next, [...above, path]), /** @type {string[] | null} */ (null)) ?? null;
  };
  assert.deepEqual(all.map((path) => cycle(path, [])).find(Boolean), undefined);
});

it('has no inline script or style, which the content security policy forbids', async () => {
  const page = await readFile(new URL('index.html', STATIC), 'utf8');
  assert.doesNotMatch(page, /<style|style=|\son\w+=|<script(?![^>]*\bsrc=)/);
});
