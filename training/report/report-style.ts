/** How report.html looks: the playground's colours, light and dark. */
export const reportStyle = `
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
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.5 var(--text); }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { margin: 0; font-size: 2.4rem; font-weight: 500; line-height: 1.15; }
h2 { margin: 0 0 .25rem; font-size: 1.35rem; font-weight: 500; font-style: italic; color: var(--red); }
h3 { margin: 0 0 .25rem; font-size: 1rem; font-weight: 600; }
p { margin: 0 0 .75rem; }
.lead, .hint { color: var(--faded); }
.hint { font-size: .95rem; }
section { margin-top: 1.25rem; padding: 1.25rem 1.5rem; background: var(--sheet); border: 1px solid var(--rule); border-radius: 6px; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1px; padding: 0; overflow: hidden; }
.figures div { padding: 1rem 1.5rem; box-shadow: 0 0 0 1px var(--rule); }
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
  .figures { grid-template-columns: 1fr 1fr; }
  .figures div { padding: .8rem 1rem; }
  h1 { font-size: 1.9rem; }
  section:not(.figures) { padding: 1rem; }
  .epochs { flex-wrap: wrap; }
}
@media print { body { background: none; } section { break-inside: avoid; } .epochs { display: none; } }
`;
