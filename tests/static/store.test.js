import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { AFRESH, parseRemembered, Store } from '../../static/store.js';

/** @param {Map<string, string>} kept */
const memory = (kept) =>
  /** @type {Storage} */ (
    /** @type {unknown} */ ({
      getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ text) => kept.set(key, text),
    })
  );

describe('parseRemembered', () => {
  for (const text of [null, '', '{', '[]', '5', 'null', '{"focused":5,"muted":"no","statistics":1,"mode":null}']) {
    it(`starts afresh from ${text}`, () => assert.deepEqual(parseRemembered(text), AFRESH));
  }

  it('keeps what is well-formed beside what is not', () => {
    const text = '{"focused":"yard","muted":7,"statistics":true,"mode":"stable","surprise":1}';
    assert.deepEqual(parseRemembered(text), { focused: 'yard', muted: true, statistics: true, mode: 'stable' });
  });
});

describe('Store', () => {
  it('remembers across a reload', () => {
    const kept = new Map();
    new Store('page', () => memory(kept)).remember({ focused: 'site1/yard', muted: false });
    const { remembered } = new Store('page', () => memory(kept));
    assert.equal(remembered.focused, 'site1/yard');
    assert.equal(remembered.muted, false);
  });

  it('keeps pages of different gateways apart', () => {
    const kept = new Map();
    new Store('/a/', () => memory(kept)).remember({ focused: 'yard' });
    assert.equal(new Store('/b/', () => memory(kept)).remembered.focused, null);
  });

  it('works until the page closes where storage is blocked', () => {
    const store = new Store('page', () => {
      throw new Error('SecurityError');
    });
    store.remember({ statistics: true });
    assert.equal(store.remembered.statistics, true);
  });
});
