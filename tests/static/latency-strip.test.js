import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { readStrip, StripDetector } from '../../static/latency-strip.js';

/**
 * @param {number} value
 * @param {number} width
 * @param {{dark?: number, light?: number}} [levels]
 */
function strip(value, width, { dark = 16, light = 235 } = {}) {
  const block = Math.floor(width / 32);
  const pixels = new Uint8ClampedArray(width * 4).fill(128);
  for (let x = 0; x < block * 32; x += 1) {
    const bit = Math.floor(value / 2 ** (31 - Math.floor(x / block))) % 2;
    pixels.fill(bit ? light : dark, x * 4, x * 4 + 4);
  }
  return pixels;
}

describe('readStrip', () => {
  for (const width of [1280, 1920, 854, 100, 32]) {
    it(`reads all 32 bits at ${width} pixels`, () => {
      for (const value of [0, 1, 0xdeadbeef, 2 ** 32 - 1]) assert.equal(readStrip(strip(value, width), width), value);
    });
  }

  it('reads through what compression does to black and white', () => {
    assert.equal(readStrip(strip(0x12345678, 640, { dark: 60, light: 190 }), 640), 0x12345678);
  });

  it('sees no clock where a block is grey', () => {
    assert.equal(readStrip(strip(5, 640, { dark: 120 }), 640), null);
  });

  it('sees no clock in a picture narrower than the strip, or in too few pixels', () => {
    assert.equal(readStrip(new Uint8ClampedArray(31 * 4), 31), null);
    assert.equal(readStrip(new Uint8ClampedArray(12), 640), null);
  });
});

describe('StripDetector', () => {
  const NOW = 1_790_000_000_000;
  const wrapped = (/** @type {number} */ ms) => ms % 2 ** 32;

  it('believes the third reading in a row that makes sense', () => {
    const detector = new StripDetector();
    assert.equal(detector.add(wrapped(NOW - 60), NOW), null);
    assert.equal(detector.add(wrapped(NOW + 200 - 62), NOW + 200), null);
    assert.equal(detector.add(wrapped(NOW + 400 - 64), NOW + 400), 64);
    assert.ok(detector.detected);
  });

  it('never believes a picture that happens to be black and white', () => {
    const detector = new StripDetector();
    for (let count = 0; count < 12; count += 1) assert.equal(detector.add(0xffff0000, NOW + count * 200), null);
    assert.ok(!detector.detected);
    assert.ok(detector.abandoned);
  });

  it('never believes a strip that stands still, however near its value', () => {
    const detector = new StripDetector();
    for (let count = 0; count < 12; count += 1) detector.add(wrapped(NOW), NOW + count * 200);
    assert.ok(!detector.detected);
  });

  it('gives up where no strip is readable', () => {
    const detector = new StripDetector();
    for (let count = 0; count < 12; count += 1) detector.add(null, NOW + count * 200);
    assert.ok(detector.abandoned);
  });

  it('survives one bad reading and loses faith after many', () => {
    const detector = new StripDetector();
    for (let count = 0; count < 4; count += 1) detector.add(wrapped(NOW + count * 200 - 60), NOW + count * 200);
    assert.equal(detector.add(null, NOW + 800), null);
    assert.equal(detector.add(wrapped(NOW + 1000 - 60), NOW + 1000), 60);
    for (let count = 0; count < 5; count += 1) detector.add(null, NOW + 1200);
    assert.ok(!detector.detected);
  });
});
