import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { html, raw } from 'hono/html';
import { isList } from '../../src/list-text.ts';
import { lineageText } from '../lineage.ts';
import { linePercent } from '../metrics/line-quality.ts';
import { ORDER } from '../metrics/ngram-model.ts';
import { dollars, duration, grouped, percent, several, visible } from './format.ts';
import type { Report } from './report.ts';
import { drawReport } from './report-page.ts';
import { reportStyle } from './report-style.ts';

const require = createRequire(import.meta.url);
const uplot = (file: string): string => readFileSync(require.resolve(`uplot/dist/${file}`), 'utf8').trim();

/** The report as one page that needs nothing else: charts, samples and findings. */
export const reportHtml = (report: Report): string => {
  const title = `${report.started?.model ?? 'A model'}, how it was trained`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${raw(uplot('uPlot.min.css') + reportStyle())}</style>
</head>
<body>
<main>
${[head, figures, verdict, losses, samples, lines, overlap, findings, alphabet, settings].map((part) => part(report))}
<footer>Made by Folio ${report.started?.tools.folio ?? ''}. The same facts for programs: report.json. Losses are nats per character on the held-out last tenth of the text, state carried, unless said otherwise.</footer>
</main>
<script>${raw(validLanguage)}${raw(uplot('uPlot.iife.min.js'))}</script>
<script>(${inScript(drawReport.toString())})(${inScript(JSON.stringify(drawn(report)))}, uPlot)</script>
</body>
</html>
`.toString();
};

/** uPlot makes a number format of the browser's language at once; `Intl` refuses the "C" of WebKitGTK without one. */
const validLanguage = `try { Intl.getCanonicalLocales(navigator.language); } catch { Object.defineProperty(navigator, 'language', { value: 'en' }); }
`;

/** Only what the charts need travels twice. */
const drawn = ({ steps, epochs, gate, preflight, format }: Report): Partial<Report> => ({
  format,
  steps,
  epochs,
  ...(gate === undefined ? {} : { gate }),
  ...(gate === undefined && preflight !== undefined ? { preflight } : {}),
});

type Html = ReturnType<typeof html> | string;

/** Nothing inside ends the script early. */
const inScript = (text: string) => raw(text.replaceAll('</', '<\\/').replaceAll('<!--', '<\\!--'));

const nats = (value: number | undefined, digits = 3): string =>
  value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(digits);

const head = ({ started, version, createdAt, preflight }: Report): Html => {
  const corpus = started?.corpus ?? preflight;
  return html`<header>
<p class="kicker">Folio, report of a training</p>
<h1>${started?.model ?? 'A model'}</h1>
<p class="lead">${version === undefined ? '' : `Version ${version}, `}preset ${started?.preset ?? '–'}, ${started?.parent === undefined ? '' : `from the weights of ${lineageText(started.parent)}, `}${started?.teachers === undefined ? '' : `taught by ${started.teachers.map(lineageText).join(' and ')}, `}trained on ${corpus?.source ?? '–'}${createdAt === undefined ? '' : `, ${createdAt.slice(0, 16).replace('T', ' ')} UTC`}.</p>
</header>`;
};

const figures = ({ started, finished, evaluation, overlap, steps }: Report): Html => {
  const loss = evaluation?.loss ?? finished?.validationLoss;
  const paces = steps.map(({ charactersPerSecond }) => charactersPerSecond).sort((a, b) => a - b);
  const all: [string, string][] = [
    [nats(loss, 4), 'nats per character, held out'],
    [nats(loss === undefined ? undefined : loss / Math.LN2), 'bits per character'],
    ...(evaluation === undefined
      ? []
      : [[percent(evaluation.accuracy), 'of characters guessed right'] as [string, string]]),
    ...(overlap === undefined
      ? []
      : [[percent(overlap.share), `of ${overlap.window}-character windows copied`] as [string, string]]),
    [grouped(started?.parameters ?? 0), 'parameters'],
    [duration(finished?.seconds ?? 0), 'of training'],
    [grouped(paces[paces.length >> 1] ?? 0), 'characters a second'],
  ];
  return html`<section class="figures">${all.map(([value, what]) => html`<div><strong>${value}</strong><span>${what}</span></div>`)}</section>`;
};

const verdict = ({ gate, judgement, warnings, finished }: Report): Html => {
  const statements = [
    ...(gate?.reasons ?? []),
    ...(gate?.remarks ?? []),
    ...(finished === undefined
      ? []
      : [`The weights of epoch ${finished.bestEpoch} are kept, of ${finished.epoch} trained.`]),
    ...warnings.map(({ message }) => message),
  ];
  if (statements.length === 0 && judgement === undefined) return '';
  const title =
    gate === undefined
      ? 'What happened'
      : gate.passed
        ? 'Passed the gate'
        : gate.forced
          ? 'Published by force'
          : 'Kept as a candidate';
  return html`<section class="verdict${gate === undefined || gate.passed ? '' : ' failed'}">
<h2>${title}</h2>
${judgement === undefined ? '' : html`<p>${judgement}</p>`}
<ul>${statements.map((reason) => html`<li>${reason}</li>`)}</ul>
</section>`;
};

const lines = ({ lines: written }: Report): Html => {
  if (written === undefined) return '';
  const { check, valid, corpusValid } = written;
  const facts = [
    [linePercent(written.whole), 'came to their end'],
    ...(valid === undefined
      ? []
      : [[linePercent(valid), `match ${check} (of the corpus ${linePercent(corpusValid ?? 0)})`]]),
    [linePercent(written.unique), 'are different'],
    [linePercent(written.novel), 'do not stand in the corpus'],
  ];
  return html`<section>
<h2>Lines</h2>
<p class="hint">Of ${written.lines} lines written at temperature ${written.temperature}, each from a fresh start:</p>
<div class="figures">${facts.map(([value, what]) => html`<div><strong>${value}</strong><span>${what}</span></div>`)}</div>
${sampleText(written.examples.join('\n'))}
</section>`;
};

const losses = ({ epochs, finished }: Report): Html => {
  const kept = epochs.find(({ epoch }) => epoch === finished?.bestEpoch) ?? epochs.at(-1);
  const chart = (id: string, title: string, label: string) =>
    html`<div><h3>${title}</h3><div id="${id}" role="img" aria-label="${label}"></div></div>`;
  return html`<section>
<h2>Loss</h2>
<p class="hint">Nats per character by optimiser step${kept === undefined ? '' : `: after epoch ${kept.epoch}${kept.epoch === finished?.bestEpoch ? ', whose weights are kept,' : ''} ${nats(kept.loss)} on what it trained on, ${nats(kept.validationLoss, 4)} on what it never saw`}. Drag across a chart to look closer, double-click to go back.</p>
<div id="loss" data-tall role="img" aria-label="Loss by step"></div>
</section>
<section class="three">
${chart('rate', 'Learning rate', 'Learning rate by step')}
${chart('norm', 'Gradient norm, before clipping', 'Gradient norm by step')}
${chart('speed', 'Characters per second', 'Speed by step')}
</section>`;
};

const ROWS = 8; // of a sample that are shown at first
const LIST_WIDTH = 24; // characters of a line of a list

/** A list in columns; of a longer text the first rows, and the rest when it is asked for. */
const sampleText = (text: string): Html => {
  const lines = text.trim().split('\n');
  if (isList(lines, LIST_WIDTH)) return html`<pre class="list">${text.trim()}</pre>`;
  if (lines.length <= ROWS + 1) return html`<pre>${text.trim()}</pre>`;
  const rest = lines.slice(ROWS);
  return html`<pre>${lines.slice(0, ROWS).join('\n')}</pre><details><summary>${several(rest.length, 'line')} more</summary><pre>${rest.join('\n')}</pre></details>`;
};

const samples = ({ samples: all, finished }: Report): Html => {
  if (all.length === 0) return '';
  const epochs = [...new Set(all.map(({ epoch }) => epoch))];
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
  const shown = epochs.find((epoch) => epoch === finished?.bestEpoch) ?? last;
  const card = ({ epoch, temperature, text }: Report['samples'][number]) =>
    html`<div data-epoch="${epoch}"${epoch === shown ? '' : ' hidden'}><h3>${temperature === 0 ? 'Greedy' : `Temperature ${temperature}`}</h3>${sampleText(text)}</div>`;
  return html`<section>
<h2>Samples over time</h2>
<div class="epochs"><label for="epoch">After</label><input id="epoch" type="range" min="${first}" max="${last}" value="${shown}" step="1"><output id="epoch-shown" for="epoch">epoch ${shown}</output></div>
<div class="samples">${all.map(card)}</div>
</section>`;
};

const overlap = ({ overlap: found }: Report): Html =>
  found === undefined
    ? ''
    : html`<section>
<h2>Copied from the corpus</h2>
<p>Of ${grouped(found.windows)} windows of ${found.window} characters that the finished model wrote at temperature ${found.temperature}, ${percent(found.share)} stand verbatim in the corpus.</p>
${sampleText(found.text)}
</section>`;

const findings = ({ preflight }: Report): Html => {
  if (preflight === undefined) return '';
  const { duplicates, estimate } = preflight;
  const rows: [string, string][] = [
    [
      'Size',
      `${grouped(preflight.characters)} characters, ${grouped(preflight.bytes)} bytes in ${preflight.files === 1 ? 'one file' : `${grouped(preflight.files)} files`}`,
    ],
    ['Digest', preflight.digest],
    ['Repeated passages', `${percent(duplicates.share)} of the text stands in it more than once`],
    ['Trigram model', `${nats(estimate.trigramLoss)} nats per character on the last tenth`],
    ['n-gram model', `${nats(estimate.ngramLoss)} nats per character on the same, of order ${ORDER}`],
    [
      'Expected',
      `${nats(estimate.expectedLoss, 2)} nats per character after ${duration(estimate.seconds)} with preset ${estimate.preset}; on Fargate ${dollars(estimate.dollars)}`,
    ],
  ];
  return html`<section>
<h2>The corpus before training</h2>
${preflight.findings.length === 0 ? html`<p>Nothing that deserves attention was found.</p>` : html`<ul>${preflight.findings.map(({ severity, message }) => html`<li class="${severity}">${message}</li>`)}</ul>`}
${table(rows)}
</section>`;
};

const MOST_SHOWN = 400;

const alphabet = ({ preflight }: Report): Html => {
  if (preflight === undefined) return '';
  const sorted = [...preflight.alphabet].sort((a, b) => b.count - a.count);
  const max = Math.log(1 + (sorted[0]?.count ?? 1));
  const cell = ({ character, count }: { character: string; count: number }) =>
    html`<li style="--share:${((28 * Math.log(1 + count)) / max).toFixed(0)}%">${visible(character)}<small>${short(count)}</small></li>`;
  const rest = sorted.length - MOST_SHOWN;
  return html`<section>
<h2>The alphabet</h2>
<p class="hint">${grouped(sorted.length)} characters, the most frequent first, with how often each stands.</p>
<ul class="alphabet">${sorted.slice(0, MOST_SHOWN).map(cell)}</ul>
${rest > 0 ? html`<p class="hint">and ${grouped(rest)} more</p>` : ''}
</section>`;
};

const short = (count: number): string =>
  count.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 2 });

const settings = ({ started }: Report): Html => {
  if (started === undefined) return '';
  const flat = (value: unknown, name: string): [string, string][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, inner]) => flat(inner, name === '' ? key : `${name}.${key}`))
      : [[name, String(value)]];
  return html`<section>
<h2>Settings and tools</h2>
<dl class="settings">${[...flat(started.settings, ''), ...Object.entries(started.tools)].map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>
</section>`;
};

const table = (rows: readonly (readonly [string, string])[]): Html =>
  html`<table class="facts">${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</table>`;
