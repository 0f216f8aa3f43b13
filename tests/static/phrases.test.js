import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { codecName, duration, lateness, reasonOf, timeOfDay, tryingAgain } from '../../static/phrases.js';

const NOW = new Date(2026, 10, 22, 14, 5, 0).getTime();

describe('duration', () => {
  for (const [ms, text] of /** @type {[number, string][]} */ ([
    [-5, '0 s'],
    [4999, '4 s'],
    [60_000, '1 min 0 s'],
    [125_000, '2 min 5 s'],
    [3_780_000, '1 h 3 min'],
  ])) {
    it(`${ms} ms is ${text}`, () => assert.equal(duration(ms), text));
  }
});

describe('lateness', () => {
  for (const [ms, text] of /** @type {[number, string][]} */ ([
    [70.6, '71 ms'],
    [999.4, '999 ms'],
    [1000, '1.0 s'],
    [7449, '7.4 s'],
    [10_326, '10 s'],
  ])) {
    it(`${ms} ms is ${text}`, () => assert.equal(lateness(ms), text));
  }
});

describe('timeOfDay', () => {
  it('names the day when it is another', () => assert.equal(timeOfDay(NOW - 86_400_000, NOW), '21 Nov, 14:05'));
  it('shows seconds when asked', () => assert.equal(timeOfDay(NOW, NOW, { seconds: true }), '14:05:00'));
});

describe('codecName', () => {
  it('names what it knows and repeats what it does not', () => {
    assert.equal(codecName('avc1.640028'), 'H.264');
    assert.equal(codecName('hev1.1'), 'H.265');
    assert.equal(codecName('jpeg'), 'jpeg');
  });
});

describe('tryingAgain', () => {
  it('counts down in full seconds, and says when it is now or unknown', () => {
    assert.equal(tryingAgain(NOW + 9001, NOW), 'trying again in 10 s');
    assert.equal(tryingAgain(NOW + 400, NOW), 'trying again now');
    assert.equal(tryingAgain(null, NOW), 'trying again');
  });
});

describe('reasonOf', () => {
  it('names the address once', () => {
    assert.equal(reasonOf(null), '');
    assert.equal(reasonOf({ code: 'x', message: 'No answer', address: '192.0.2.1:554' }), 'No answer (192.0.2.1:554)');
    assert.equal(reasonOf({ code: 'x', message: 'No answer from 192.0.2.1:554', address: '192.0.2.1:554' }), 'No answer from 192.0.2.1:554');
  });
});
