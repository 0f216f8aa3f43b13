import assert from 'node:assert/strict';
import { it } from 'node:test';

import { supportedCodecs } from '../../static/rungs/codecs.js';

/** @param {...string} known */
const browser = (...known) => (/** @type {string} */ type) => known.some((codec) => type === `video/mp4; codecs="${codec}"`);

for (const [name, known, audio, expected] of /** @type {[string, string[], boolean, string[]][]} */ ([
  ['names what the browser plays', ['avc1.640029', 'mp4a.40.2'], true, ['avc1.640029', 'mp4a.40.2']],
  ['asks for no sound where none is wanted', ['avc1.640029', 'opus'], false, ['avc1.640029']],
  ['has nothing without H.264', ['mp4a.40.2', 'opus'], true, []],
])) {
  it(name, () => assert.deepEqual(supportedCodecs(browser(...known), { audio }), expected));
}
