import { grouped, percent, several, visible } from '../report/format.ts';
import type { CorpusReport, CorpusWarning } from './corpus-report.ts';
import { KEPT_WHOLE } from './rare-characters.ts';

/** Below this, a model learns words badly. Characters. */
const SMALL = 100_000;
/** The same of a list: of 1,100 names a model finds a third of those kept from it (docs/recipes.md). Lines. */
const SHORT_LIST = 1000;
/**
 * Below this, where no n-gram model teaches it, running text from fresh weights may not beat its trigram model. From here on one
 * teaches: code of 10 kB was at 2.31 nats per character, its trigram model at 2.79. Characters.
 */
const HARDLY_ENOUGH = 10_000;
/** A share of copied text above which it is worth looking: held-out text may then stand in the training part. */
const DUPLICATED = 0.05;

const FEW = 3; // of damaged characters, which may be chance
/** Share of the spaces: some languages put them before marks. */
const NO_BREAK_SPACES = 0.1;
const ENTITIES = 1 / 2000; // a character
const MOST_SHOWN = 40;

const shownRare = (list: string): string => {
  if (list === '') return '';
  const characters = [...list];
  return `: ${characters.slice(0, MOST_SHOWN).map(visible).join(' ')}${characters.length > MOST_SHOWN ? ' …' : ''}`;
};

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
    report.kind === 'lines' &&
      report.shape.lines < SHORT_LIST && {
        severity: 'warning',
        code: 'small',
        message: `${several(report.shape.lines, 'line')} are few: a list is worth training on from about ${grouped(SHORT_LIST)}.`,
      },
    report.kind === 'text' &&
      report.characters < SMALL && {
        severity: 'warning',
        code: 'small',
        message: `${grouped(report.characters)} characters are few: from about ${grouped(SMALL)} the text is worth reading, from a million it is good.`,
      },
    report.kind === 'text' &&
      !report.estimate.fromBase &&
      report.characters < HARDLY_ENOUGH && {
        severity: 'warning',
        code: 'gate',
        message: `From fresh weights, ${grouped(report.characters)} characters hardly teach more than a trigram model of them knows: the gate may refuse the model. More text helps, or a model of such text to start from (--from).`,
      },
    report.estimate.expectedLoss >= report.estimate.trigramLoss && {
      severity: 'warning',
      code: 'gate',
      message: `A training is expected to reach ${report.estimate.expectedLoss.toFixed(2)} nats per character, a trigram model of the text has ${report.estimate.trigramLoss.toFixed(2)}: the gate would refuse the model. More text helps.`,
    },
    report.duplicates.share > DUPLICATED && {
      severity: 'warning',
      code: 'duplicates',
      message: `About ${percent(report.duplicates.share)} of the text ${report.duplicates.unit === 'line' ? 'is lines that stand' : 'stands'} in it more than once; losses measured on the last tenth flatter then.`,
    },
    report.damage.replaced > 0 && {
      severity: 'warning',
      code: 'replacement_characters',
      message: `${several(report.damage.replaced, 'replacement character')} (U+FFFD): an earlier conversion lost what stood there; get the text anew if you can.`,
    },
    report.damage.misread.count >= FEW && {
      severity: 'warning',
      code: 'misread_utf8',
      message: `${several(report.damage.misread.count, 'character')} look like UTF-8 that was read as Windows-1252, such as ${report.damage.misread.examples.map(({ shown, meant }) => `${shown} for ${meant}`).join(', ')}: repair it with \`ftfy FILE\`, or with \`iconv -f UTF-8 -t WINDOWS-1252 FILE\` where all of it is so.`,
    },
    Math.min(report.damage.decomposed, report.damage.composed) >= FEW && {
      severity: 'warning',
      code: 'normal_forms',
      message: `Mixed normal forms: ${several(report.damage.composed, 'letter')} with marks are one character (NFC), ${grouped(report.damage.decomposed)} are a letter and marks (NFD), and are learnt apart: make them one with \`uconv -x any-nfc FILE\`.`,
    },
    report.damage.decomposed >= FEW &&
      report.damage.composed < FEW && {
        severity: 'warning',
        code: 'decomposed_letters',
        message: `${several(report.damage.decomposed, 'letter')} with marks are a letter and marks (NFD), where what people type is one character (NFC): make them one with \`uconv -x any-nfc FILE\`.`,
      },
    report.damage.invisible >= FEW && {
      severity: 'warning',
      code: 'invisible_characters',
      message: `${several(report.damage.invisible, 'invisible character')} (zero width spaces, soft hyphens and the like) are learnt as letters are: remove them with \`perl -CSD -pe 's/[\\x{ad}\\x{200b}\\x{2060}\\x{feff}]//g' FILE\`.`,
    },
    report.damage.noBreakSpaces > NO_BREAK_SPACES * report.damage.spaces && {
      severity: 'warning',
      code: 'no_break_spaces',
      message: `${grouped(report.damage.noBreakSpaces)} of ${several(report.damage.spaces, 'space')} are no-break spaces (U+00A0), another character to a model: \`perl -CSD -pe 's/\\x{a0}/ /g' FILE\`.`,
    },
    report.shape.markup?.kind !== 'HTML' &&
      report.shape.markup?.kind !== 'XML' &&
      report.damage.entities.count > ENTITIES * report.characters && {
        severity: 'warning',
        code: 'entities',
        message: `${several(report.damage.entities.count, 'character')} are written as HTML writes them, such as ${report.damage.entities.examples.join(', ')}: \`python3 -c 'import html,sys; sys.stdout.write(html.unescape(sys.stdin.read()))' < FILE\`.`,
      },
    report.damage.gutenberg && {
      severity: 'warning',
      code: 'gutenberg',
      message: `Project Gutenberg's header or licence stands around the text: \`sed '1,/^\\*\\*\\* *START OF/d; /^\\*\\*\\* *END OF/,$d' FILE\` leaves the text alone.`,
    },
    report.shape.markup !== undefined && {
      severity: 'warning',
      code: 'markup',
      message: `This is ${report.shape.markup.kind}, and its punctuation is learnt too. To train on the text alone: \`${report.shape.markup.command} > text.txt\`.`,
    },
    report.shape.sorted &&
      report.kind === 'text' && {
        severity: 'warning',
        code: 'sorted_lines',
        message: `The ${several(report.shape.lines, 'line')} are sorted: the last tenth, which is held out, begins with other letters than those learnt. \`--kind lines\` shuffles them.`,
      },
    report.kind === 'lines' && {
      severity: 'note',
      code: 'lines',
      message: `This is a list: every line is learnt by itself. Lines are shuffled before the last tenth is held out; \`--kind text\` keeps their order.`,
    },
    report.licences.length > 0 &&
      report.files > 1 && {
        severity: 'note',
        code: 'licence_files',
        message: `Among the files: ${report.licences.slice(0, 3).join(', ')}${report.licences.length > 3 ? ' …' : ''}. Leave them out if they are not part of the text.`,
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
      message: `The alphabet is beyond ${KEPT_WHOLE}: of characters that stand at most ${several(report.rare.limit, 'time')}, ${grouped(report.rare.folded.characters)} are folded to a plain form (${several(report.rare.folded.occurrences, 'occurrence')}) and ${grouped(report.rare.dropped.characters)} left out (${several(report.rare.dropped.occurrences, 'occurrence')})${shownRare(report.rare.dropped.list)}. \`--alphabet all\` keeps every character.`,
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
