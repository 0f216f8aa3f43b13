/**
 * The wall: one tile for each camera, all alike or one large with the others in a strip.
 *
 * Events: `focuschange` (detail: the large camera's name, or null).
 */

import { arrangeFocus, arrangeGrid, neighbour, WITHOUT_SCROLLING } from './layout.js';
import { CameraView } from './tile/camera-view.js';

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {Camera | {name: string}} Listed a camera, or no more than its name
 * @typedef {import('./layout.js').Rect} Rect
 * @typedef {import('./layout.js').Arrangement} Arrangement
 */

const GROWING_MS = 140;
const GAP_PX = 4;

export class Grid extends EventTarget {
  #place;
  #views = /** @type {Map<string, CameraView>} */ (new Map());
  /** @type {string | null} */
  #focused = null;
  #columns = 1;
  #sizes;
  #visible;
  #frame = 0;

  /** @param {HTMLElement} place fills the window */
  constructor(place) {
    super();
    this.#place = place;
    this.#sizes = new ResizeObserver(() => this.#arrangeSoon());
    this.#sizes.observe(place);
    this.#visible = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (target instanceof CameraView) target.seen = isIntersecting;
        }
      },
      { root: place, rootMargin: '25%' },
    );
  }

  get focused() {
    return this.#focused;
  }

  get count() {
    return this.#views.size;
  }

  /** @returns {CameraView[]} in the order of the cameras */
  get views() {
    return [...this.#views.values()];
  }

  /** @returns {CameraView | null} the large tile, else the one the keyboard or the pointer is on, else the only one */
  get current() {
    if (this.#focused !== null) return this.#views.get(this.#focused) ?? null;
    const { views } = this;
    const pointed = views.find((view) => view === document.activeElement) ?? views.find((view) => view.matches(':hover'));
    return pointed ?? (views.length === 1 ? views[0] : null);
  }

  /**
   * Adds and removes tiles; those that stay keep playing.
   *
   * @param {readonly Listed[]} cameras
   */
  show(cameras) {
    const names = new Set(cameras.map(({ name }) => name));
    for (const [name, view] of this.#views) {
      if (names.has(name)) continue;
      this.#visible.unobserve(view);
      view.remove();
      this.#views.delete(name);
      if (this.#focused === name) this.focus(null);
    }
    /** @type {Map<string, CameraView>} */
    const ordered = new Map();
    for (const camera of cameras) {
      const view = this.#views.get(camera.name) ?? this.#create(camera, cameras.length);
      if ('state' in camera) view.hint = camera;
      ordered.set(camera.name, view);
    }
    this.#views = ordered;
    this.#inOrder();
    this.#arrange({ moving: false });
  }

  /** @param {string | null} name */
  focus(name) {
    const target = name !== null && this.#views.has(name) && this.count > 1 ? name : null;
    if (target === this.#focused) return;
    const before = this.#focused;
    this.#focused = target;
    for (const [camera, view] of this.#views) view.toggleAttribute('large', camera === target || this.count === 1);
    this.#arrange({ moving: true });
    const show = target ?? before;
    if (show !== null) this.#views.get(show)?.focus({ preventScroll: target !== null });
    if (target !== null) this.#place.scrollTo({ top: 0 });
    this.dispatchEvent(new CustomEvent('focuschange', { detail: target }));
  }

  /** @param {number} index from 0 */
  focusAt(index) {
    const name = [...this.#views.keys()][index];
    if (name !== undefined) this.focus(name);
  }

  /** @param {string} name large if it was not, back to all if it was */
  toggle(name) {
    this.focus(this.#focused === name ? null : name);
  }

  /** @param {'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown'} key */
  move(key) {
    const names = [...this.#views.keys()];
    if (this.#focused !== null) {
      // With one large, the others are in a line: every arrow is back or on.
      const step = key === 'ArrowLeft' || key === 'ArrowUp' ? -1 : 1;
      const next = names[names.indexOf(this.#focused) + step];
      if (next !== undefined) this.focus(next);
      return;
    }
    const { views } = this;
    const from = views.findIndex((view) => view === document.activeElement);
    views[from < 0 ? 0 : neighbour(views.length, from, key, this.#columns)]?.focus();
  }

  /**
   * @param {Listed} camera
   * @param {number} count of all cameras
   */
  #create(camera, count) {
    const view = new CameraView();
    view.setAttribute('camera', camera.name);
    view.setAttribute('selectable', '');
    // On a wall that scrolls, what is out of sight waits until it is seen.
    view.seen = count <= WITHOUT_SCROLLING;
    view.addEventListener('choose', () => this.toggle(camera.name));
    view.addEventListener('back', () => this.focus(null));
    view.addEventListener('resize', () => this.#arrangeSoon());
    this.dispatchEvent(new CustomEvent('view', { detail: view }));
    this.#visible.observe(view);
    return view;
  }

  /** Moves only what is out of place: a moved element loses its connection. */
  #inOrder() {
    let at = this.#place.firstElementChild;
    for (const view of this.#views.values()) {
      if (view === at) at = at.nextElementSibling;
      else this.#place.insertBefore(view, at);
    }
    for (const view of this.views) view.toggleAttribute('large', this.count === 1 || view.camera === this.#focused);
  }

  #arrangeSoon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#arrange({ moving: false }));
  }

  /** @param {{moving: boolean}} options whether tiles visibly travel to their places */
  #arrange({ moving }) {
    const { views } = this;
    if (views.length === 0) return;
    const aspects = views.map((view) => view.aspect).toSorted((a, b) => a - b);
    const wall = {
      width: this.#place.clientWidth,
      height: this.#place.clientHeight,
      aspect: aspects[aspects.length >> 1],
      gap: GAP_PX,
    };
    const focused = this.#focused === null ? -1 : [...this.#views.keys()].indexOf(this.#focused);
    const arrangement = this.#choose(views.length, focused, wall);
    this.#columns = arrangement.columns;
    const travels = moving && !matchMedia('(prefers-reduced-motion: reduce)').matches;
    views.forEach((view, index) => this.#put(view, arrangement.tiles[index], travels));
  }

  /**
   * @param {number} count
   * @param {number} focused
   * @param {import('./layout.js').Wall} wall
   * @returns {Arrangement}
   */
  #choose(count, focused, wall) {
    if (count === 1) {
      // Alone, a tile is the window: its picture keeps its shape within.
      return { tiles: [{ x: 0, y: 0, width: wall.width, height: wall.height }], columns: 1, height: wall.height };
    }
    return focused < 0 ? arrangeGrid(count, wall) : arrangeFocus(count, focused, wall);
  }

  /**
   * @param {CameraView} view
   * @param {Rect} rect
   * @param {boolean} travels
   */
  #put(view, rect, travels) {
    const { offsetLeft: x, offsetTop: y, offsetWidth: width } = view;
    const { style } = view;
    style.left = `${rect.x}px`;
    style.top = `${rect.y}px`;
    style.width = `${rect.width}px`;
    style.height = `${rect.height}px`;
    if (!travels || (x === rect.x && y === rect.y && width === rect.width)) return;
    const from = `translate(${x - rect.x}px, ${y - rect.y}px) scale(${width / rect.width})`;
    const raised = rect.width >= width ? '1' : '0';
    view.animate(
      [
        { transform: from, transformOrigin: '0 0', zIndex: raised },
        { transform: 'none', transformOrigin: '0 0', zIndex: raised },
      ],
      { duration: GROWING_MS, easing: 'ease-out' },
    );
  }
}
