/** How old a demo camera's picture is, by the clock in it; times are unix milliseconds. */
(() => {
  const BLOCKS = 32;
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });

  globalThis.rigUnixMs = () => performance.timeOrigin + performance.now();

  /** Null where the picture is too narrow for a clock. */
  globalThis.rigAge = (video, at) => {
    const { videoWidth: width } = video;
    const block = Math.floor(width / BLOCKS);
    if (block < 1) return null;
    if (context.canvas.width !== width) context.canvas.width = width;
    context.drawImage(video, 0, block >> 1, width, 1, 0, 0, width, 1);
    const { data } = context.getImageData(0, 0, width, 1);
    let shown = 0;
    for (let bit = 0; bit < BLOCKS; bit += 1) {
      shown = shown * 2 + (data[(bit * block + (block >> 1)) * 4 + 1] > 128 ? 1 : 0);
    }
    const age = (at - shown) % 2 ** 32;
    return age > 2 ** 31 ? age - 2 ** 32 : age;
  };
})();
