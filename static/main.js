/** Wires the page together: the wall at `/`, one camera at `/{camera}/`. */

import { Directory } from './directory.js';
import { Grid } from './grid.js';
import { noCameras, noList } from './notice.js';
import { nowMs } from './now.js';
import { cameraOfPage, pageTitle, protocolOfPage } from './page.js';
import { Store } from './store.js';

/**
 * @typedef {import('./types.js').Camera} Camera
 * @typedef {import('./directory.js').Access} Access
 * @typedef {import('./shortcuts.js').Command} Command
 * @typedef {import('./tile/camera-view.js').CameraView} CameraView
 */

const place = /** @type {HTMLElement} */ (document.querySelector('#wall'));
const message = /** @type {HTMLElement} */ (document.querySelector('#message'));
const base = document.baseURI;
const onlyCamera = cameraOfPage(location.href, base);
const protocol = protocolOfPage(location.href);
const store = new Store(`camera-gateway:${new URL(base).pathname}`);
const grid = new Grid(place);
const directory = new Directory(base);
/** When the first pictures are there, on most links. */
const LATER_MS = 3000;
let restored = false;

/** @param {HTMLElement | null} notice */
function say(notice) {
  message.replaceChildren(...(notice ? [notice] : []));
  message.hidden = notice === null;
}

/** @param {Camera[]} all */
function showCameras(all) {
  const cameras = onlyCamera === null ? all : [all.find(({ name }) => name === onlyCamera) ?? { name: onlyCamera }];
  document.title = pageTitle(onlyCamera, cameras.length);
  grid.show(cameras);
  say(cameras.length === 0 ? noCameras() : null);
  if (onlyCamera !== null && all.some(({ name }) => name === onlyCamera)) retryUnknown();
  if (restored || cameras.length === 0) return;
  restored = true;
  const { focused, muted, statistics } = store.remembered;
  if (onlyCamera === null) grid.focus(focused);
  else for (const view of grid.views) view.muted = muted;
  if (statistics && grid.current) grid.current.statisticsOpen = true;
}

/** A camera that was added after its page was opened. */
function retryUnknown() {
  for (const view of grid.views) if (view.situation?.phase === 'unknown') view.retry();
}

/** @param {Command} command */
function obey(command) {
  const view = grid.current;
  switch (command.action) {
    case 'focus':
      grid.focusAt(command.index);
      break;
    case 'move':
      grid.move(command.key);
      break;
    case 'back':
      grid.focus(null);
      break;
    case 'help':
      import('./help.js').then(({ toggleHelp }) => toggleHelp()).catch(() => undefined);
      break;
    case 'sound':
      view?.toggleSound();
      break;
    case 'statistics':
      (view ?? grid.views[0])?.toggleStatistics();
      break;
    case 'mode':
      (view ?? grid.views[0])?.toggleModes();
      break;
    case 'fullscreen':
      if (view?.hasAttribute('large')) view.toggleFullscreen();
      else if (document.fullscreenElement) void document.exitFullscreen();
      else document.documentElement.requestFullscreen?.().catch(() => undefined);
      break;
    default:
  }
}

grid.addEventListener('view', (event) => {
  const view = /** @type {CustomEvent<CameraView>} */ (event).detail;
  if (onlyCamera !== null) view.removeAttribute('selectable');
  view.setAttribute('mode', store.remembered.mode);
  if (protocol !== null) view.setAttribute('protocol', protocol);
  view.addEventListener('preference', (preference) => {
    const changes = /** @type {CustomEvent<{muted?: boolean, statistics?: boolean, mode?: string}>} */ (preference).detail;
    store.remember(changes);
    if (changes.mode) for (const other of grid.views) other.setAttribute('mode', changes.mode);
    // One sound at a time.
    if (changes.muted === false) for (const other of grid.views) if (other !== view) other.muted = true;
  });
});

grid.addEventListener('focuschange', (event) => {
  const focused = /** @type {CustomEvent<string | null>} */ (event).detail;
  if (onlyCamera === null) store.remember({ focused });
  const { statistics, muted } = store.remembered;
  for (const view of grid.views) {
    view.statisticsOpen = statistics && view.camera === focused;
    view.muted = muted || view.camera !== focused;
  }
});

directory.addEventListener('cameras', (event) => {
  showCameras(/** @type {CustomEvent<Camera[]>} */ (event).detail);
});

directory.addEventListener('unavailable', (event) => {
  const { access, retryAt } = /** @type {CustomEvent<{access: Access, retryAt: number}>} */ (event).detail;
  // Tiles say it themselves.
  if (grid.count === 0) say(noList(access, retryAt - nowMs()));
});

/** @type {typeof import('./shortcuts.js') | null} */
let shortcuts = null;

async function loadShortcuts() {
  const loaded = await import('./shortcuts.js');
  shortcuts = loaded;
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const command = shortcuts?.commandFor(event);
  if (!command || (document.querySelector('dialog[open]') && command.action !== 'help')) return;
  if (command.action === 'move') {
    // Arrows scroll the statistics while those are in focus.
    if (event.composedPath().some((node) => node instanceof Element && node.matches('.statistics'))) return;
    event.preventDefault();
  }
  obey(command);
}

document.addEventListener('keydown', (event) => {
  if (shortcuts) pressed(event);
  else loadShortcuts().then(() => pressed(event), () => undefined);
});

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void directory.ask();
});
globalThis.addEventListener('online', () => void directory.ask());

document.title = pageTitle(onlyCamera, null);
if (onlyCamera !== null) grid.show([{ name: onlyCamera }]);
void directory.ask();
// Wanted by a key press, and perhaps when the gateway can't be reached: they come along when the pictures have.
setTimeout(() => {
  for (const load of [loadShortcuts, () => import('./verdicts.js'), () => import('./help.js'), () => import('./tile/statistics-panel.js'), () => import('./tile/mode-menu.js')]) {
    load().catch(() => undefined);
  }
}, LATER_MS);
