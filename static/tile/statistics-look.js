/** How the statistics look. */

const CSS = `
.statistics {
  position: absolute; top: 0; left: 0; max-height: 100%; width: min(100%, 27rem); overflow: auto;
  padding: 0.9rem 1rem 1rem; font-size: 0.8125rem; line-height: 1.5;
  background: rgb(11 12 14 / 0.88); scrollbar-width: thin; scrollbar-color: var(--quiet) transparent;
}
.statistics dl { display: grid; grid-template-columns: 6.4rem 1fr; gap: 0.05rem 0.7rem; margin: 0; }
.statistics dt, .statistics ol { color: var(--quiet); }
.statistics dd { margin: 0; overflow-wrap: anywhere; }
.statistics canvas { display: block; width: 100%; height: 3rem; margin: 0 0 0.6rem; }
.statistics header { display: flex; align-items: baseline; justify-content: space-between; gap: 1rem; margin: 0 0 0.5rem; }
.statistics h2 { margin: 0; font-size: 0.9375rem; font-weight: 600; overflow: hidden; text-overflow: ellipsis; }
.statistics h3 { margin: 0.7rem 0 0.1rem; font-size: inherit; font-weight: 400; color: var(--text); }
.statistics ol { margin: 0; padding: 0; list-style: none; }
.statistics button {
  flex: none; padding: 0.15rem 0.6rem; font: inherit; color: var(--text); cursor: pointer;
  background: transparent; border: 1px solid var(--quiet); border-radius: 3px;
}
.statistics button:hover { border-color: var(--text); }

@container (max-width: 25rem) { .statistics { font-size: 0.75rem; padding: 0.6rem 0.7rem; } .statistics dl { grid-template-columns: 5.6rem 1fr; } }

@media (prefers-contrast: more) { .statistics { background: #000; outline: 1px solid #fff; } }
@media (forced-colors: active) { .statistics { border: 1px solid CanvasText; } }
`;

export const statisticsSheet = new CSSStyleSheet();
statisticsSheet.replaceSync(CSS);
