/**
 * Where each tile goes.  Pure: a count, a window and an aspect in, rectangles out.
 */

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Rect pixels
 * @typedef {object} Wall
 * @property {number} width of the window
 * @property {number} height of the window
 * @property {number} aspect width over height of a picture
 * @property {number} gap between tiles, in pixels
 *
 * @typedef {object} Arrangement
 * @property {Rect[]} tiles in the order of the cameras
 * @property {number} columns
 * @property {number} height of all tiles; more than the window's when it has to scroll
 */

/** Up to this many tiles everything is on the screen at once. */
export const WITHOUT_SCROLLING = 16;
/** Windows narrower than this get one column. */
export const ONE_COLUMN_BELOW = 480;

const SCROLLING_TILE = 300;
const STRIP_SHARE = 0.2;
const STRIP_SMALLEST = 72;
const STRIP_TILE_LARGEST = 420;

/**
 * @param {number} count
 * @param {Wall} wall
 * @returns {Arrangement}
 */
export function arrangeGrid(count, wall) {
  if (count === 0) return { tiles: [], columns: 1, height: 0 };
  const columns = chooseColumns(count, wall);
  const rows = Math.ceil(count / columns);
  const scrolls = wall.width < ONE_COLUMN_BELOW || count > WITHOUT_SCROLLING;
  const tile = tileSize(wall, columns, scrolls ? Infinity : rows);
  const height = rows * tile.height + (rows - 1) * wall.gap;
  const top = Math.max(0, Math.floor((wall.height - height) / 2));
  const tiles = Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = (wall.width - (inRow * tile.width + (inRow - 1) * wall.gap)) / 2;
    return {
      x: Math.floor(left + (index % columns) * (tile.width + wall.gap)),
      y: top + row * (tile.height + wall.gap),
      ...tile,
    };
  });
  return { tiles, columns, height };
}

/**
 * One tile large, the others in a strip beside or below it, whichever leaves it larger.
 *
 * @param {number} count
 * @param {number} focused index of the large one
 * @param {Wall} wall
 * @returns {Arrangement}
 */
export function arrangeFocus(count, focused, wall) {
  if (count === 1) return { tiles: [fit(wall, wall.aspect)], columns: 1, height: wall.height };
  const beside = arrangeStrip(count, focused, wall, 'beside');
  const below = arrangeStrip(count, focused, wall, 'below');
  // Only downwards can the page scroll.
  const fits = beside.tiles.every((tile) => tile.x + tile.width <= wall.width);
  return fits && beside.tiles[focused].width > below.tiles[focused].width ? beside : below;
}

/**
 * @param {number} count
 * @param {number} from index
 * @param {'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown'} key
 * @param {number} columns
 * @returns {number} the index to move to; `from` itself at an edge
 */
export function neighbour(count, from, key, columns) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  const to = from + step;
  if (to < 0) return from;
  if (to < count) return to;
  // Down from above a short last row goes to its end.
  const lastRow = Math.floor((count - 1) / columns);
  return key === 'ArrowDown' && Math.floor(from / columns) < lastRow ? count - 1 : from;
}

/**
 * @param {number} count
 * @param {Wall} wall
 * @returns {number}
 */
function chooseColumns(count, wall) {
  if (wall.width < ONE_COLUMN_BELOW) return 1;
  if (count > WITHOUT_SCROLLING) {
    return Math.max(2, Math.min(count, Math.floor((wall.width + wall.gap) / (SCROLLING_TILE + wall.gap))));
  }
  let best = 1;
  for (let columns = 2; columns <= count; columns += 1) {
    const before = tileSize(wall, best, Math.ceil(count / best));
    if (tileSize(wall, columns, Math.ceil(count / columns)).width > before.width) best = columns;
  }
  return best;
}

/**
 * @param {Wall} wall
 * @param {number} columns
 * @param {number} rows that must fit; Infinity when it may scroll
 */
function tileSize({ width, height, aspect, gap }, columns, rows) {
  const byWidth = (width - (columns - 1) * gap) / columns;
  const byHeight = rows === Infinity ? Infinity : ((height - (rows - 1) * gap) / rows) * aspect;
  const tileWidth = Math.max(1, Math.floor(Math.min(byWidth, byHeight)));
  return { width: tileWidth, height: Math.max(1, Math.floor(tileWidth / aspect)) };
}

/**
 * @param {{width: number, height: number}} space
 * @param {number} aspect
 * @returns {Rect} the largest of this aspect, centred
 */
function fit({ width, height }, aspect) {
  const tileWidth = Math.floor(Math.min(width, height * aspect));
  const tileHeight = Math.floor(tileWidth / aspect);
  return {
    x: Math.floor((width - tileWidth) / 2),
    y: Math.floor((height - tileHeight) / 2),
    width: tileWidth,
    height: tileHeight,
  };
}

/**
 * @param {number} count
 * @param {number} focused
 * @param {Wall} wall
 * @param {'beside' | 'below'} where
 * @returns {Arrangement}
 */
function arrangeStrip(count, focused, wall, where) {
  const others = count - 1;
  const along = where === 'below' ? wall.width : wall.height;
  const across = where === 'below' ? wall.height : wall.width;
  const ratio = where === 'below' ? wall.aspect : 1 / wall.aspect;
  // As large as leaves the strip one line, within a fifth of the window; more tiles than fit make more lines.
  const alone = fit(wall, wall.aspect);
  const half = (where === 'below' ? alone.height : alone.width) / 2;
  const thickest = Math.min(across * STRIP_SHARE, STRIP_TILE_LARGEST / ratio, half);
  const oneLine = (along - (others - 1) * wall.gap) / others / ratio;
  const least = Math.max(STRIP_SMALLEST, Math.min(thickest, oneLine));
  const perLine = Math.max(1, Math.floor((along + wall.gap) / (Math.floor(least * ratio) + wall.gap)));
  const lines = Math.ceil(others / perLine);
  // Several lines are as long as the window.
  const length = Math.floor(lines > 1 ? (along - (perLine - 1) * wall.gap) / perLine : least * ratio);
  const thickness = Math.floor(length / ratio);
  const stripThickness = lines * (thickness + wall.gap);
  const space =
    where === 'below'
      ? { width: wall.width, height: Math.max(wall.height - stripThickness, wall.height / 2) }
      : { width: Math.max(wall.width - stripThickness, wall.width / 2), height: wall.height };
  const main = fit(space, wall.aspect);
  // The strip hugs the picture, and both are centred together; what does not fit scrolls, from the picture on.
  const slack = where === 'below' ? wall.height - main.height - stripThickness : wall.width - main.width - stripThickness;
  if (where === 'below') main.y = Math.max(0, Math.floor(slack / 2));
  else main.x = Math.max(0, Math.floor(slack / 2));
  const edge = where === 'below' ? main.y + main.height : main.x + main.width;

  const tiles = Array.from({ length: count }, (_, index) => {
    if (index === focused) return main;
    const position = index > focused ? index - 1 : index;
    const line = Math.floor(position / perLine);
    const inLine = Math.min(perLine, others - line * perLine);
    const start = (along - (inLine * length + (inLine - 1) * wall.gap)) / 2;
    const offset = Math.floor(start + (position % perLine) * (length + wall.gap));
    const depth = edge + wall.gap + line * (thickness + wall.gap);
    return where === 'below'
      ? { x: offset, y: depth, width: length, height: thickness }
      : { x: depth, y: offset, width: thickness, height: length };
  });
  const bottom = Math.max(...tiles.map((tile) => tile.y + tile.height));
  return { tiles, columns: where === 'below' ? perLine : 1, height: Math.max(bottom, 0) };
}
