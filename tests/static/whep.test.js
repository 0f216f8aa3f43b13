import assert from 'node:assert/strict';
import { test } from 'node:test';

import { restarted } from '../../static/rungs/whep.js';

const ANSWER = [
  'v=0',
  'o=- 1 1 IN IP4 0.0.0.0',
  'a=ice-lite',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'a=mid:0',
  'a=ice-ufrag:old',
  'a=ice-pwd:oldpassword',
  'a=candidate:1 1 udp 1 192.0.2.1 8190 typ host',
  'a=end-of-candidates',
  'a=sendonly',
  'm=audio 0 UDP/TLS/RTP/SAVPF 0',
  'a=inactive',
  '',
].join('\r\n');
const FRAGMENT = 'a=ice-ufrag:new\r\na=ice-pwd:newpassword\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=candidate:2 1 udp 1 192.0.2.2 8190 typ host\r\na=end-of-candidates\r\n';

test('an ICE restart answers with the credentials and candidates of its fragment, and with nothing else changed', () => {
  assert.deepEqual(restarted(ANSWER, FRAGMENT).split('\r\n'), [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    'a=ice-lite',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'a=mid:0',
    'a=sendonly',
    'a=ice-ufrag:new',
    'a=ice-pwd:newpassword',
    'a=candidate:2 1 udp 1 192.0.2.2 8190 typ host',
    'a=end-of-candidates',
    'm=audio 0 UDP/TLS/RTP/SAVPF 0',
    'a=inactive',
    '',
  ]);
});
