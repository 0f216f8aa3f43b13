import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { gzipSync } from 'node:zlib';

const STATIC = new URL('../../static/', import.meta.url);
const MOST_BYTES = 60_000;

async function modules() {
  const paths = await readdir(STATIC, { recursive: true });
  return paths.filter((path) => path.endsWith('.js') && !path.startsWith('vendor'));
}

it('asks for every module at once, not one round trip after another', async () => {
  const page = await readFile(new URL('index.html', STATIC), 'utf8');
  const preloaded = [...page.matchAll(/modulepreload" href="static\/([^"]+)"/g)].map(([, path]) => path);
  // Types alone are in types.js: no browser ever loads it.
  const loaded = (await modules()).filter((path) => path !== 'types.js' && path !== 'main.js');
  assert.deepEqual(preloaded.toSorted(), loaded.toSorted());
});

it('keeps the first screen within 60 kB compressed', async () => {
  const paths = [...(await modules()).filter((path) => path !== 'types.js'), 'index.html', 'style.css', 'icon.svg'];
  const bodies = await Promise.all(paths.map((path) => readFile(new URL(path, STATIC))));
  const bytes = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0);
  assert.ok(bytes <= MOST_BYTES, `${bytes} bytes`);
});

it('has no inline script or style, which the content security policy forbids', async () => {
  const page = await readFile(new URL('index.html', STATIC), 'utf8');
  assert.doesNotMatch(page, /<style|style=|\son\w+=|<script(?![^>]*\bsrc=)/);
});
