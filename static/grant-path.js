/** Grants in addresses: `/g/{token}/…`, or `?grant={token}` of a playlist that is not there yet (protocol.md).  Pure. */

const TOKEN = String.raw`[\w-]{1,32}\.\d+\.[0-9a-f]{16}\.[0-9a-f]+`;
const IN_PATH = new RegExp(String.raw`/g/(${TOKEN})/`);
const IN_QUERY = new RegExp(`^${TOKEN}$`);
const PARAMETER = 'grant';

/**
 * @param {string} url absolute
 * @param {string | null} grant
 * @returns {string} the same with another grant; unchanged where there was none, or there is no other
 */
export function withGrant(url, grant) {
  if (grant === null) return url;
  const changed = new URL(url);
  changed.pathname = changed.pathname.replace(IN_PATH, () => `/g/${grant}/`);
  if (IN_QUERY.test(changed.searchParams.get(PARAMETER) ?? '')) changed.searchParams.set(PARAMETER, grant);
  return changed.href;
}

/**
 * @param {string} url absolute
 * @returns {string | null} the grant in it
 */
export function grantIn(url) {
  const { pathname, searchParams } = new URL(url);
  const inQuery = searchParams.get(PARAMETER) ?? '';
  return IN_PATH.exec(pathname)?.[1] ?? (IN_QUERY.test(inQuery) ? inQuery : null);
}

/**
 * @param {string} grant
 * @returns {number | null} unix seconds; null for what is no grant
 */
export function expiryOf(grant) {
  const expires = Number(grant.split('.')[1]);
  return Number.isFinite(expires) && expires > 0 ? expires : null;
}
