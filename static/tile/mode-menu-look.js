/** How the menu of modes looks. */

const CSS = `
.modes {
  position: absolute; right: 0.4rem; bottom: 3.5rem; display: grid; max-width: calc(100% - 0.8rem); max-height: calc(100% - 4rem);
  overflow: auto; background: rgb(11 12 14 / 0.88); border-radius: 3px; font-size: 0.875rem;
}
:host(:not([large])) .modes { bottom: 0.4rem; max-height: calc(100% - 0.8rem); }
.modes button {
  display: grid; padding: 0.45rem 0.9rem; border: 0; font: inherit; text-align: left; color: var(--text); background: none; cursor: pointer;
  outline-offset: -3px;
}
.modes button:hover { background: rgb(255 255 255 / 0.12); }
.modes button:focus-visible { outline: 3px solid var(--accent); }
.modes b { font-weight: 600; }
.modes span { color: var(--quiet); }
.modes [aria-checked='true'] b { color: var(--accent); }
@container (max-width: 30rem) { :host([large]) .modes { bottom: 0.4rem; max-height: calc(100% - 4rem); } }
`;

export const modeMenuSheet = new CSSStyleSheet();
modeMenuSheet.replaceSync(CSS);
