/** When no rung gets through: what was tried, and what would help.  Pure. */

import { protocolName } from './protocols.js';

/** @typedef {import('./types.js').Situation['tried'][number]} Tried */

/** @type {Readonly<Record<string, string>>} */
const WHAT_HELPS = {
  ice: "Check that the gateway's port for pictures (8190 unless changed), UDP or TCP, is open between this computer and the gateway.",
  relay: "Check that the relay (TURN server) has the gateway's secret and the right time; its log says more.",
  dtls: 'A firewall between this computer and the gateway may be cutting encrypted media.',
  'first-frame': 'Check that the camera sends H.264 with regular keyframes.',
  signalling: "A proxy between this computer and the gateway may be blocking WebSockets; else look at the gateway's log.",
  lost: 'Check the network between this computer and the gateway.',
  loss: 'The network loses too much of what the gateway sends.',
  network: 'Check the network between this computer and the gateway.',
  decode: "Try another browser, or another of the camera's streams.",
};

/** Of several failures the one that somebody can do most about. */
const MOST_TELLING = ['refused', 'network', 'decode', 'first-frame', 'signalling', 'relay', 'dtls', 'ice'];

/**
 * @param {readonly Tried[]} tried not empty
 * @returns {{tried: string, help: string}} sentences; `help` is empty where the gateway's own words say all
 */
export function helpWhenHopeless(tried) {
  const list = tried.map(({ rung, message }) => `${protocolName(rung)} (${lowerFirst(message.replace(/\.$/, ''))})`);
  const last = list.pop();
  const all = list.length > 0 ? `${list.join(', ')} and ${last}` : last;
  const telling = MOST_TELLING.map((code) => tried.find((failure) => failure.code === code)).find(Boolean) ?? tried[0];
  const help = telling.code === 'refused' ? '' : (WHAT_HELPS[telling.code] ?? '');
  return { tried: `Tried ${all}.`, help };
}

/** @param {string} sentence */
function lowerFirst(sentence) {
  return /^[A-Z][a-z' ]/.test(sentence) ? sentence[0].toLowerCase() + sentence.slice(1) : sentence;
}
