import type { Finding, PreflightReport } from './preflight.ts';
import { KEPT_WHOLE } from './rare.ts';

/** Below this, a model learns words badly. Characters. */
const SMALL = 100_000;
/** A share of copied text above which it is worth looking: held-out text may then stand in the training part. */
const DUPLICATED = 0.05;

const number = (value: number): string => value.toLocaleString('en');
const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const times = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`;

/** Says in sentences what deserves attention, warnings first. */
export const findingsOf = (report: Omit<PreflightReport, 'findings'>): Finding[] => {
  const found: (Finding | false)[] = [
    ...report.secrets.map(
      ({ code, name, count, source, line }): Finding => ({
        severity: 'warning',
        code,
        message: `Possible ${name}, ${times(count, 'time')}, first in ${source}, line ${line}: a model can recite what it was trained on.`,
      }),
    ),
    report.characters < SMALL && {
      severity: 'warning',
      code: 'small',
      message: `${number(report.characters)} characters are few: from about ${number(SMALL)} the text is worth reading, from a million it is good.`,
    },
    report.duplicates.share > DUPLICATED && {
      severity: 'warning',
      code: 'duplicates',
      message: `About ${percent(report.duplicates.share)} of the text stands in it more than once; losses measured on the last tenth flatter then.`,
    },
    report.controls.length > 0 && {
      severity: 'warning',
      code: 'control_characters',
      message: `${times(
        report.controls.reduce((sum, { count }) => sum + count, 0),
        'control character',
      )} left out: ${report.controls.map(({ character, count }) => `${character} x ${number(count)}`).join(', ')}.`,
    },
    report.rare.limit > 0 && {
      severity: 'note',
      code: 'rare_characters',
      message: `The alphabet is beyond ${KEPT_WHOLE}: of characters that stand at most ${times(report.rare.limit, 'time')}, ${number(report.rare.folded.characters)} are folded to a plain form (${times(report.rare.folded.occurrences, 'occurrence')}) and ${number(report.rare.dropped.characters)} left out (${number(report.rare.dropped.occurrences)}).`,
    },
    report.newlines.crlf + report.newlines.cr > 0 && {
      severity: 'note',
      code: 'newlines',
      message: `${times(report.newlines.crlf, 'CR LF newline')} and ${times(report.newlines.cr, 'lone CR', 'lone CRs')} become LF.`,
    },
    report.byteOrderMarks > 0 && {
      severity: 'note',
      code: 'byte_order_mark',
      message: `${times(report.byteOrderMarks, 'byte order mark')} left out.`,
    },
  ];
  return found.filter((finding) => finding !== false);
};
