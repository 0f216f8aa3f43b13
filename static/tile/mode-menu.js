/** The little menu of modes on a tile: how much delay may buy how much calm. */

import { element, wear } from '../dom.js';
import { MODES } from '../modes.js';
import { modeMenuSheet } from './mode-menu-look.js';

export class ModeMenu {
  #root = element('div', { class: 'modes', role: 'menu', 'aria-label': 'How live' });
  #buttons;
  #closed;
  #listening = new AbortController();

  /**
   * @param {string} current
   * @param {{choose: (mode: string) => void, closed: () => void}} deeds
   */
  constructor(current, { choose, closed }) {
    this.#closed = closed;
    this.#buttons = MODES.map(({ name, label, meaning }) => {
      const attributes = { type: 'button', role: 'menuitemradio', 'aria-checked': String(name === current) };
      const button = element('button', attributes, element('b', {}, label), element('span', {}, meaning));
      button.addEventListener('click', () => {
        choose(name);
        this.close();
      });
      return button;
    });
    this.#root.append(...this.#buttons);
    this.#root.addEventListener('keydown', (event) => this.#key(event));
  }

  /** @param {HTMLElement} place */
  show(place) {
    place.append(this.#root);
    wear(place, modeMenuSheet);
    (this.#buttons.find((button) => button.getAttribute('aria-checked') === 'true') ?? this.#buttons[0]).focus();
    const { signal } = this.#listening;
    document.addEventListener(
      'pointerdown',
      (event) => {
        if (!event.composedPath().includes(this.#root)) this.close();
      },
      { signal },
    );
  }

  close() {
    if (this.#listening.signal.aborted) return;
    this.#listening.abort();
    this.#root.remove();
    this.#closed();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key] ?? 0;
    if (!step && event.key !== 'Escape') return;
    // The page has its own use for these.
    event.stopPropagation();
    event.preventDefault();
    if (!step) {
      this.close();
      return;
    }
    const at = this.#buttons.findIndex((button) => button.matches(':focus'));
    this.#buttons[(at + step + this.#buttons.length) % this.#buttons.length].focus();
  }
}
