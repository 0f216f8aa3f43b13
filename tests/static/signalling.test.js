import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { Signalling, signallingUrl } from '../../static/signalling.js';
import { fakeTimers } from './support/timers.js';

/** Stands in for the browser's WebSocket, which Node 20 has not. */
class FakeSocket {
  readyState = 0;
  /** @type {string[]} */
  sent = [];
  closed = false;
  /** @type {(() => void) | null} */
  onopen = null;
  /** @type {((event: {data: unknown}) => void) | null} */
  onmessage = null;
  /** @type {(() => void) | null} */
  onclose = null;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(text);
  }

  close() {
    this.closed = true;
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.onopen?.();
  }

  fall() {
    this.readyState = 3;
    this.onclose?.();
  }
}

/** @param {() => string | Promise<string>} [url] */
function signalling(url = () => 'ws://h/api/ws?src=yard') {
  /** @type {FakeSocket[]} */
  const sockets = [];
  const made = new Signalling(url, {
    createSocket: (address) => {
      const socket = new FakeSocket(address);
      sockets.push(socket);
      return /** @type {WebSocket} */ (/** @type {unknown} */ (socket));
    },
  });
  /** @type {string[]} */
  const events = [];
  /** @type {any[]} */
  const details = [];
  for (const type of ['open', 'message', 'down']) {
    made.addEventListener(type, (event) => {
      events.push(type);
      details.push(/** @type {CustomEvent} */ (event).detail);
    });
  }
  return { made, sockets, events, details };
}

describe('signallingUrl', () => {
  for (const [camera, base, grant, url] of /** @type {[string, string, string | null, string][]} */ ([
    ['yard', 'http://h/', null, 'ws://h/api/ws?src=yard'],
    ['site1/yard', 'https://h/live/', null, 'wss://h/live/api/ws?src=site1%2Fyard'],
    ['yard', 'https://h/', 'k.1.a.b', 'wss://h/g/k.1.a.b/api/ws?src=yard'],
  ])) {
    it(url, () => assert.equal(signallingUrl(camera, base, grant), url));
  }
});

describe('Signalling', () => {
  /** @type {ReturnType<typeof fakeTimers>} */
  let timers;
  beforeEach(() => {
    timers = fakeTimers();
  });
  afterEach(() => mock.restoreAll());

  it('sends only once it is open', () => {
    const { made, sockets } = signalling();
    made.start();
    assert.equal(made.send({ type: 'a', value: 1 }), false);
    sockets[0].open();
    assert.equal(made.send({ type: 'a', value: 1 }), true);
    assert.deepEqual(sockets[0].sent, ['{"type":"a","value":1}']);
  });

  it('passes on messages, and shrugs off what is none', () => {
    const { made, sockets, details } = signalling();
    made.start();
    sockets[0].open();
    for (const data of ['{', '5', 'null', '{}', new ArrayBuffer(1)]) sockets[0].onmessage?.({ data });
    sockets[0].onmessage?.({ data: '{"type":"state","value":{"name":"yard"}}' });
    assert.deepEqual(details.slice(1), [{ type: 'state', value: { name: 'yard' } }]);
  });

  it('hands pictures on as they come', () => {
    const { made, sockets } = signalling();
    /** @type {ArrayBuffer[]} */
    const pictures = [];
    made.addEventListener('binary', (event) => pictures.push(/** @type {CustomEvent} */ (event).detail));
    made.start();
    sockets[0].open();
    const bytes = new ArrayBuffer(3);
    sockets[0].onmessage?.({ data: bytes });
    assert.deepEqual(pictures, [bytes]);
    assert.equal(/** @type {any} */ (sockets[0]).binaryType, 'arraybuffer');
  });

  it('comes back by itself, later each time, and says whether it had been open', () => {
    const { made, sockets, events, details } = signalling();
    made.start();
    sockets[0].open();
    sockets[0].fall();
    assert.deepEqual(events, ['open', 'down']);
    assert.equal(details[1].opened, true);
    timers.tick(610);
    assert.equal(sockets.length, 2);
    sockets[1].fall();
    assert.equal(details[2].opened, false);
    timers.tick(700);
    assert.equal(sockets.length, 2);
    timers.tick(510);
    assert.equal(sockets.length, 3);
    assert.ok(sockets[0].closed && sockets[1].closed);
  });

  it('starts with short delays again once a message came', () => {
    const { made, sockets } = signalling();
    made.start();
    for (let count = 0; count < 5; count += 1) {
      /** @type {FakeSocket} */ (sockets.at(-1)).fall();
      timers.tick(6000);
    }
    const last = /** @type {FakeSocket} */ (sockets.at(-1));
    last.open();
    last.onmessage?.({ data: '{"type":"state","value":null}' });
    const before = sockets.length;
    last.fall();
    timers.tick(610);
    assert.equal(sockets.length, before + 1);
  });

  it('after a socket that failed counts the next as open with the first word on it', () => {
    const { made, sockets, events } = signalling();
    made.start();
    sockets[0].open();
    made.reset();
    timers.tick(610);
    sockets[1].open();
    assert.deepEqual(events, ['open', 'down']);
    assert.deepEqual([made.isOpen, made.failing, made.send({ type: 'a', value: 1 })], [false, true, false]);
    sockets[1].onmessage?.({ data: '{"type":"state","value":null}' });
    assert.deepEqual(events, ['open', 'down', 'open', 'message']);
    assert.deepEqual([made.isOpen, made.failing], [true, false]);
  });

  it('gives up a socket that opens after one that failed, and passes nothing', () => {
    const { made, sockets, details } = signalling();
    made.start();
    sockets[0].fall();
    timers.tick(610);
    sockets[1].open();
    timers.tick(5000);
    assert.ok(sockets[1].closed);
    assert.equal(details.at(-1).opened, false, 'it was never of use');
  });

  it('gives up a socket that does not open in time', () => {
    const { made, sockets, events } = signalling();
    made.start();
    timers.tick(5000);
    assert.deepEqual(events, ['down']);
    assert.ok(sockets[0].closed);
  });

  it('hurries only while it waits', () => {
    const { made, sockets } = signalling();
    made.hurry();
    assert.equal(sockets.length, 0);
    made.start();
    made.start();
    made.hurry();
    assert.equal(sockets.length, 1);
    sockets[0].fall();
    made.hurry();
    assert.equal(sockets.length, 2);
    timers.tick(4000);
    assert.equal(sockets.length, 2, 'the delayed try is not made as well');
  });

  it('replaces a socket that has gone quiet', () => {
    const { made, sockets } = signalling();
    made.start();
    sockets[0].open();
    made.reset();
    assert.ok(sockets[0].closed);
    timers.tick(610);
    assert.equal(sockets.length, 2);
  });

  it('stays stopped', () => {
    const { made, sockets, events } = signalling();
    made.start();
    sockets[0].open();
    made.stop();
    made.reset();
    timers.tick(60_000);
    assert.equal(sockets.length, 1);
    assert.deepEqual(events, ['open']);
    assert.equal(made.isOpen, false);
  });

  it('asks for a fresh address each time, and waits for it', async () => {
    let count = 0;
    const { made, sockets } = signalling(async () => `ws://h/${(count += 1)}`);
    made.start();
    made.hurry();
    assert.equal(sockets.length, 0);
    await Promise.resolve();
    assert.equal(sockets[0].url, 'ws://h/1');
    sockets[0].fall();
    timers.tick(610);
    await Promise.resolve();
    assert.equal(sockets[1].url, 'ws://h/2');
  });

  it('opens nothing when the address comes after it was stopped', async () => {
    const { made, sockets } = signalling(async () => 'ws://h/');
    made.start();
    made.stop();
    await Promise.resolve();
    assert.equal(sockets.length, 0);
  });

  it('tries again when the address can’t be had', async () => {
    let fails = true;
    const { made, sockets, events } = signalling(async () => {
      if (fails) throw new Error('no grant');
      return 'ws://h/';
    });
    made.start();
    await Promise.resolve();
    await Promise.resolve();
    assert.deepEqual(events, ['down']);
    fails = false;
    timers.tick(610);
    await Promise.resolve();
    assert.equal(sockets.length, 1);
  });
});
