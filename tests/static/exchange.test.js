import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { Exchange } from '../../static/rungs/exchange.js';
import { fakeTimers } from './support/timers.js';

/** @typedef {import('../../static/signalling.js').Signalling} Signalling */

const ANSWER = { type: 'webrtc', value: { type: 'answer', sdp: 'the answer' } };
const settled = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

class FakeSignalling extends EventTarget {
  isOpen = true;
  failing = false;
  /** @type {any[]} */
  sent = [];
  resets = 0;

  /** @param {unknown} message */
  send(message) {
    if (this.isOpen) this.sent.push(message);
    return this.isOpen;
  }

  reset() {
    this.resets += 1;
  }

  /** @param {unknown} message */
  hear(message) {
    this.dispatchEvent(new CustomEvent('message', { detail: message }));
  }

  down() {
    this.isOpen = false;
    this.dispatchEvent(new Event('down'));
  }
}

/** @type {ReturnType<typeof fakeTimers>} */
let timers;
/** @type {{method: string, url: string, body: string}[]} */
let requests;
/** @type {() => Response | Promise<Response>} */
let respond;

/** @param {FakeSignalling} [signalling] */
function exchanging(signalling = new FakeSignalling()) {
  const life = new AbortController();
  /** @type {string[]} */
  const heard = [];
  const state = { played: false };
  const exchange = new Exchange(
    {
      signalling: /** @type {Signalling} */ (/** @type {unknown} */ (signalling)),
      whep: () => Promise.resolve('https://gateway.test/g/token/yard/whep?mode=balanced'),
      signal: life.signal,
    },
    {
      hasPlayed: () => state.played,
      asked: () => heard.push('asked'),
      unanswered: () => heard.push('unanswered'),
      answered: (sdp) => {
        heard.push(`answered: ${sdp}`);
        return Promise.resolve();
      },
      failed: (code, message) => heard.push(`${code}: ${message}`),
    },
  );
  return { exchange, signalling, heard, life, state };
}

beforeEach(() => {
  timers = fakeTimers();
  requests = [];
  respond = () =>
    new Response('over HTTP', { status: 201, headers: { Location: '/yard/whep/secret', ETag: '"1"' } });
  mock.method(globalThis, 'fetch', (/** @type {string} */ url, /** @type {RequestInit} */ { method, body }) => {
    requests.push({ method: method ?? '', url, body: String(body ?? '') });
    return Promise.resolve(respond());
  });
});

afterEach(() => mock.restoreAll());

describe('over the socket', () => {
  it('sends the offer and hands the answer over', () => {
    const { exchange, signalling, heard } = exchanging();
    exchange.offer('an offer');
    assert.deepEqual(signalling.sent, [{ type: 'webrtc', value: { type: 'offer', sdp: 'an offer' } }]);
    assert.equal(exchange.isSettled, false);
    signalling.hear(ANSWER);
    assert.deepEqual(heard, ['asked', 'answered: the answer']);
    assert.equal(exchange.isSettled, true);
    signalling.hear(ANSWER);
    assert.equal(heard.length, 2, 'nothing else is owed');
  });

  it('ignores what is no answer to an offer', () => {
    const { exchange, signalling, heard } = exchanging();
    exchange.offer('an offer');
    signalling.hear({ type: 'state', value: {} });
    signalling.hear({ type: 'webrtc', value: { type: 'candidate' } });
    signalling.hear({ type: 'error', value: 'mse: no' });
    assert.deepEqual(heard, ['asked']);
  });

  it('tells a refusal in the words of the gateway', () => {
    const { exchange, signalling, heard } = exchanging();
    exchange.offer('an offer');
    signalling.hear({ type: 'error', value: 'webrtc/offer: too many viewers' });
    assert.deepEqual(heard, ['asked', 'refused: too many viewers']);
  });

  it('claims a connection that stands, and no other', () => {
    const { exchange, signalling } = exchanging();
    exchange.offer('an offer');
    exchange.claim();
    assert.equal(signalling.sent.length, 1);
    signalling.hear(ANSWER);
    exchange.claim();
    assert.equal(signalling.sent.length, 2);
    const next = exchanging(signalling);
    next.exchange.offer('of the next');
    assert.equal(signalling.sent.length, 2, 'the answer to the claim would be taken for the one to this');
    signalling.hear({ type: 'error', value: 'webrtc: no' });
    assert.deepEqual(next.heard, []);
    exchanging(signalling).exchange.offer('of a third');
    assert.equal(signalling.sent.length, 3);
  });

  it('restarts when the last answer came, and resets a socket that did not bring it', async () => {
    const { exchange, signalling, state, heard } = exchanging();
    exchange.offer('an offer');
    signalling.hear(ANSWER);
    state.played = true;
    assert.equal(exchange.prepare(), true);
    await exchange.restart('another offer');
    assert.equal(signalling.sent.at(-1).value.sdp, 'another offer');
    assert.deepEqual(heard, ['asked', 'answered: the answer'], 'a restart has no deadline of its own');
    assert.equal(exchange.prepare(), false);
    assert.equal(signalling.resets, 1);
    signalling.down();
    assert.equal(exchange.prepare(), false, 'there is no socket');
    signalling.isOpen = true;
    exchange.send();
    assert.equal(signalling.sent.length, 3, 'the next socket gets the same offer');
  });
});

describe('over HTTP', () => {
  it('is taken where the socket has not opened a moment later', async () => {
    const { exchange, signalling, heard } = exchanging();
    signalling.isOpen = false;
    exchange.offer('an offer');
    timers.tick(249);
    assert.deepEqual(requests, []);
    timers.tick(1);
    await import('../../static/rungs/whep.js');
    await settled();
    assert.deepEqual(requests, [{ method: 'POST', url: 'https://gateway.test/g/token/yard/whep?mode=balanced', body: 'an offer' }]);
    assert.deepEqual(heard, ['asked', 'answered: over HTTP']);
    exchange.send();
    assert.deepEqual(signalling.sent, [], 'it goes on over HTTP');
    signalling.isOpen = true;
    exchange.claim();
    assert.deepEqual(signalling.sent.map(({ value }) => value.sdp), ['an offer'], 'what is said on the socket is meant for it');
  });

  it('is taken at once where sockets fail, or the one there was is gone', async () => {
    const failing = exchanging();
    Object.assign(failing.signalling, { isOpen: false, failing: true });
    failing.exchange.offer('one');
    const gone = exchanging();
    gone.exchange.offer('other');
    gone.signalling.down();
    assert.deepEqual(gone.heard, ['asked', 'unanswered']);
    timers.tick(0);
    await settled();
    assert.deepEqual(requests.map(({ body }) => body).toSorted(), ['one', 'other']);
  });

  it('is not taken when the socket opens in time', () => {
    const { exchange, signalling } = exchanging();
    signalling.isOpen = false;
    exchange.offer('an offer');
    signalling.isOpen = true;
    exchange.send();
    timers.tick(1000);
    assert.equal(signalling.sent.length, 1);
    assert.deepEqual(requests, []);
  });

  it('restarts, swallows what only shows that the network is gone, and throws what is a refusal', async () => {
    const { exchange, signalling, heard } = exchanging();
    Object.assign(signalling, { isOpen: false, failing: true });
    exchange.offer('an offer');
    timers.tick(0);
    await settled();
    assert.equal(exchange.prepare(), true);
    respond = () => new Response('a=ice-ufrag:u\r\na=ice-pwd:p\r\n');
    await exchange.restart('v=0\r\na=ice-ufrag:x\r\na=ice-pwd:y\r\n');
    assert.equal(requests.at(-1)?.method, 'PATCH');
    assert.equal(heard.length, 3);
    respond = () => Promise.reject(new TypeError('network'));
    await exchange.restart('v=0');
    assert.equal(heard.length, 3);
    respond = () => new Response('{"error": {"message": "gone"}}', { status: 404 });
    await assert.rejects(exchange.restart('v=0'), { name: 'Refused', message: 'gone' });
  });

  it('tells a refusal in the words of the gateway, and that nothing came through', async () => {
    respond = () => new Response('{"error": {"message": "This camera sends H.265."}}', { status: 422 });
    const refused = exchanging();
    Object.assign(refused.signalling, { isOpen: false, failing: true });
    refused.exchange.offer('an offer');
    timers.tick(0);
    await settled();
    assert.deepEqual(refused.heard, ['asked', 'refused: This camera sends H.265.']);
    respond = () => Promise.reject(new TypeError('network'));
    const blocked = exchanging();
    Object.assign(blocked.signalling, { isOpen: false, failing: true });
    blocked.exchange.offer('an offer');
    timers.tick(0);
    await settled();
    assert.deepEqual(blocked.heard, ['asked', 'signalling: The gateway could not be asked over HTTP either.']);
  });

  it('goes on with a renewed grant', async () => {
    const { exchange, signalling } = exchanging();
    exchange.renew();
    Object.assign(signalling, { isOpen: false, failing: true });
    exchange.offer('an offer');
    timers.tick(0);
    await settled();
    respond = () => new Response(null, { status: 204 });
    exchange.renew();
    await settled();
    const last = requests.at(-1);
    // Where it is asked for has a mode in it; where it is has none.
    assert.deepEqual([requests.length, last?.method, last?.url], [2, 'PATCH', 'https://gateway.test/g/token/yard/whep/secret']);
  });
});

describe('the mode', () => {
  it('of what was agreed over HTTP is changed there', async () => {
    const { exchange, signalling } = exchanging();
    exchange.tellMode('stable');
    Object.assign(signalling, { isOpen: false, failing: true });
    exchange.offer('an offer');
    timers.tick(0);
    await settled();
    respond = () => Promise.reject(new TypeError('network'));
    exchange.tellMode('stable');
    await settled();
    const last = requests.at(-1);
    assert.deepEqual([requests.length, last?.method], [2, 'PATCH']);
    assert.match(last?.url ?? '', /\/yard\/whep\/secret\?mode=stable$/);
  });
});

describe('the end', () => {
  it('leaves an answer that is still owed to nobody, and the next one asks over HTTP meanwhile', async () => {
    const first = exchanging();
    first.exchange.offer('an offer');
    first.exchange.end();
    first.life.abort();
    const second = exchanging(first.signalling);
    second.exchange.offer('of the next');
    assert.equal(first.signalling.sent.length, 1);
    timers.tick(0);
    await settled();
    assert.deepEqual(requests.map(({ body }) => body), ['of the next']);
    first.signalling.hear(ANSWER);
    assert.deepEqual(first.heard, ['asked']);
    const third = exchanging(first.signalling);
    third.exchange.offer('of the third');
    assert.equal(first.signalling.sent.length, 2, 'the socket owes nothing any more');
  });

  it('ends what was agreed over HTTP, even if the answer comes later', async () => {
    const { exchange, signalling, heard } = exchanging();
    Object.assign(signalling, { isOpen: false, failing: true });
    exchange.offer('an offer');
    timers.tick(0);
    await settled();
    exchange.end();
    assert.equal(requests.at(-1)?.method, 'DELETE');
    const late = exchanging();
    Object.assign(late.signalling, { isOpen: false, failing: true });
    late.exchange.offer('an offer');
    timers.tick(0);
    late.exchange.end();
    await settled();
    assert.deepEqual([heard.length, late.heard.length], [2, 1]);
    exchange.send();
    assert.equal(requests.filter(({ method }) => method === 'POST').length, 1);
  });
});
