import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { arrangeFocus, arrangeGrid, neighbour, WITHOUT_SCROLLING } from '../../static/layout.js';

const WALLS = [
  [360, 740],
  [740, 360],
  [1280, 800],
  [1920, 1080],
  [1080, 1920],
  [3840, 2160],
].map(([width, height]) => ({ width, height, aspect: 16 / 9, gap: 4 }));

/** @param {import('../../static/layout.js').Rect[]} tiles */
function overlap(tiles) {
  return tiles.some((a, i) =>
    tiles.some(
      (b, j) =>
        i < j && a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height,
    ),
  );
}

for (const wall of WALLS) {
  const window = `${wall.width} × ${wall.height}`;

  describe(`the grid at ${window}`, () => {
    for (let count = 1; count <= WITHOUT_SCROLLING; count += 1) {
      it(`shows ${count} without overlap, inside the width, in shape`, () => {
        const { tiles, height } = arrangeGrid(count, wall);
        assert.equal(tiles.length, count);
        assert.ok(!overlap(tiles));
        for (const { x, width, height: tall } of tiles) {
          assert.ok(x >= 0 && x + width <= wall.width);
          assert.ok(Math.abs(width / tall - wall.aspect) < wall.aspect / tall + 0.01);
        }
        if (wall.width >= 480) assert.ok(height <= wall.height, 'no scrolling');
      });
    }
  });

  describe(`one large at ${window}`, () => {
    for (const count of [2, 3, 5, 9, 16, 40]) {
      it(`of ${count} is by far the largest, and none overlap`, () => {
        const focused = count >> 1;
        const { tiles } = arrangeFocus(count, focused, wall);
        assert.ok(!overlap(tiles));
        const area = (/** @type {{width: number, height: number}} */ tile) => tile.width * tile.height;
        assert.ok(tiles.every((tile, index) => index === focused || area(tile) <= area(tiles[focused]) / 2));
        assert.ok(tiles.every(({ x, y, width }) => x >= 0 && y >= 0 && x + width <= wall.width));
      });
    }
  });
}

describe('arrangeGrid', () => {
  const hd = { width: 1920, height: 1080, aspect: 16 / 9, gap: 4 };

  for (const [count, columns] of [[1, 1], [2, 2], [3, 2], [4, 2], [5, 3], [9, 3], [10, 4], [16, 4]]) {
    it(`puts ${count} into ${columns} columns on a wide screen`, () => {
      assert.equal(arrangeGrid(count, hd).columns, columns);
    });
  }

  it('puts all below each other at 360 px, and scrolls', () => {
    const { columns, height, tiles } = arrangeGrid(9, { width: 360, height: 740, aspect: 16 / 9, gap: 4 });
    assert.equal(columns, 1);
    assert.ok(height > 740);
    assert.equal(tiles[0].y, 0);
    assert.equal(tiles[0].width, 360);
  });

  it('scrolls beyond sixteen rather than make them tiny', () => {
    const { tiles, height } = arrangeGrid(60, hd);
    assert.ok(tiles[0].width >= 300);
    assert.ok(height > hd.height);
  });

  it('centres a short last row', () => {
    const { tiles } = arrangeGrid(3, hd);
    assert.ok(Math.abs(tiles[2].x + tiles[2].width / 2 - hd.width / 2) <= 1);
  });

  it('has nothing to arrange without cameras', () => assert.deepEqual(arrangeGrid(0, hd).tiles, []));
});

describe('arrangeFocus', () => {
  it('gives the only camera all there is, in shape', () => {
    const { tiles } = arrangeFocus(1, 0, { width: 1000, height: 1000, aspect: 2, gap: 4 });
    assert.deepEqual(tiles, [{ x: 0, y: 250, width: 1000, height: 500 }]);
  });

  it('puts the strip where it costs the large one least', () => {
    const tall = arrangeFocus(4, 0, { width: 800, height: 1400, aspect: 16 / 9, gap: 4 });
    assert.ok(tall.tiles[1].y >= tall.tiles[0].y + tall.tiles[0].height, 'below');
    const wide = arrangeFocus(4, 0, { width: 2400, height: 900, aspect: 16 / 9, gap: 4 });
    assert.ok(wide.tiles[1].x >= wide.tiles[0].x + wide.tiles[0].width, 'beside');
  });
});

describe('neighbour', () => {
  for (const [from, key, to] of /** @type {const} */ ([
    [0, 'ArrowRight', 1],
    [0, 'ArrowLeft', 0],
    [0, 'ArrowDown', 3],
    [4, 'ArrowUp', 1],
    [1, 'ArrowUp', 1],
    [5, 'ArrowDown', 6],
    [6, 'ArrowDown', 6],
    [6, 'ArrowRight', 6],
  ])) {
    it(`${key} from ${from} of seven in three columns is ${to}`, () => assert.equal(neighbour(7, from, key, 3), to));
  }
});
