/** Reads of fragmented MP4 what keeping a buffer needs: when a fragment's pictures begin and whether with a keyframe.  Pure. */

const TFHD_BASE_DATA_OFFSET = 0x1;
const TFHD_DESCRIPTION_INDEX = 0x2;
const TFHD_DEFAULT_DURATION = 0x8;
const TFHD_DEFAULT_SIZE = 0x10;
const TFHD_DEFAULT_FLAGS = 0x20;
const TRUN_DATA_OFFSET = 0x1;
const TRUN_FIRST_FLAGS = 0x4;
const TRUN_DURATION = 0x100;
const TRUN_SIZE = 0x200;
const TRUN_FLAGS = 0x400;
const NOT_SYNC = 0x10000;

/**
 * @typedef {object} VideoTrack
 * @property {number} id
 * @property {number} timescale ticks in a second
 *
 * @typedef {object} Fragment
 * @property {number} startS decoding time of its first picture, in seconds
 * @property {boolean} keyframe whether that picture needs no other
 *
 * @typedef {{type: string, view: DataView}} Box its content, without the header
 */

/**
 * @param {DataView} view
 * @returns {Generator<Box>} the boxes that follow each other in it; ends at the first that is not whole
 */
function* boxes(view) {
  let at = 0;
  while (at + 8 <= view.byteLength) {
    const size = view.getUint32(at);
    const type = String.fromCharCode(...[4, 5, 6, 7].map((offset) => view.getUint8(at + offset)));
    if (size < 8 || at + size > view.byteLength) return;
    yield { type, view: new DataView(view.buffer, view.byteOffset + at + 8, size - 8) };
    at += size;
  }
}

/**
 * @param {DataView} view
 * @param {...string} path
 * @returns {DataView | null} the first box of that path
 */
function find(view, ...path) {
  const [wanted, ...rest] = path;
  for (const box of boxes(view)) {
    if (box.type === wanted) return rest.length === 0 ? box.view : find(box.view, ...rest);
  }
  return null;
}

/**
 * @param {ArrayBuffer} bytes an initialization section
 * @returns {VideoTrack | null}
 */
export function readVideoTrack(bytes) {
  const movie = find(new DataView(bytes), 'moov');
  if (!movie) return null;
  for (const { type, view } of boxes(movie)) {
    if (type !== 'trak') continue;
    const header = find(view, 'tkhd');
    const media = find(view, 'mdia', 'mdhd');
    const handler = find(view, 'mdia', 'hdlr');
    // "vide" (ISO/IEC 14496-12 section 8.4.3).
    if (header && media && handler?.getUint32(8) === 0x76696465) {
      // Version 1 has times of eight bytes before both.
      return {
        id: header.getUint32(header.getUint8(0) === 1 ? 20 : 12),
        timescale: media.getUint32(media.getUint8(0) === 1 ? 20 : 12),
      };
    }
  }
  return null;
}

/**
 * @param {ArrayBuffer} bytes movie fragments
 * @param {VideoTrack} track
 * @returns {Fragment | null} of the first that has pictures; null if none has
 */
export function readFragment(bytes, { id, timescale }) {
  for (const { type, view } of boxes(new DataView(bytes))) {
    if (type !== 'moof') continue;
    for (const { type: inner, view: traf } of boxes(view)) {
      if (inner !== 'traf') continue;
      const header = find(traf, 'tfhd');
      const time = find(traf, 'tfdt');
      const run = find(traf, 'trun');
      if (header?.getUint32(4) !== id || !time || !run) continue;
      const ticks = time.getUint8(0) === 1 ? Number(time.getBigUint64(4)) : time.getUint32(4);
      return { startS: ticks / timescale, keyframe: !(firstFlags(run, header) & NOT_SYNC) };
    }
  }
  return null;
}

/**
 * Sample flags of a run's first sample (section 8.8.8).
 *
 * @param {DataView} run
 * @param {DataView} header of the track fragment
 */
function firstFlags(run, header) {
  const has = run.getUint32(0);
  const first = 8 + (has & TRUN_DATA_OFFSET ? 4 : 0);
  if (has & TRUN_FIRST_FLAGS) return run.getUint32(first);
  if (has & TRUN_FLAGS) return run.getUint32(first + (has & TRUN_DURATION ? 4 : 0) + (has & TRUN_SIZE ? 4 : 0));
  const defaults = header.getUint32(0);
  if (!(defaults & TFHD_DEFAULT_FLAGS)) return 0;
  const before =
    (defaults & TFHD_BASE_DATA_OFFSET ? 8 : 0) +
    (defaults & TFHD_DESCRIPTION_INDEX ? 4 : 0) +
    (defaults & TFHD_DEFAULT_DURATION ? 4 : 0) +
    (defaults & TFHD_DEFAULT_SIZE ? 4 : 0);
  return header.getUint32(8 + before);
}
