import { wrapText } from '../../src/wrap-text.ts';
import { ORDER } from '../metrics/ngram-model.ts';
import { dollars, duration, grouped, percent, several, visible } from '../report/format.ts';
import type { CorpusReport } from './corpus-report.ts';
import { FARGATE_PRICE } from './estimate.ts';

const SHOWN = 120; // characters of the alphabet

const LABEL = 11; // characters before each row's text

/**
 * The report for a terminal.
 *
 * @param width Of the terminal, in characters. Default: no row is broken.
 */
export const corpusReportText = (report: CorpusReport, width = Number.POSITIVE_INFINITY): string => {
  const { alphabet, estimate, duplicates } = report;
  const rows: [string, string][] = [
    ['corpus', `${report.source}${report.files > 1 ? ` (${several(report.files, 'file')})` : ''}`],
    [
      'size',
      `${grouped(report.characters)} characters, ${grouped(report.bytes)} bytes, valid ${report.encoding.toUpperCase()}`,
    ],
    ['digest', report.digest],
    ['alphabet', `${several(alphabet.length, 'character')}, most frequent first:`],
    ['', byFrequency(report)],
    [
      'kind',
      report.kind === 'lines' ? `${grouped(report.shape.lines)} lines, each by itself` : 'running text',
    ],
    [
      'repeated',
      `${percent(duplicates.share)} of the text ${duplicates.unit === 'line' ? 'is lines that stand' : 'stands'} in it more than once`,
    ],
    ...duplicates.examples
      .filter(() => duplicates.share > 0.01)
      .map(({ text, count }): [string, string] => ['', `${grouped(count)} x ${JSON.stringify(text)}`]),
    [
      'suggested',
      `--preset ${estimate.preset} (the default): ${estimate.fromBase ? 'from the weights of the model that ships' : `fresh weights, ${estimate.units.join(' and ')} units`}; ${estimate.why}`,
    ],
    [
      'time',
      `about ${duration(estimate.seconds)} on two cores (${grouped(estimate.charactersPerSecond)} characters/s)`,
    ],
    [
      'on Fargate',
      `${dollars(estimate.dollars)}, or ${dollars(estimate.spotDollars)} on Spot (4 vCPU, 8 GB, us-east-1, prices of ${FARGATE_PRICE.month})`,
    ],
    [
      'loss',
      `about ${estimate.expectedLoss.toFixed(2)} nats per character expected (${estimate.expectedLossRange.map((loss) => loss.toFixed(2)).join(' to ')}); a trigram model has ${estimate.trigramLoss.toFixed(2)}, an n-gram model of order ${ORDER} has ${estimate.ngramLoss.toFixed(2)}`,
    ],
  ];
  const fitted = (text: string, indent: number) => wrapText(text, width, { indent, cutWords: false });
  const table = rows.flatMap(([name, text]) => fitted(name.padEnd(LABEL) + text, LABEL)).join('\n');
  const findings = report.findings.flatMap(({ severity, message }) => fitted(`${severity}: ${message}`, 2));
  return findings.length === 0 ? table : `${table}\n\n${findings.join('\n')}`;
};

const byFrequency = ({ alphabet }: CorpusReport): string => {
  const sorted = [...alphabet].sort((a, b) => b.count - a.count);
  const shown = sorted.slice(0, SHOWN).map(({ character }) => visible(character));
  const rest = sorted.length - shown.length;
  return shown.join(' ') + (rest > 0 ? ` and ${grouped(rest)} more` : '');
};
