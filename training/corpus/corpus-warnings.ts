import { grouped, percent, several } from '../report/format.ts';
import type { CorpusReport, CorpusWarning } from './corpus-report.ts';
import { KEPT_WHOLE } from './rare-characters.ts';

/** Below this, a model learns words badly. Characters. */
const SMALL = 100_000;
/** A share of copied text above which it is worth looking: held-out text may then stand in the training part. */
const DUPLICATED = 0.05;

/** Says in sentences what deserves attention, warnings first. */
export const corpusWarnings = (report: Omit<CorpusReport, 'findings'>): CorpusWarning[] => {
  const found: (CorpusWarning | false)[] = [
    ...report.secrets.map(
      ({ code, name, count, source, line }): CorpusWarning => ({
        severity: 'warning',
        code,
        message: `Possible ${name}, ${several(count, 'time')}, first in ${source}, line ${line}: a model can recite what it was trained on.`,
      }),
    ),
    report.characters < SMALL && {
      severity: 'warning',
      code: 'small',
      message: `${grouped(report.characters)} characters are few: from about ${grouped(SMALL)} the text is worth reading, from a million it is good.`,
    },
    report.duplicates.share > DUPLICATED && {
      severity: 'warning',
      code: 'duplicates',
      message: `About ${percent(report.duplicates.share)} of the text stands in it more than once; losses measured on the last tenth flatter then.`,
    },
    report.controls.length > 0 && {
      severity: 'warning',
      code: 'control_characters',
      message: `${several(
        report.controls.reduce((sum, { count }) => sum + count, 0),
        'control character',
      )} left out: ${report.controls.map(({ character, count }) => `${character} x ${grouped(count)}`).join(', ')}.`,
    },
    report.skipped.length > 0 && {
      severity: 'note',
      code: 'skipped_files',
      message: `${several(report.skipped.length, 'file')} left out, as not text: ${report.skippedFiles
        .slice(0, 3)
        .map(({ title, reason }) => `${title} is ${reason}`)
        .join('; ')}${report.skipped.length > 3 ? '; …' : ''}.`,
    },
    report.rare.limit > 0 && {
      severity: 'note',
      code: 'rare_characters',
      message: `The alphabet is beyond ${KEPT_WHOLE}: of characters that stand at most ${several(report.rare.limit, 'time')}, ${grouped(report.rare.folded.characters)} are folded to a plain form (${several(report.rare.folded.occurrences, 'occurrence')}) and ${grouped(report.rare.dropped.characters)} left out (${grouped(report.rare.dropped.occurrences)}).`,
    },
    report.newlines.crlf + report.newlines.cr > 0 && {
      severity: 'note',
      code: 'newlines',
      message: `${several(report.newlines.crlf, 'CR LF newline')} and ${several(report.newlines.cr, 'lone CR', 'lone CRs')} become LF.`,
    },
    report.byteOrderMarks > 0 && {
      severity: 'note',
      code: 'byte_order_mark',
      message: `${several(report.byteOrderMarks, 'byte order mark')} left out.`,
    },
  ];
  return found.filter((finding) => finding !== false);
};
