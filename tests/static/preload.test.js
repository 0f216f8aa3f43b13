import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { it } from 'node:test';

const STATIC = new URL('../../static/', import.meta.url);

async function modules() {
  const paths = await readdir(STATIC, { recursive: true });
  return paths.filter((path) => path.endsWith('.js') && !path.startsWith('vendor'));
}

/** @returns {Promise<string[]>} what main.js brings along: itself, and all that is imported without being asked for later */
async function firstScreen() {
  /** @type {Set<string>} */
  const found = new Set();
  /** @param {string} path */
  const visit = async (path) => {
    if (found.has(path)) return;
    found.add(path);
    const source = await readFile(new URL(path, STATIC), 'utf8');
    const imported = [...source.matchAll(/^import (?:[^'"]*? from )?'(\.[^']+)';/gm)].map(([, to]) => to);
    const here = new URL(path, 'http://static/');
    await Promise.all(imported.map((to) => visit(new URL(to, here).pathname.slice(1))));
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
  const later = ['rungs/back-buffer.js', 'rungs/fragment-buffer.js', 'rungs/fragment.js', 'rungs/whep.js', 'rungs/playlist-access.js'];
  later.push('rungs/hls-js.js', 'rungs/hls.js', 'rungs/live-edge.js', 'rungs/mse.js');
  // On a key press.
  later.push('help.js', 'tile/mode-menu.js', 'tile/sparkline.js', 'tile/statistics-panel.js');
  // Types alone are in types.js: no browser ever loads it.
  assert.deepEqual([...(await firstScreen()), ...later, 'types.js'].toSorted(), (await modules()).toSorted());
});

it('has no inline script or style, which the content security policy forbids', async () => {
  const page = await readFile(new URL('index.html', STATIC), 'utf8');
  assert.doesNotMatch(page, /<style|style=|\son\w+=|<script(?![^>]*\bsrc=)/);
});
