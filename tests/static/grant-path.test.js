import assert from 'node:assert/strict';
import { it } from 'node:test';

import { grantIn, withGrant } from '../../static/grant-path.js';

const OLD = `k1.1790000000.0123456789abcdef.${'a'.repeat(64)}`;
const NEW = `k2.1790000300.fedcba9876543210.${'b'.repeat(64)}`;

for (const [name, url, grant, expected] of /** @type {[string, string, string | null, string][]} */ ([
  ['puts a new grant in the place of the old', `https://h/g/${OLD}/yard/_hls/1/p5.m4s?_HLS_msn=3`, NEW, `https://h/g/${NEW}/yard/_hls/1/p5.m4s?_HLS_msn=3`],
  ['finds it below a base path', `https://h/live/g/${OLD}/site1/yard/index.m3u8`, NEW, `https://h/live/g/${NEW}/site1/yard/index.m3u8`],
  ['leaves a URL without a grant alone', 'https://h/yard/index.m3u8', NEW, 'https://h/yard/index.m3u8'],
  ['takes a camera called g for what it is', 'https://h/g/yard/index.m3u8', NEW, 'https://h/g/yard/index.m3u8'],
  ['changes nothing without another grant', `https://h/g/${OLD}/yard/index.m3u8`, null, `https://h/g/${OLD}/yard/index.m3u8`],
  ['does not look into the query', `https://h/yard/index.m3u8?u=/g/${OLD}/x`, NEW, `https://h/yard/index.m3u8?u=/g/${OLD}/x`],
  ['puts it into the query where that holds one', `https://m/yard/index.m3u8?a=1&grant=${OLD}&b=2`, NEW, `https://m/yard/index.m3u8?a=1&grant=${NEW}&b=2`],
  ['leaves a query alone that means something else by that word', 'https://m/yard/index.m3u8?grant=student', NEW, 'https://m/yard/index.m3u8?grant=student'],
])) {
  it(name, () => assert.equal(withGrant(url, grant), expected));
}

for (const [name, url, expected] of /** @type {[string, string, string | null][]} */ ([
  ['finds a grant in a path', `https://h/live/g/${OLD}/yard/index.m3u8`, OLD],
  ['finds a grant in a query', `https://m/yard/index.m3u8?grant=${NEW}`, NEW],
  ['finds none where there is none', 'https://m/g/yard/index.m3u8?grant=student', null],
])) {
  it(name, () => assert.equal(grantIn(url), expected));
}
