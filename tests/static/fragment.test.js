import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { readFragment, readVideoTrack } from '../../static/rungs/fragment.js';

/** @param {...number} numbers big-endian, of four bytes */
const words = (...numbers) => numbers.flatMap((n) => [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) & 255));

/**
 * @param {string} type
 * @param {...number[]} content
 * @returns {number[]}
 */
const box = (type, ...content) => {
  const inner = content.flat();
  return [...words(inner.length + 8), ...[...type].map((letter) => letter.charCodeAt(0)), ...inner];
};

/** @param {...number[]} content */
const bytes = (...content) => new Uint8Array(content.flat()).buffer;

/**
 * @param {number} id
 * @param {string} handler
 * @param {{timescale: number, long?: boolean}} media
 */
const track = (id, handler, { timescale, long = false }) =>
  box(
    'trak',
    box('tkhd', long ? words(0x01000000, 0, 0, 0, 0, id) : words(0, 0, 0, id)),
    box(
      'mdia',
      box('mdhd', long ? words(0x01000000, 0, 0, 0, 0, timescale) : words(0, 0, 0, timescale)),
      box('hdlr', words(0, 0), [...handler].map((letter) => letter.charCodeAt(0))),
    ),
  );

const SYNC = 0x02000000;
const NOT_SYNC = 0x01010000;

/**
 * @param {number} id
 * @param {{time: number[], run: number[], header?: number[]}} content
 */
const traf = (id, { time, run, header = words(0) }) =>
  box('traf', box('tfhd', header.slice(0, 4), words(id), header.slice(4)), box('tfdt', time), box('trun', run));

describe('readVideoTrack', () => {
  it('finds the pictures among the tracks', () => {
    const init = bytes(
      box('ftyp', words(1)),
      box('moov', box('mvhd', words(0)), track(1, 'soun', { timescale: 48_000 }), track(2, 'vide', { timescale: 90_000 })),
    );
    assert.deepEqual(readVideoTrack(init), { id: 2, timescale: 90_000 });
  });

  it('reads boxes with times of eight bytes', () => {
    const init = bytes(box('moov', track(7, 'vide', { timescale: 1000, long: true })));
    assert.deepEqual(readVideoTrack(init), { id: 7, timescale: 1000 });
  });

  it('finds nothing in what is none', () => {
    assert.equal(readVideoTrack(bytes(words(1, 2, 3))), null);
    assert.equal(readVideoTrack(bytes(box('moov', track(1, 'soun', { timescale: 1 })))), null);
    assert.equal(readVideoTrack(bytes(words(4000), [...'moov'].map((letter) => letter.charCodeAt(0)))), null);
  });
});

describe('readFragment', () => {
  const video = { id: 1, timescale: 90_000 };
  for (const [name, content, expected] of /** @type {[string, {time: number[], run: number[], header?: number[]}, object][]} */ ([
    [
      'flags of each picture',
      { time: words(0x01000000, 0, 180_000), run: words(0x01000f01, 1, 0, 3000, 500, SYNC, 0) },
      { startS: 2, keyframe: true },
    ],
    ['a short time', { time: words(0, 90_000), run: words(0x400, 1, NOT_SYNC) }, { startS: 1, keyframe: false }],
    ['flags of the first picture', { time: words(0, 0), run: words(0x205, 1, 0, NOT_SYNC, 500) }, { startS: 0, keyframe: false }],
    [
      'flags of all pictures',
      { time: words(0, 0), run: words(0x200, 1, 500), header: [...words(0x3b), ...words(0, 0, 1, 3000, 500, NOT_SYNC)] },
      { startS: 0, keyframe: false },
    ],
    ['no flags at all', { time: words(0, 0), run: words(0x200, 1, 500) }, { startS: 0, keyframe: true }],
    [
      'more than 32 bits of time',
      { time: words(0x01000000, 1, 0), run: words(0x400, 1, SYNC) },
      { startS: 2 ** 32 / 90_000, keyframe: true },
    ],
  ])) {
    it(`reads ${name}`, () => {
      assert.deepEqual(readFragment(bytes(box('moof', box('mfhd', words(0, 1)), traf(1, content)), box('mdat', [1])), video), expected);
    });
  }

  it('passes over sound and other boxes', () => {
    const sound = traf(2, { time: words(0, 5), run: words(0x200, 1, 5) });
    const pictures = traf(1, { time: words(0, 90_000), run: words(0x400, 1, SYNC) });
    const fragments = bytes(box('styp', words(1)), box('moof', sound), box('mdat', [1]), box('moof', sound, pictures));
    assert.deepEqual(readFragment(fragments, video), { startS: 1, keyframe: true });
    assert.equal(readFragment(bytes(box('moof', sound)), video), null);
  });
});
