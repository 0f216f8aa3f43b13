/**
 * Remembers how the page was left, in this browser only.
 *
 * Storage may be blocked, full or hold rubbish: then the page starts afresh and stays quiet about it.
 */

/**
 * @typedef {object} Remembered
 * @property {string | null} focused camera shown large
 * @property {string} mode
 * @property {boolean} muted
 * @property {boolean} statistics whether the overlay is open
 */

/** @type {Readonly<Remembered>} */
export const AFRESH = Object.freeze({ focused: null, mode: 'ultra-low', muted: true, statistics: false });

/**
 * @param {string | null} text
 * @returns {Remembered} what is well-formed in it; defaults for the rest
 */
export function parseRemembered(text) {
  /** @type {unknown} */
  let value = null;
  try {
    value = JSON.parse(text ?? 'null');
  } catch {
    // Rubbish counts as nothing.
  }
  if (typeof value !== 'object' || value === null) return { ...AFRESH };
  const { focused, mode, muted, statistics } = /** @type {Record<string, unknown>} */ (value);
  return {
    focused: typeof focused === 'string' ? focused : AFRESH.focused,
    mode: typeof mode === 'string' ? mode : AFRESH.mode,
    muted: typeof muted === 'boolean' ? muted : AFRESH.muted,
    statistics: typeof statistics === 'boolean' ? statistics : AFRESH.statistics,
  };
}

export class Store {
  #key;
  #open;
  /** @type {Remembered} */
  #remembered;

  /**
   * @param {string} key
   * @param {() => Storage} [open] reading `localStorage` itself throws where it is blocked
   */
  constructor(key, open = () => localStorage) {
    this.#key = key;
    this.#open = open;
    /** @type {string | null} */
    let text = null;
    try {
      text = open().getItem(key);
    } catch {
      // Blocked: start afresh.
    }
    this.#remembered = parseRemembered(text);
  }

  /** @returns {Readonly<Remembered>} */
  get remembered() {
    return this.#remembered;
  }

  /** @param {Partial<Remembered>} changes */
  remember(changes) {
    this.#remembered = { ...this.#remembered, ...changes };
    try {
      this.#open().setItem(this.#key, JSON.stringify(this.#remembered));
    } catch {
      // Blocked or full: it lasts until the page closes.
    }
  }
}
