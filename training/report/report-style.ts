import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** A typeface of the playground inside the page, which fetches nothing. */
const fontFace = (family: string, style: string, weight: string, file: string): string => {
  const data = readFileSync(require.resolve(file)).toString('base64');
  return `@font-face { font-family: "${family}"; font-style: ${style}; font-weight: ${weight}; src: url("data:font/woff2;base64,${data}") format("woff2"); }\n`;
};

/** How report.html looks: the playground's colours and typefaces, light and dark. */
export const reportStyle = (): string =>
  fontFace(
    'EB Garamond',
    'normal',
    '400 800',
    '@fontsource-variable/eb-garamond/files/eb-garamond-latin-wght-normal.woff2',
  ) +
  fontFace(
    'IM Fell English',
    'italic',
    '400',
    '@fontsource/im-fell-english/files/im-fell-english-latin-400-italic.woff2',
  ) +
  style;

const style = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#f4eddf, #15110d);
  --sheet: light-dark(#fffdf7, #1e1914);
  --ink: light-dark(#241d16, #ece1cd);
  --faded: light-dark(#6a5b48, #ab9c85);
  --rule: light-dark(#e3d9c6, #342c23);
  --edge: light-dark(#8b7a61, #857660);
  --red: light-dark(#97281d, #ec8b78);
  --blue: light-dark(#2f5573, #8fb8d4);
  --text: "EB Garamond", "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", Georgia, serif;
  --display: "IM Fell English", "EB Garamond", Georgia, serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 18px/1.5 var(--text); font-variant-numeric: oldstyle-nums; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { margin: 0; font: italic 400 3rem/1.05 var(--display); color: var(--red); overflow-wrap: anywhere; }
h2 { margin: 0 0 .25rem; font: italic 400 1.5rem/1.25 var(--display); color: var(--red); }
h3 { margin: 0 0 .25rem; font-size: 1rem; font-weight: 600; }
p { margin: 0 0 .75rem; }
.lead, .hint { color: var(--faded); }
.hint { font-size: .95rem; }
section { margin-top: 1.25rem; padding: 1.25rem 1.5rem; background: var(--sheet); border: 1px solid var(--rule); border-radius: 3px; }
/* Cells of a row that is not full share its width: none stays empty. */
.figures { display: flex; flex-wrap: wrap; padding: 0; overflow: hidden; }
.figures div { flex: 1 1 12.5rem; padding: 1rem 1.5rem; box-shadow: 0 0 0 1px var(--rule); }
.figures strong { display: block; font-size: 1.7rem; font-weight: 500; line-height: 1.2; font-variant-numeric: tabular-nums; }
.figures span { color: var(--faded); font-size: .95rem; }
.three { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1.25rem; }
.three > * { min-width: 0; }
.verdict { border-left: 4px solid var(--blue); }
.verdict.failed { border-left-color: var(--red); }
ul { margin: 0; padding-left: 1.2rem; }
li.warning::marker { content: "! "; color: var(--red); font-weight: 700; }
pre { margin: 0; padding: .75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font: .84rem/1.5 var(--mono); background: var(--paper); border-radius: 4px; }
.samples { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem; }
pre.list { columns: 9rem; column-gap: 1.5rem; }
details > pre { padding-top: 0; }
summary { padding: 0 1rem .5rem; color: var(--red); background: var(--paper); cursor: pointer; font-style: italic; }
details[open] > summary { display: none; }
.epochs { display: flex; align-items: center; gap: 1rem; margin: .5rem 0 1rem; }
.epochs input { flex: 1; accent-color: var(--red); min-width: 6rem; }
.epochs output { min-width: 13rem; font-variant-numeric: tabular-nums; }
.alphabet { display: flex; flex-wrap: wrap; gap: 4px; margin: .75rem 0 0; padding: 0; list-style: none; }
.alphabet li { min-width: 2.1rem; padding: .15rem .35rem .1rem; text-align: center; border: 1px solid var(--rule); border-radius: 3px; font: .95rem/1.35 var(--mono); background: color-mix(in srgb, var(--red) var(--share), transparent); }
.alphabet small { display: block; font: .68rem/1.2 var(--text); font-variant-numeric: tabular-nums; }
table.facts { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.facts th { text-align: left; font-weight: 400; color: var(--faded); white-space: nowrap; padding-right: 1.5rem; vertical-align: top; }
.facts :is(td, th) { padding-block: .2rem; border-top: 1px solid var(--rule); }
.facts tr:first-child > * { border-top: 0; }
.facts td { overflow-wrap: anywhere; }
.settings { columns: 18rem; column-gap: 2.5rem; margin: .5rem 0 0; }
.settings div { display: flex; justify-content: space-between; gap: 1rem; padding: .2rem 0; border-bottom: 1px solid var(--rule); break-inside: avoid; }
.settings dt { color: var(--faded); }
.settings dd { margin: 0; text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.kicker { margin: 0; color: var(--faded); font-style: italic; }
.u-legend { font: .9rem var(--text) !important; color: var(--faded); text-align: left !important; }
.u-legend .u-marker { border-radius: 2px; }
.u-legend .u-value { color: var(--ink); font-variant-numeric: tabular-nums; }
[hidden] { display: none !important; }
footer { margin-top: 1.5rem; color: var(--faded); font-size: .95rem; }
a { color: var(--red); }
@media (max-width: 40rem) {
  .figures div { flex-basis: 9rem; padding: .8rem 1rem; }
  h1 { font-size: 2.3rem; }
  section:not(.figures) { padding: 1rem; }
  .epochs { flex-wrap: wrap; }
}
@media print { body { background: none; } section { break-inside: avoid; } .epochs { display: none; } }
`;
