/** How much delay buys how much calm, and what each rung makes of it (HLS: rungs/hls-values.js).  Pure. */

/**
 * @typedef {object} Mode
 * @property {string} name
 * @property {string} label
 * @property {string} meaning
 * @property {number} delayMs WebRTC's playout delay, where the gateway doesn't set it
 * @property {{least: number, most: number}} marginS what MSE holds back
 */

/** @type {readonly Mode[]} */
export const MODES = Object.freeze([
  {
    name: 'ultra-low',
    label: 'As live as possible',
    meaning: 'Under a second behind',
    delayMs: 0,
    marginS: { least: 0.05, most: 0.6 },
  },
  {
    name: 'balanced',
    label: 'Balanced',
    meaning: 'Up to 3 s behind; short troubles go unnoticed',
    delayMs: 1500,
    marginS: { least: 1.5, most: 3 },
  },
  {
    name: 'stable',
    label: 'Stable',
    meaning: 'Up to 6 s behind, for bad networks',
    delayMs: 4000,
    marginS: { least: 4, most: 6 },
  },
]);

/** @param {string | null | undefined} name @returns {Mode} the first for what is none */
export function modeOf(name) {
  return MODES.find((mode) => mode.name === name) ?? MODES[0];
}
