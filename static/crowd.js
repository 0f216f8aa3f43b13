/**
 * The players of a page that look for pictures at the same time: who came first, and what has brought others theirs.  Pure.
 *
 * Many that start at once make each other slow.  If each tried further rungs as soon as one that is alone, all of them
 * would run two or three, and be slower still.
 */

/**
 * @typedef {object} Company what a player knows of the others
 * @property {number} ahead how many began to look before it and still do
 * @property {(rung: string) => number | null} broughtAtMs when this rung brought one of them its first picture, last
 */

/** @type {Company} of who knows of nobody else */
export const ALONE = Object.freeze({ ahead: 0, broughtAtMs: () => null });

export class Crowd {
  /** @type {Set<Place>} that look, in the order of coming */
  #looking = new Set();
  /** @type {Map<string, number>} */
  #brought = new Map();
  #busy;

  /** @param {(busy: boolean) => void} [busy] told whether anybody looks */
  constructor(busy = () => undefined) {
    this.#busy = busy;
  }

  /** @param {() => void} changed told that others know more, or are fewer @returns {Place} for one player */
  place(changed) {
    return new Place(this, changed);
  }

  /** @param {Place} place @returns {number} */
  ahead(place) {
    let count = 0;
    for (const other of this.#looking) {
      if (other === place) break;
      count += 1;
    }
    return count;
  }

  /** @param {string} rung @returns {number | null} */
  broughtAtMs(rung) {
    return this.#brought.get(rung) ?? null;
  }

  /** @param {Place} place @param {boolean} looks */
  note(place, looks) {
    if (looks === this.#looking.has(place)) return;
    if (looks) this.#looking.add(place);
    else this.#looking.delete(place);
    if (this.#looking.size === Number(looks)) this.#busy(looks);
    if (!looks) this.#tell();
  }

  /** @param {string} rung @param {number} nowMs */
  brought(rung, nowMs) {
    this.#brought.set(rung, nowMs);
    this.#tell();
  }

  #tell() {
    for (const place of [...this.#looking]) place.changed();
  }
}

/** @implements {Company} */
export class Place {
  #crowd;

  /** @param {Crowd} crowd @param {() => void} changed */
  constructor(crowd, changed) {
    this.#crowd = crowd;
    this.changed = changed;
  }

  get ahead() {
    return this.#crowd.ahead(this);
  }

  /** @param {string} rung */
  broughtAtMs(rung) {
    return this.#crowd.broughtAtMs(rung);
  }

  /** @param {boolean} looks for pictures, as one that has not looked for long */
  set looking(looks) {
    this.#crowd.note(this, looks);
  }

  /** A first picture came. @param {string} rung @param {number} nowMs of the clock that all of them go by */
  brought(rung, nowMs) {
    this.#crowd.brought(rung, nowMs);
  }
}
