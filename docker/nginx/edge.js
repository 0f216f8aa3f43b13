/**
 * Decides at the edge what the gateway would decide, from the same file of keys: who has a good grant is let in without
 * asking anybody (docs/adr/0007-grants.md, docs/adr/0011-edge.md, tests/access/vectors.json).
 *
 * nginx asks once for each request, by `js_set $edge edge.decide`, and takes the answer apart with maps:
 *
 *     VERDICT AREA TOKEN SHOWN PATH [ARGUMENTS]
 *
 * VERDICT `in` (a good grant), `pass` (nothing the edge can judge, or a signature for something else: the gateway has the
 * words), `move` (a playlist asked for by query: answer with the path form), or a status to refuse with. AREA `playlist`
 * (multivariant), `media` (parts, segments, initialization sections), `poll` (a media playlist as it is), `reload` (one
 * that is to hold something), `other`. TOKEN a grant that was looked at and has a grant's form, or `-`. SHOWN the path for a log: without secrets. PATH without base path and
 * grant, ARGUMENTS only those that name a state of a playlist.
 *
 * Variables it reads: $edge_base (base path, may be empty), $edge_keys (file), $edge_time (unix seconds), $edge_layout
 * (`gateway`, or `flat` for an origin whose children stand beside index.m3u8).
 */

import crypto from 'crypto';
import fs from 'fs';

const LONGEST_PATH = 2048;
const LONGEST_QUERY = 4096;
const LONGEST_HEADER = 4096;
const LONGEST_SHOWN = 40;
const LARGEST_FILE = 64 * 1024;
const MOST_KEYS = 2;
const MOST_PARTS = 8;
const LONGEST_AGE_S = 3600;
const SKEW_S = 30;
const DIGEST_BYTES = 32;

const PATH = /^\/(?:[A-Za-z0-9_.~-]+\/)*[A-Za-z0-9_.~-]*$/;
const DOTS = /\/\.+(?:\/|$)/;
const QUERY = /^[!"$-~]*$/;
const CAMERA = /^[A-Za-z0-9_.~-]+(?:\/[A-Za-z0-9_.~-]+)*$/;
const TOKEN = /^([A-Za-z0-9_-]{1,32})\.([1-9][0-9]{0,10})\.([0-9a-f]{16})\.([0-9a-f]{64})$/;
const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;
const SECRET = /^[0-9a-f]{64,256}$/;
// One key or two as the gateway writes them; whatever else the file may hold is read as JSON.
const WRITTEN =
  /^\[\n\{"id": "([\w-]{1,32})", "secret": "([0-9a-f]{64,256})", "created": (?:0|[1-9]\d{0,14})\}(?:,\n\{"id": "([\w-]{1,32})", "secret": "([0-9a-f]{64,256})", "created": (?:0|[1-9]\d{0,14})\})?\n\]\n$/;
const WITH_SRC = /^\/api\/(?:ws|webrtc|frame\.jpeg)$/;
const WHEP_SESSION = /\/whep\/[^/]+$/;
// No camera's: what is open, what is the API's, and the rest.
const RESERVED_FIRST = /^\/(?:(static|healthz|readyz|login)|(api)|metrics|g)?(?:\/|$)/;
const ENDS_CAMERA = /\/(?:whep|_hls|snapshot\.jpg|index\.m3u8)(?:\/|$)/;
const ONLY_STATE = /^_HLS_[^&]*(?:&_HLS_[^&]*)*$/;
const MAY_BE_SECRET = /\/(?:g|whep|sessions)\/|[^/]{41}/;

const ENDS_API = ['negotiate', 'sign'];
const SECRET_FOLLOWS = ['g', 'whep', 'sessions'];

/** Percent-decoding as far as it matters here: what is not ASCII is no camera's name. */
function decoded(text) {
  return text.replace(/\+/g, ' ').replace(/%([0-9A-Fa-f]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
}

/** `{grants, sources, kept}`; `kept` is what of the query names a state of a playlist. */
function parameters(query) {
  if (query === '' || ONLY_STATE.test(query)) return { grants: [], sources: [], kept: query };
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
  found.kept = found.kept.join('&');
  return found;
}

/** What a path is about: `{camera, area, open}`; `open` needs no grant. */
function resolved(path, layout, sources) {
  if (layout === 'flat') return flat(path);
  const reserved = RESERVED_FIRST.exec(path);
  if (path === '' || reserved !== null) {
    const camera = reserved !== null && reserved[2] !== undefined ? apiCamera(path, sources) : null;
    return { camera, area: 'other', open: reserved !== null && reserved[1] !== undefined };
  }
  const end = ENDS_CAMERA.exec(path);
  if (end === null) return { camera: path.slice(1).replace(/\/$/, ''), area: 'other', open: false };
  if (end.index === 0) return { camera: null, area: 'other', open: false };
  return { camera: path.slice(1, end.index), area: areaOf(path.slice(end.index + 1)), open: false };
}

function areaOf(rest) {
  if (rest === 'index.m3u8') return 'playlist';
  if (!rest.startsWith('_hls/') || rest.endsWith('/')) return 'other';
  return rest.endsWith('.m3u8') ? 'reload' : 'media';
}

/** MediaMTX's addresses: everything of a camera stands in the directory of its name. */
function flat(path) {
  const cut = path.lastIndexOf('/');
  const file = path.slice(cut + 1);
  if (cut < 1 || file === '') return { camera: null, area: 'other', open: false };
  let area = 'other';
  if (file === 'index.m3u8') area = 'playlist';
  else if (file.endsWith('.m3u8')) area = 'reload';
  else if (/\.(?:mp4|mp|ts)$/.test(file)) area = 'media';
  return { camera: path.slice(1, cut), area, open: false };
}

function apiCamera(path, sources) {
  if (WITH_SRC.test(path)) return sources.length ? sources[0] : null;
  const parts = path.split('/').slice(2);
  if (parts[0] !== 'cameras' || parts.length === 1 || parts.indexOf('') >= 0) return null;
  const ends = parts.length > 2 && ENDS_API.indexOf(parts[parts.length - 1]) >= 0;
  return parts.slice(1, ends ? -1 : undefined).join('/');
}

/** Header values as often as they came; nginx would join or hide some. */
function headers(r, wanted) {
  return r.rawHeadersIn.filter((pair) => pair[0].toLowerCase() === wanted).map((pair) => pair[1]);
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

function checked(key) {
  const plain = key !== null && typeof key === 'object' && Object.keys(key).sort().join() === 'created,id,secret';
  if (!plain || typeof key.id !== 'string' || typeof key.secret !== 'string') throw new Error('a key is no key');
  if (!KEY_ID.test(key.id) || !SECRET.test(key.secret)) throw new Error('a key has a bad id or secret');
  if (!Number.isInteger(key.created) || key.created < 0) throw new Error('a key has no time');
}

/** The secret of one of the two keys created last, as the gateway takes them; undefined for none of them. */
function secretOf(id, file) {
  const text = fs.readFileSync(file, 'utf8');
  const written = WRITTEN.exec(text);
  if (written !== null && written[1] !== written[3]) {
    if (written[1] === id) return written[2];
    return written[3] === id ? written[4] : undefined;
  }
  const key = liveKeys(text).find((candidate) => candidate.id === id);
  return key === undefined ? undefined : key.secret;
}

function liveKeys(text) {
  if (text.length > LARGEST_FILE) throw new Error('it is too large');
  const keys = JSON.parse(text);
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('it holds no list of keys');
  keys.forEach(checked);
  const ids = keys.map((key) => key.id);
  if (ids.some((id, index) => ids.indexOf(id) !== index)) throw new Error('two keys have one id');
  return keys
    .map((key, index) => ({ key, index }))
    .sort((a, b) => b.key.created - a.key.created || a.index - b.index)
    .slice(0, MOST_KEYS)
    .map((entry) => entry.key);
}

/** In the same time wherever they differ. */
function sameDigest(one, other) {
  let difference = 0;
  for (let at = 0; at < DIGEST_BYTES; at += 4) difference |= one.readUInt32BE(at) ^ other.readUInt32BE(at);
  return difference === 0;
}

/** What a grant for `camera` may be signed for, the narrowest first. */
function prefixes(camera) {
  if (camera === null) return ['/'];
  const found = [];
  const parts = camera.split('/');
  for (let count = Math.min(parts.length, MOST_PARTS); count > 0; count -= 1) {
    found.push('/' + parts.slice(0, count).join('/') + '/');
  }
  found.push('/');
  return found;
}

/** `in`, `pass` where the signature is for something else or forged, or 401. */
function judged(token, camera, file, now) {
  // Nothing is later than what is no number: everything would be good for ever.
  if (!(now > 0)) throw new Error('there is no time to judge by');
  const match = TOKEN.exec(token);
  if (match === null) return 401;
  const expires = Number(match[2]);
  if (now > expires + SKEW_S || expires > now + LONGEST_AGE_S + SKEW_S) return 401;
  const secret = secretOf(match[1], file);
  if (secret === undefined) return 401;
  const head = 'v1\n' + match[1] + '\n' + match[2] + '\n' + match[3] + '\n';
  const signature = Buffer.from(match[4], 'hex');
  const signed = (prefix) => sameDigest(crypto.createHmac('sha256', secret).update(head + prefix).digest(), signature);
  return prefixes(camera).some(signed) ? 'in' : 'pass';
}

/** A path as a log may have it: grants and the secrets of sessions stand behind certain words, or are long. */
function shown(path) {
  if (!MAY_BE_SECRET.test(path)) return path || '/';
  let before = '';
  const parts = path.split('/').map((part) => {
    const secret = part !== '' && (SECRET_FOLLOWS.indexOf(before) >= 0 || part.length > LONGEST_SHOWN);
    before = part;
    return secret ? '*' : part;
  });
  return parts.join('/') || '/';
}

function answer(verdict, area, token, path, kept) {
  const safe = token !== undefined && TOKEN.test(token) ? token : '-';
  const line = verdict + ' ' + area + ' ' + safe + ' ' + shown(path) + ' ' + path;
  return kept === '' ? line : line + ' ' + kept;
}

function refused(status) {
  return answer(status, 'other', undefined, '/', '');
}

function decided(r) {
  const raw = r.variables.request_uri;
  // What nginx itself found malformed has no address, but a line in the log.
  if (raw === undefined) return refused(400);
  const base = r.variables.edge_base;
  const question = raw.indexOf('?');
  let path = question < 0 ? raw : raw.slice(0, question);
  const query = question < 0 ? '' : raw.slice(question + 1);
  if (path.length > LONGEST_PATH || query.length > LONGEST_QUERY) return refused(414);
  if (!PATH.test(path) || DOTS.test(path) || !QUERY.test(query)) return refused(400);
  if (base && (path === base || path.startsWith(base + '/'))) path = path.slice(base.length) || '/';
  let pathGrant = null;
  if (path.startsWith('/g/')) {
    pathGrant = path.slice(3).split('/', 1)[0];
    path = path.slice(3 + pathGrant.length);
  }
  const found = parameters(query);
  const layout = r.variables.edge_layout;
  const about = resolved(path, layout, found.sources);
  if (layout !== 'flat' && WITH_SRC.test(path) && found.sources.length) {
    const source = found.sources[0];
    if (found.sources.length > 1 || !CAMERA.test(source) || DOTS.test('/' + source)) return refused(400);
  }
  if (about.open || r.method === 'OPTIONS' || (r.method === 'DELETE' && WHEP_SESSION.test(path))) {
    return answer('pass', 'other', undefined, path, found.kept);
  }
  const credentials = carried(r, pathGrant, found.grants);
  if (credentials.status) return answer(credentials.status, 'other', undefined, path, found.kept);
  // What is not fetched is never answered from the cache.
  let area = r.method === 'GET' || r.method === 'HEAD' ? about.area : 'other';
  if (area === 'reload' && found.kept === '') area = 'poll';
  if (credentials.token === undefined) return answer('pass', area, undefined, path, found.kept);
  const verdict = judged(credentials.token, about.camera, r.variables.edge_keys, Number(r.variables.edge_time));
  const moves = verdict === 'in' && credentials.byQuery && area === 'playlist';
  return answer(moves ? 'move' : verdict, area, credentials.token, path, found.kept);
}

/** One line, as the module's head says; what can't be judged (no file of keys) is refused: 503. */
function decide(r) {
  try {
    return decided(r);
  } catch (error) {
    // Shown only at a level at which nginx writes addresses, too. JSON.parse may quote what it read: not said here.
    const reason = error instanceof SyntaxError ? 'it is not JSON' : error.message;
    r.error(`edge: the file of keys can't be used: ${reason}`);
    return refused(503);
  }
}

export default { decide };
