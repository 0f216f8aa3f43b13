/**
 * Decides at the edge what the gateway would decide, from the same file of keys: who has a good grant is let in without
 * asking anybody (docs/adr/0007-grants.md, tests/access/vectors.json).
 *
 * nginx asks once for each request, by `js_set $edge edge.decide`, and takes the answer apart with maps:
 *
 *     VERDICT AREA TOKEN PATH [ARGUMENTS]
 *
 * VERDICT `in` (a good grant), `pass` (nothing the edge can judge, or a signature for something else: the gateway has the
 * words), `move` (a playlist asked for by query: answer with the path form), or a status to refuse with. AREA `playlist`
 * (multivariant), `media` (parts, segments, initialization sections), `reload` (media playlists), `other`. TOKEN the
 * grant, or `-`. PATH without base path and grant, ARGUMENTS only those that name a state of a playlist.
 *
 * Variables it reads: $edge_base (base path, may be empty), $edge_keys (file), $edge_time (unix seconds), $edge_layout
 * (`gateway`, or `flat` for an origin whose children stand beside index.m3u8).
 */

import crypto from 'crypto';
import fs from 'fs';

const LONGEST_PATH = 2048;
const LONGEST_QUERY = 4096;
const LONGEST_HEADER = 4096;
const MOST_KEYS = 2;
const MOST_PARTS = 8;
const LONGEST_AGE_S = 3600;
const SKEW_S = 30;

const PATH = /^\/(?:[A-Za-z0-9_.~-]+\/)*[A-Za-z0-9_.~-]*$/;
const DOTS = /\/\.+(?:\/|$)/;
const QUERY = /^[!"$-~]*$/;
const CAMERA = /^[A-Za-z0-9_.~-]+(?:\/[A-Za-z0-9_.~-]+)*$/;
const TOKEN = /^([A-Za-z0-9_-]{1,32})\.([1-9][0-9]{0,10})\.([0-9a-f]{16})\.([0-9a-f]{64})$/;
const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;
const SECRET = /^[0-9a-f]{64,256}$/;

const OPEN_FIRST = ['static', 'healthz', 'readyz', 'login'];
const ENDS_CAMERA = ['whep', '_hls', 'snapshot.jpg', 'index.m3u8'];
const ENDS_API = ['negotiate', 'sign'];
const WITH_SRC = ['ws', 'webrtc', 'frame.jpeg'];

/** Percent-decoding as far as it matters here: what is not ASCII is no camera's name. */
function decoded(text) {
  return text.replace(/\+/g, ' ').replace(/%([0-9A-Fa-f]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
}

function parameters(query) {
  const found = { grants: [], sources: [], kept: [] };
  query.split('&').forEach((parameter) => {
    const name = parameter.split('=', 1)[0];
    const value = parameter.slice(name.length + 1);
    if (name === 'grant') {
      found.grants.push(value);
      return;
    }
    const plain = decoded(name);
    // A name that has to be decoded to read `grant` counts as one that is no good.
    if (plain === 'grant') found.grants.push('');
    else if (plain === 'src') found.sources.push(decoded(value));
    if (name.startsWith('_HLS_')) found.kept.push(parameter);
  });
  return found;
}

function isDotted(camera) {
  return DOTS.test('/' + camera);
}

/** What a path is about: `{camera, area, open}`; `open` needs no grant. */
function resolved(path, layout, sources) {
  const parts = path.split('/').slice(1);
  const first = parts.length ? parts[0] : '';
  if (layout === 'flat') return flat(parts);
  if (first === '') return { camera: null, area: 'other', open: false };
  if (OPEN_FIRST.indexOf(first) >= 0) return { camera: null, area: 'other', open: true };
  if (first === 'metrics' || first === 'g') return { camera: null, area: 'other', open: false };
  if (first === 'api') return { camera: apiCamera(parts.slice(1), sources), area: 'other', open: false };
  let end = parts.findIndex((part) => ENDS_CAMERA.indexOf(part) >= 0);
  if (end === 0) return { camera: null, area: 'other', open: false };
  if (end < 0) return { camera: parts.join('/').replace(/\/$/, ''), area: 'other', open: false };
  return { camera: parts.slice(0, end).join('/'), area: areaOf(parts.slice(end)), open: false };
}

function areaOf(rest) {
  if (rest.length === 1 && rest[0] === 'index.m3u8') return 'playlist';
  if (rest[0] !== '_hls' || rest.length < 2) return 'other';
  return rest[rest.length - 1].endsWith('.m3u8') ? 'reload' : 'media';
}

/** MediaMTX's addresses: everything of a camera stands in the directory of its name. */
function flat(parts) {
  const file = parts[parts.length - 1];
  const camera = parts.slice(0, -1).join('/');
  if (camera === '' || file === '') return { camera: null, area: 'other', open: false };
  let area = 'other';
  if (file === 'index.m3u8') area = 'playlist';
  else if (file.endsWith('.m3u8')) area = 'reload';
  else if (/\.(?:mp4|mp|ts|m4s)$/.test(file)) area = 'media';
  return { camera, area, open: false };
}

function apiCamera(parts, sources) {
  if (parts.length === 1 && WITH_SRC.indexOf(parts[0]) >= 0) return sources.length ? sources[0] : null;
  if (parts[0] !== 'cameras' || parts.length === 1 || parts.indexOf('') >= 0) return null;
  const ends = parts.length > 2 && ENDS_API.indexOf(parts[parts.length - 1]) >= 0;
  return parts.slice(1, ends ? -1 : undefined).join('/');
}

/** Header values as often as they came; nginx would join or hide some. */
function headers(r, wanted) {
  const values = [];
  r.rawHeadersIn.forEach((pair) => {
    if (pair[0].toLowerCase() === wanted) values.push(pair[1]);
  });
  return values;
}

/** `{token}`; `{status}` for what is damaged; `{}` for what only the gateway can judge. */
function carried(r, pathGrant, grants) {
  if (pathGrant !== null) return { token: pathGrant };
  const authorizations = headers(r, 'authorization');
  if (authorizations.length) return authorized(authorizations);
  if (grants.length > 1) return { status: 401 };
  return grants.length ? { token: grants[0], byQuery: true } : {};
}

function authorized(values) {
  if (values.length > 1 || values[0].length > LONGEST_HEADER) return { status: 401 };
  const space = values[0].indexOf(' ');
  const scheme = (space < 0 ? values[0] : values[0].slice(0, space)).toLowerCase();
  const value = space < 0 ? '' : values[0].slice(space + 1).replace(/^ +| +$/g, '');
  if (scheme === 'basic' || (scheme === 'bearer' && value.startsWith('cgk_'))) return {};
  if (scheme === 'bearer' && value.split('.').length === 4) return { token: value };
  return { status: 401 };
}

/** The two keys created last, as the gateway takes them. */
function liveKeys(file) {
  const keys = JSON.parse(fs.readFileSync(file, 'utf8'));
  keys.forEach((key) => {
    if (!KEY_ID.test(key.id) || !SECRET.test(key.secret) || !Number.isInteger(key.created)) throw new Error('a bad key');
  });
  return keys
    .map((key, index) => ({ key, index }))
    .sort((a, b) => b.key.created - a.key.created || a.index - b.index)
    .slice(0, MOST_KEYS)
    .map((entry) => entry.key);
}

function sameDigest(one, other) {
  let difference = one.length ^ other.length;
  for (let index = 0; index < one.length; index += 1) difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  return difference === 0;
}

function prefixes(camera) {
  const found = ['/'];
  if (camera === null) return found;
  const parts = camera.split('/').slice(0, MOST_PARTS);
  for (let count = 1; count <= parts.length; count += 1) found.push('/' + parts.slice(0, count).join('/') + '/');
  return found;
}

/** `in`, `pass` where the signature is for something else or forged, or 401. */
function judged(token, camera, file, now) {
  const match = TOKEN.exec(token);
  if (match === null) return 401;
  const expires = Number(match[2]);
  if (now > expires + SKEW_S || expires > now + LONGEST_AGE_S + SKEW_S) return 401;
  const key = liveKeys(file).find((candidate) => candidate.id === match[1]);
  if (key === undefined) return 401;
  const head = 'v1\n' + match[1] + '\n' + match[2] + '\n' + match[3] + '\n';
  let good = false;
  prefixes(camera).forEach((prefix) => {
    const digest = crypto
      .createHmac('sha256', key.secret)
      .update(head + prefix)
      .digest('hex');
    good = sameDigest(digest, match[4]) || good;
  });
  return good ? 'in' : 'pass';
}

function answer(verdict, area, token, path, kept) {
  return [verdict, area, token, path].concat(kept.length ? [kept.join('&')] : []).join(' ');
}

function decided(r) {
  const raw = r.variables.request_uri;
  // What nginx itself found malformed has no address, but a line in the log.
  if (raw === undefined) return answer(400, 'other', '-', '/', []);
  const base = r.variables.edge_base;
  const question = raw.indexOf('?');
  let path = question < 0 ? raw : raw.slice(0, question);
  const query = question < 0 ? '' : raw.slice(question + 1);
  if (path.length > LONGEST_PATH || query.length > LONGEST_QUERY) return answer(414, 'other', '-', '/', []);
  if (!PATH.test(path) || DOTS.test(path) || !QUERY.test(query)) return answer(400, 'other', '-', '/', []);
  if (base && (path === base || path.startsWith(base + '/'))) path = path.slice(base.length) || '/';
  let pathGrant = null;
  if (path.startsWith('/g/')) {
    pathGrant = path.slice(3).split('/', 1)[0];
    path = path.slice(3 + pathGrant.length);
  }
  const found = parameters(query);
  const about = resolved(path, r.variables.edge_layout, found.sources);
  if (/^\/api\/(?:ws|webrtc|frame\.jpeg)$/.test(path) && found.sources.length) {
    const source = found.sources[0];
    if (found.sources.length > 1 || !CAMERA.test(source) || isDotted(source)) return answer(400, 'other', '-', '/', []);
  }
  if (about.open || r.method === 'OPTIONS' || (r.method === 'DELETE' && /\/whep\/[^/]+$/.test(path))) {
    return answer('pass', 'other', '-', path, found.kept);
  }
  const shown = carried(r, pathGrant, found.grants);
  if (shown.status) return answer(shown.status, 'other', '-', path, found.kept);
  if (shown.token === undefined) return answer('pass', about.area, '-', path, found.kept);
  const verdict = judged(shown.token, about.camera, r.variables.edge_keys, Number(r.variables.edge_time));
  const moves = verdict === 'in' && shown.byQuery && about.area === 'playlist';
  return answer(moves ? 'move' : verdict, about.area, shown.token || '-', path, found.kept);
}

/** One line, as the module's head says; what can't be judged (no file of keys) is refused: 503. */
function decide(r) {
  try {
    return decided(r);
  } catch (error) {
    r.error(`edge: the file of keys can't be used: ${error.message}`);
    return answer(503, 'other', '-', '/', []);
  }
}

export default { decide };
