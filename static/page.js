/** Which page this is, read from its address.  Pure. */

/**
 * @param {string} address of the page
 * @param {string} base URL that the gateway's paths are relative to
 * @returns {string | null} the camera of a one-camera page; null on the wall
 */
export function cameraOfPage(address, base) {
  const path = new URL(address).pathname;
  const root = new URL(base).pathname;
  if (!path.startsWith(root)) return null;
  const name = path.slice(root.length).replace(/\/+$/, '');
  if (!name) return null;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/**
 * @param {string} address of the page
 * @returns {string | null} the protocol it asks for, whether there is such a one or not
 */
export function protocolOfPage(address) {
  return new URL(address).searchParams.get('protocol');
}

/**
 * @param {string | null} camera of a one-camera page
 * @param {number | null} count of cameras; null while unknown
 * @returns {string} the tab's title
 */
export function pageTitle(camera, count) {
  if (camera !== null) return camera;
  if (count === null) return 'camera-gateway';
  const cameras = count === 1 ? '1 camera' : `${count || 'No'} cameras`;
  return `${cameras} — camera-gateway`;
}
