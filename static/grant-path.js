/** Grants in paths: `/g/{token}/…` (protocol.md).  Pure. */

const GRANT_IN_PATH = /\/g\/[\w-]{1,32}\.\d+\.[0-9a-f]{16}\.[0-9a-f]+\//;

/**
 * @param {string} url absolute
 * @param {string | null} grant
 * @returns {string} the same with another grant; unchanged where there was none, or there is no other
 */
export function withGrant(url, grant) {
  if (grant === null) return url;
  const changed = new URL(url);
  changed.pathname = changed.pathname.replace(GRANT_IN_PATH, () => `/g/${grant}/`);
  return changed.href;
}
