import assert from 'node:assert/strict';
import { it } from 'node:test';

import { cameraOfPage, pageTitle, protocolOfPage } from '../../static/page.js';

for (const [address, base, camera] of [
  ['http://h/', 'http://h/', null],
  ['http://h/front-door/', 'http://h/', 'front-door'],
  ['http://h/site1/yard/?a=b#c', 'http://h/', 'site1/yard'],
  ['http://h/live/', 'http://h/live/', null],
  ['http://h/live/site1/yard/', 'http://h/live/', 'site1/yard'],
  ['http://h/g/k.1.a.b/yard/', 'http://h/g/k.1.a.b/', 'yard'],
  ['http://h/caf%C3%A9/', 'http://h/', 'café'],
  ['http://h/100%/', 'http://h/', '100%'],
  ['http://h/other/', 'http://h/live/', null],
]) {
  it(`${address} under ${base} is ${camera ?? 'the wall'}`, () => {
    assert.equal(cameraOfPage(/** @type {string} */ (address), /** @type {string} */ (base)), camera);
  });
}

for (const [camera, count, title] of /** @type {[string | null, number | null, string][]} */ ([
  [null, null, 'camera-gateway'],
  [null, 0, 'No cameras — camera-gateway'],
  [null, 1, '1 camera — camera-gateway'],
  [null, 3, '3 cameras — camera-gateway'],
  ['site1/yard', 1, 'site1/yard'],
])) {
  it(`${title} is the title`, () => assert.equal(pageTitle(camera, count), title));
}

it('reads the protocol that the address asks for', () => {
  assert.equal(protocolOfPage('http://h/yard/?protocol=ll-hls'), 'll-hls');
  assert.equal(protocolOfPage('http://h/yard/?protocol=%3Cb%3E'), '<b>');
  assert.equal(protocolOfPage('http://h/yard/'), null);
});
