/** Style of `<camera-view>`: a constructed sheet, so that it works under a strict content security policy. */

const CSS = `
:host {
  --text: #f2f3f5;
  --quiet: #a3a8b0;
  --surface: #17191d;
  --page: #0b0c0e;
  --accent: #5eb1f5;
  --alert: #ff6b60;
  --aspect: 1.7778;
  --size: clamp(0.72rem, 0.55rem + 0.62cqi, 1.5rem);
  position: relative;
  display: block;
  overflow: hidden;
  background: var(--page);
  color: var(--text);
  container-type: size;
  font: 400 1rem/1.35 system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
  -webkit-tap-highlight-color: transparent;
}
:host([hidden]) { display: none; }
:host(:fullscreen) { background: #000; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }

/* The place of the picture itself: names and words stay on it when the tile has another shape. */
.stage {
  position: absolute; inset: 0; margin: auto; overflow: hidden; background: var(--surface);
  width: min(100cqw, 100cqh * var(--aspect)); height: min(100cqh, 100cqw / var(--aspect));
}
.picture, .picture > * { position: absolute; inset: 0; width: 100%; height: 100%; }
.picture > * { object-fit: contain; display: block; }
/* What is tried decodes below what is shown. */
.picture { isolation: isolate; }
.picture video { z-index: 1; }
.picture video.shown { z-index: 2; }
.picture { font-size: var(--size); transition: filter 150ms linear; }
[data-picture='dimmed'] .picture { filter: brightness(0.45); }
[data-picture='greyed'] .picture { filter: grayscale(1) brightness(0.32); }

/* Above the picture, below what can be pressed on its own. */
.choose {
  position: absolute; inset: 0; width: 100%; height: 100%;
  margin: 0; padding: 0; border: 0; background: none; cursor: pointer;
  outline: 0 solid var(--accent); outline-offset: -3px;
}
.choose:focus-visible { outline-width: 3px; box-shadow: inset 0 0 0 4px var(--page); }

.words {
  position: absolute; inset: 0; margin: 0; pointer-events: none;
  display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 0.3em;
  padding: 2.2em 1.2em; text-align: center; font-size: calc(var(--size) * 1.12);
}
.words > * { max-width: 34em; margin: 0; text-wrap: balance; text-shadow: 0 0 0.25em var(--page), 0 0 0.1em var(--page); }
.detail { color: var(--quiet); }
.action {
  pointer-events: auto; margin-top: 0.6em; padding: 0.4em 1.1em; min-height: 2.2em;
  font: inherit; color: var(--text); text-decoration: none; cursor: pointer;
  background: transparent; border: 1px solid var(--quiet); border-radius: 3px;
}
.action:hover { border-color: var(--text); }
.action:focus-visible, .controls button:focus-visible {
  outline: 3px solid var(--accent); outline-offset: 2px;
}

.progress { position: absolute; left: 0; right: 0; bottom: 0; height: max(2px, 0.4cqh); background: rgb(255 255 255 / 0.12); }
.progress > div { height: 100%; width: 100%; background: var(--accent); transform-origin: left; transition: transform 150ms ease-out; }

.plate {
  position: absolute; margin: 0; max-width: calc(100% - 0.9em); padding: 0.12em 0.5em;
  font-size: var(--size); line-height: 1.45; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
  background: rgb(11 12 14 / 0.72); border-radius: 3px; pointer-events: none;
}
.name { left: 0.45em; bottom: 0.45em; display: flex; gap: 0.6em; }
/* Of a long name the end may be missing, of a number nothing. */
.name b { min-width: 0; overflow: hidden; text-overflow: ellipsis; }
.name span { flex: none; opacity: 0.75; }
.name span:empty { display: none; }
.mark { right: 0.45em; top: 0.45em; }
.mark.alert { background: var(--alert); color: #14090a; font-weight: 600; }
.hint { pointer-events: auto; }

.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@container (max-width: 15rem) or (max-height: 8rem) {
  .detail { display: none; }
  .name span { display: none; }
  .words { padding: 1.9em 0.5em; font-size: var(--size); line-height: 1.25; }
  .action { margin-top: 0.2em; padding: 0 0.7em; min-height: 1.8em; }
}
@container (max-width: 9rem) or (max-height: 5rem) { .title { display: none; } }

@media (prefers-reduced-motion: reduce) { .picture, .progress > div { transition: none; } }
@media (prefers-contrast: more) {
  :host { --quiet: #e3e5e8; --surface: #000; --page: #000; --text: #fff; }
  .plate { background: #000; outline: 1px solid #fff; }
  [data-picture='dimmed'] .picture { filter: brightness(0.25); }
  [data-picture='greyed'] .picture { filter: grayscale(1) brightness(0.18); }
}
@media (forced-colors: active) { .plate { border: 1px solid CanvasText; } }
`;

export const sheet = new CSSStyleSheet();
sheet.replaceSync(CSS);
