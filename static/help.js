/** The list of shortcuts, in a dialog of the browser's own: it traps focus and closes on Esc by itself. */

import { element } from './dom.js';
import { LEGEND } from './shortcuts.js';

/** @type {HTMLDialogElement | null} */
let open = null;

/** Opens the list, or closes it if it is open. */
export function toggleHelp() {
  if (open) {
    open.close();
    return;
  }
  const rows = LEGEND.flatMap(([keys, meaning]) => [element('dt', {}, keys), element('dd', {}, meaning)]);
  const close = element('button', { type: 'submit' }, 'Close');
  const account = element('p', {}, element('a', { href: 'login' }, 'Who is signed in, and signing out'));
  const dialog = element(
    'dialog',
    { class: 'help', 'aria-label': 'Keyboard shortcuts' },
    element('h1', {}, 'Keyboard'),
    element('dl', {}, ...rows),
    account,
    element('form', { method: 'dialog' }, close),
  );
  dialog.addEventListener('close', () => {
    dialog.remove();
    open = null;
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  open = dialog;
}
