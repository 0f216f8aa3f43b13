/** The quiet row of buttons on a large picture, awake while the pointer moves. */

import { element, icon, wear } from '../dom.js';
import { controlsSheet } from './controls-look.js';

/**
 * @typedef {'back' | 'sound' | 'mode' | 'statistics' | 'fullscreen'} Control
 * @typedef {{muted: boolean, hasSound: boolean, statistics: boolean, canGoBack: boolean}} ControlState
 */

const AWAKE_MS = 2500;

/** @type {Readonly<Record<Control, {label: string, key: string, path: string}>>} */
const BUTTONS = {
  back: { label: 'All cameras', key: 'Esc', path: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z' },
  sound: { label: 'Sound', key: 'm', path: 'M4 9.5h3.5L12 5.5v13l-4.5-4H4zM16 9.2a4 4 0 0 1 0 5.6M18.6 6.6a7.6 7.6 0 0 1 0 10.8' },
  mode: { label: 'How live', key: 'o', path: 'M4 18a9 9 0 1 1 16 0M12 14.5l4-5M11 15.5h2' },
  statistics: { label: 'Statistics', key: 'i', path: 'M4 20V11M9.3 20V4M14.6 20v-6M20 20V8' },
  fullscreen: { label: 'Full screen', key: 'f', path: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5' },
};

const SILENT_PATH = 'M4 9.5h3.5L12 5.5v13l-4.5-4H4zM16 9.5l5 5M21 9.5l-5 5';

export class Controls {
  #root;
  /** @type {Map<Control, HTMLButtonElement>} */
  #buttons = new Map();
  #bar = element('div', { class: 'controls', role: 'group', 'aria-label': 'Picture' });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #sleep;

  /**
   * @param {HTMLElement} root gets the class `awake`
   * @param {HTMLElement} place where the row goes
   * @param {(control: Control) => void} act
   */
  constructor(root, place, act) {
    this.#root = root;
    for (const control of /** @type {Control[]} */ (Object.keys(BUTTONS))) {
      const { label, key, path } = BUTTONS[control];
      const button = element('button', { type: 'button', title: `${label} (${key})`, 'aria-label': label }, icon(path));
      button.addEventListener('click', () => act(control));
      this.#buttons.set(control, button);
      this.#bar.append(button);
    }
    place.append(this.#bar);
    wear(place, controlsSheet);
    for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin']) {
      root.addEventListener(type, () => this.wake(), { passive: true });
    }
  }

  get isAwake() {
    return this.#root.classList.contains('awake');
  }

  wake() {
    clearTimeout(this.#sleep);
    this.#root.classList.add('awake');
    this.#sleep = setTimeout(() => this.#root.classList.remove('awake'), AWAKE_MS);
  }

  stop() {
    clearTimeout(this.#sleep);
  }

  /** @param {ControlState} state */
  update({ muted, hasSound, statistics, canGoBack }) {
    const sound = this.#button('sound');
    sound.hidden = !hasSound;
    sound.setAttribute('aria-pressed', String(!muted));
    sound.querySelector('path')?.setAttribute('d', muted ? SILENT_PATH : BUTTONS.sound.path);
    this.#button('statistics').setAttribute('aria-pressed', String(statistics));
    this.#button('back').hidden = !canGoBack;
    this.#button('fullscreen').hidden = !document.fullscreenEnabled;
  }

  /** @param {Control} control */
  #button(control) {
    return /** @type {HTMLButtonElement} */ (this.#buttons.get(control));
  }
}
