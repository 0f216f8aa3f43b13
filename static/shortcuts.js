/**
 * Which key does what.  Pure: a key press in, the name of an action out.
 */

/**
 * @typedef {{action: 'back' | 'fullscreen' | 'sound' | 'statistics' | 'mode' | 'help'}
 *   | {action: 'focus', index: number}
 *   | {action: 'move', key: 'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown'}} Command
 *
 * @typedef {object} KeyPress the part of a KeyboardEvent that matters
 * @property {string} key
 * @property {boolean} [ctrlKey]
 * @property {boolean} [altKey]
 * @property {boolean} [metaKey]
 */

/** @type {readonly (readonly [keys: string, meaning: string])[]} */
export const LEGEND = Object.freeze([
  /** @type {const} */ (['Enter, click', 'Enlarge a camera; again: back to all']),
  /** @type {const} */ (['Esc', 'Back to all cameras']),
  /** @type {const} */ (['1 – 9', 'Enlarge the first to ninth camera']),
  /** @type {const} */ (['Arrows', 'Move between cameras']),
  /** @type {const} */ (['f', 'Full screen']),
  /** @type {const} */ (['m', 'Sound on and off']),
  /** @type {const} */ (['i', 'Statistics']),
  /** @type {const} */ (['o', 'How live: less delay or more calm']),
  /** @type {const} */ (['?', 'This list']),
]);

/**
 * @param {KeyPress} press
 * @returns {Command | null} null for keys that belong to the browser or to nobody
 */
export function commandFor({ key, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  if (/^[1-9]$/.test(key)) return { action: 'focus', index: Number(key) - 1 };
  switch (key) {
    case 'Escape':
      return { action: 'back' };
    case 'f':
    case 'F':
      return { action: 'fullscreen' };
    case 'm':
    case 'M':
      return { action: 'sound' };
    case 'i':
    case 'I':
      return { action: 'statistics' };
    case 'o':
    case 'O':
      return { action: 'mode' };
    case '?':
      return { action: 'help' };
    case 'ArrowLeft':
    case 'ArrowRight':
    case 'ArrowUp':
    case 'ArrowDown':
      return { action: 'move', key };
    default:
      return null;
  }
}
