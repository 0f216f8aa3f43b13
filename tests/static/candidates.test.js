import assert from 'node:assert/strict';
import { it } from 'node:test';

import { allowedCandidates } from '../../static/rungs/candidates.js';

const UDP = 'a=candidate:1 1 udp 2130706431 192.0.2.10 8190 typ host\r\n';
const TCP = 'a=candidate:2 1 TCP 1671430143 192.0.2.10 8190 typ host tcptype passive\r\n';
const SDP = `v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-lite\r\n${UDP}${TCP}a=end-of-candidates\r\n`;

/** @type {[string, string[] | null, string][]} */
const TABLE = [
  ['leaves all where all may be used', null, SDP],
  ['leaves out TCP', ['udp'], SDP.replace(TCP, '')],
  ['leaves out UDP', ['tcp'], SDP.replace(UDP, '')],
  ['leaves none', [], SDP.replace(UDP, '').replace(TCP, '')],
  ['leaves what a relay needs', ['tcp', 'relay'], SDP],
  ['leaves what a relay alone needs', ['relay'], SDP],
];
for (const [behaviour, kinds, expected] of TABLE) it(behaviour, () => assert.equal(allowedCandidates(SDP, kinds), expected));
