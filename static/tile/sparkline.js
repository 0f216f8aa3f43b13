/** Draws the last minute's latency as one line on a canvas. */

const SECONDS = 60;
const LEAST_SPAN_MS = 50;
const LINE_PX = 1.5;

/**
 * Where the line goes.  Pure.
 *
 * @param {readonly (number | null)[]} values one a second, oldest first; null leaves a gap
 * @param {{width: number, height: number}} size
 * @returns {{x: number, y: number}[][]} unbroken runs of points
 */
export function trace(values, { width, height }) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(LEAST_SPAN_MS, ...known) * 1.15;
  /** @type {{x: number, y: number}[][]} */
  const runs = [];
  let open = false;
  values.forEach((value, index) => {
    if (value === null) {
      open = false;
      return;
    }
    if (!open) runs.push([]);
    open = true;
    const x = width - ((values.length - 1 - index) / (SECONDS - 1)) * width;
    runs.at(-1)?.push({ x, y: height - (Math.max(0, value) / top) * height });
  });
  return runs;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {readonly (number | null)[]} values
 * @param {{line: string, base: string}} colours
 */
export function drawSparkline(canvas, values, { line, base }) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext('2d');
  if (!context || width === 0) return;
  const ratio = globalThis.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  context.scale(ratio, ratio);
  context.fillStyle = base;
  context.globalAlpha = 0.3;
  context.fillRect(0, height - 1, width, 1);
  context.globalAlpha = 1;
  context.strokeStyle = line;
  context.lineWidth = LINE_PX;
  context.lineJoin = 'round';
  for (const run of trace(values, { width, height: height - LINE_PX })) {
    context.beginPath();
    for (const { x, y } of run) context.lineTo(x, y + LINE_PX / 2);
    if (run.length === 1) context.lineTo(run[0].x - LINE_PX, run[0].y + LINE_PX / 2);
    context.stroke();
  }
}
