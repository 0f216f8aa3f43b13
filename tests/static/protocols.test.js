import assert from 'node:assert/strict';
import { it } from 'node:test';

import { offerOf, protocolName, PROTOCOLS, wrongCandidates } from '../../static/protocols.js';

it('has a name for each protocol', () => {
  assert.deepEqual(PROTOCOLS.map(protocolName), ['WebRTC', 'MSE', 'LL-HLS', 'HLS']);
  assert.equal(protocolName('smoke'), 'smoke');
});

it('knows what the gateway says of each', () => {
  const rungs = { webrtc: { ok: true }, 'll-hls': { ok: false } };
  const camera = { name: 'yard', state: /** @type {const} */ ('live'), reason: null, since: 0, rungs };
  assert.equal(offerOf(camera, 'webrtc'), rungs.webrtc);
  assert.equal(offerOf(camera, 'hls'), rungs['ll-hls']);
  assert.equal(offerOf(camera, 'mse'), undefined);
  assert.equal(offerOf(null, 'mse'), undefined);
});

it('knows what WebRTC’s candidates can be', () => {
  for (const kinds of [null, ['udp'], ['tcp', 'relay'], ['relay']]) assert.equal(wrongCandidates(kinds), null);
  for (const [kinds, named] of /** @type {[string[], string][]} */ ([[['udp', 'upd'], '“upd”'], [[''], '“”'], [[], '“”']])) {
    const wrong = wrongCandidates(kinds);
    assert.equal(wrong?.code, 'candidates');
    assert.ok(wrong?.message.includes(named) && wrong.message.includes('udp, tcp, relay'), wrong?.message);
  }
});
