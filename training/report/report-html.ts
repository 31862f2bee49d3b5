import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dollars, duration, grouped, percent, visible } from './format.ts';
import type { Report } from './report.ts';
import { drawReport } from './report-page.ts';
import { reportStyle } from './report-style.ts';

const require = createRequire(import.meta.url);
const uplot = (file: string): string => readFileSync(require.resolve(`uplot/dist/${file}`), 'utf8').trim();

/** The report as one page that needs nothing else: charts, samples and findings. */
export const reportHtml = (report: Report): string => {
  const title = `${report.started?.model ?? 'A model'}, how it was trained`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${quoted(title)}</title>
<style>${uplot('uPlot.min.css')}${reportStyle}</style>
</head>
<body>
<main>
${[head, figures, verdict, losses, samples, overlap, findings, alphabet, settings].map((part) => part(report)).join('\n')}
<footer>Made by Folio ${quoted(report.started?.tools.folio ?? '')}. The same facts for programs: report.json. Losses are nats per character on the held-out last tenth of the text, state carried, unless said otherwise.</footer>
</main>
<script>${uplot('uPlot.iife.min.js')}</script>
<script>(${inScript(drawReport.toString())})(${inScript(JSON.stringify(drawn(report)))}, uPlot)</script>
</body>
</html>
`;
};

/** Only what the charts need travels twice. */
const drawn = ({ steps, epochs, gate, preflight, format }: Report): Partial<Report> => ({
  format,
  steps,
  epochs,
  ...(gate === undefined ? {} : { gate }),
  ...(gate === undefined && preflight !== undefined ? { preflight } : {}),
});

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const quoted = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character]!);
/** Nothing inside ends the script early. */
const inScript = (text: string): string => text.replaceAll('</', '<\\/').replaceAll('<!--', '<\\!--');

const nats = (value: number | undefined, digits = 3): string =>
  value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(digits);

const head = ({ started, version, createdAt, preflight }: Report): string => {
  const corpus = started?.corpus ?? preflight;
  return `<header>
<p class="kicker">Folio, report of a training</p>
<h1>${quoted(started?.model ?? 'A model')}</h1>
<p class="lead">${version === undefined ? '' : `Version ${quoted(version)}, `}preset ${quoted(started?.preset ?? '–')}, trained on ${quoted(corpus?.source ?? '–')}${createdAt === undefined ? '' : `, ${quoted(createdAt.slice(0, 16).replace('T', ' '))} UTC`}.</p>
</header>`;
};

const figures = ({ started, finished, evaluation, overlap, steps }: Report): string => {
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
  return `<section class="figures">${all.map(([value, what]) => `<div><strong>${quoted(value)}</strong><span>${quoted(what)}</span></div>`).join('')}</section>`;
};

const verdict = ({ gate, warnings, finished }: Report): string => {
  const told = [
    ...(gate?.reasons ?? []),
    ...(finished === undefined
      ? []
      : [`The weights of epoch ${finished.bestEpoch} are kept, of ${finished.epoch} trained.`]),
    ...warnings.map(({ message }) => message),
  ];
  if (told.length === 0) return '';
  const title =
    gate === undefined
      ? 'What happened'
      : gate.passed
        ? 'Fit to be published'
        : gate.forced
          ? 'Published by force'
          : 'Kept as a candidate';
  return `<section class="verdict${gate === undefined || gate.passed ? '' : ' failed'}">
<h2>${title}</h2>
<ul>${told.map((reason) => `<li>${quoted(reason)}</li>`).join('')}</ul>
</section>`;
};

const losses = ({ epochs }: Report): string => {
  const last = epochs.at(-1);
  const best = epochs.reduce(
    (least, { validationLoss }) => Math.min(least, validationLoss),
    Number.POSITIVE_INFINITY,
  );
  const chart = (id: string, title: string, label: string) =>
    `<div><h3>${title}</h3><div id="${id}" role="img" aria-label="${label}"></div></div>`;
  return `<section>
<h2>Loss</h2>
<p class="hint">Nats per character by optimiser step${last === undefined ? '' : `: ${nats(last.loss)} on what it trained on at the end, ${nats(best, 4)} at best on what it never saw`}. Drag across a chart to look closer, double-click to go back.</p>
<div id="loss" data-tall role="img" aria-label="Loss by step"></div>
</section>
<section class="three">
${chart('rate', 'Learning rate', 'Learning rate by step')}
${chart('norm', 'Gradient norm, before clipping', 'Gradient norm by step')}
${chart('speed', 'Characters per second', 'Speed by step')}
</section>`;
};

const samples = ({ samples: all }: Report): string => {
  if (all.length === 0) return '';
  const epochs = [...new Set(all.map(({ epoch }) => epoch))];
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
  const leaf = ({ epoch, temperature, text }: Report['samples'][number]) =>
    `<div data-epoch="${epoch}"${epoch === last ? '' : ' hidden'}><h3>${temperature === 0 ? 'Greedy' : `Temperature ${temperature}`}</h3><pre>${quoted(text)}</pre></div>`;
  return `<section>
<h2>Samples over time</h2>
<div class="turn"><label for="epoch">After</label><input id="epoch" type="range" min="${first}" max="${last}" value="${last}" step="1"><output id="epoch-told" for="epoch">epoch ${last}</output></div>
<div class="samples">${all.map(leaf).join('')}</div>
</section>`;
};

const overlap = ({ overlap: found }: Report): string =>
  found === undefined
    ? ''
    : `<section>
<h2>Its own words, or the corpus's?</h2>
<p>Of ${grouped(found.windows)} windows of ${found.window} characters that the finished model wrote at temperature ${found.temperature}, ${percent(found.share)} stand verbatim in the corpus.</p>
<pre>${quoted(found.text)}</pre>
</section>`;

const findings = ({ preflight }: Report): string => {
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
    [
      'Expected',
      `${nats(estimate.expectedLoss, 2)} nats per character after ${duration(estimate.seconds)} with preset ${estimate.preset}; on Fargate ${dollars(estimate.dollars)}`,
    ],
  ];
  return `<section>
<h2>The corpus, looked over beforehand</h2>
${preflight.findings.length === 0 ? '<p>Nothing that deserves attention was found.</p>' : `<ul>${preflight.findings.map(({ severity, message }) => `<li class="${severity}">${quoted(message)}</li>`).join('')}</ul>`}
${table(rows)}
</section>`;
};

const MOST_SHOWN = 400;

const alphabet = ({ preflight }: Report): string => {
  if (preflight === undefined) return '';
  const sorted = [...preflight.alphabet].sort((a, b) => b.count - a.count);
  const most = Math.log(1 + (sorted[0]?.count ?? 1));
  const cell = ({ character, count }: { character: string; count: number }) =>
    `<li style="--share:${((28 * Math.log(1 + count)) / most).toFixed(0)}%">${quoted(visible(character))}<small>${short(count)}</small></li>`;
  const rest = sorted.length - MOST_SHOWN;
  return `<section>
<h2>The alphabet</h2>
<p class="hint">${grouped(sorted.length)} characters, the most frequent first, with how often each stands.</p>
<ul class="alphabet">${sorted.slice(0, MOST_SHOWN).map(cell).join('')}</ul>
${rest > 0 ? `<p class="hint">and ${grouped(rest)} more</p>` : ''}
</section>`;
};

const short = (count: number): string =>
  count.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 2 });

const settings = ({ started }: Report): string => {
  if (started === undefined) return '';
  const flat = (value: unknown, name: string): [string, string][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, inner]) => flat(inner, name === '' ? key : `${name}.${key}`))
      : [[name, String(value)]];
  return `<section>
<h2>Settings and tools</h2>
<dl class="settings">${[...flat(started.settings, ''), ...Object.entries(started.tools)]
    .map(([name, value]) => `<div><dt>${quoted(name)}</dt><dd>${quoted(value)}</dd></div>`)
    .join('')}</dl>
</section>`;
};

const table = (rows: readonly (readonly [string, string])[]): string =>
  `<table class="facts">${rows.map(([name, value]) => `<tr><th scope="row">${quoted(name)}</th><td>${quoted(value)}</td></tr>`).join('')}</table>`;
