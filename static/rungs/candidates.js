/** Which ways of connecting an answer offers.  Pure. */

const CANDIDATE = /^a=candidate:\S+ \d+ (\S+) /;

/**
 * Leaves out the gateway's candidates of kinds that may not be used.
 *
 * A relay reaches the gateway over UDP: where it is allowed beside others, UDP can't be forbidden.
 *
 * @param {string} sdp
 * @param {readonly string[] | null} kinds `udp`, `tcp`, `relay`; null for all
 * @returns {string}
 */
export function allowedCandidates(sdp, kinds) {
  if (kinds === null || kinds.includes('relay')) return sdp;
  return sdp
    .split(/(?<=\n)/)
    .filter((line) => {
      const transport = CANDIDATE.exec(line)?.[1].toLowerCase();
      return transport === undefined || kinds.includes(transport);
    })
    .join('');
}
