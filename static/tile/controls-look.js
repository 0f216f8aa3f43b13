/** How the row of controls looks. */

const CSS = `
.controls {
  position: absolute; right: 0.4rem; bottom: 0.4rem; display: none; gap: 0.15rem;
  background: rgb(11 12 14 / 0.66); border-radius: 3px; opacity: 0; transition: opacity 150ms linear;
}
:host([large]) .controls { display: flex; }
.awake .controls, .controls:focus-within { opacity: 1; }
:host([large]) .root:not(.awake) .controls:not(:focus-within) { pointer-events: none; }
:host([large]) .name { max-width: calc(100% - 15.5rem); }
.controls button {
  width: 2.75rem; height: 2.75rem; padding: 0.7rem; border: 0; border-radius: 3px;
  background: none; color: var(--text); cursor: pointer;
}
.controls button:hover { background: rgb(255 255 255 / 0.12); }
.controls button[aria-pressed='true'] { color: var(--accent); }
svg { display: block; width: 100%; height: 100%; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
:host([large]) .root:not(.awake) { cursor: none; }
:host([large]) .root:not(.awake) .choose { cursor: none; }
/* A large tile is plainly the one in focus: its ring goes to rest with the controls. */
:host([large]) .root:not(.awake) .choose:focus-visible { outline-width: 0; box-shadow: none; }

/* Name and controls have no room side by side: the controls go up, and the mark makes way. */
@container (max-width: 30rem) {
  :host([large]) .controls { top: 0.4rem; bottom: auto; }
  :host([large]) .name { max-width: calc(100% - 0.9em); }
  :host([large]) .mark { left: 0.45em; right: auto; max-width: calc(100% - 15.5rem); }
}

@media (prefers-reduced-motion: reduce) { .controls { transition: none; } }
@media (prefers-contrast: more) { .controls { background: #000; outline: 1px solid #fff; } }
@media (forced-colors: active) { .controls { border: 1px solid CanvasText; } }
`;

export const controlsSheet = new CSSStyleSheet();
controlsSheet.replaceSync(CSS);
