import { corpusTooSmall, LEAST_CHARACTERS } from '../../src/corpus-size.ts';
import { FolioError } from '../../src/errors.ts';
import type { EvaluatedModel } from '../metrics/held-out.ts';
import { ngramModelOf } from '../metrics/ngram-model.ts';
import { knownShare, leavesBaseOpen } from '../presets/auto.ts';
import { untrainedLoss } from '../presets/untrained-loss.ts';
import type { CorpusListener, ReadResult } from './corpus-reader.ts';
import type { CorpusReport } from './corpus-report.ts';
import { corpusWarnings } from './corpus-warnings.ts';
import { type CutText, cutText } from './cut-text.ts';
import { DuplicateFinder } from './duplicates.ts';
import { estimate } from './estimate.ts';
import type { CorpusKind } from './lines.ts';
import { type RareCharacters, rareCharacters } from './rare-characters.ts';
import { SampledText } from './sampled-text.ts';
import { SecretScanner } from './secrets.ts';
import { textDamage } from './text-damage.ts';
import { textShape } from './text-shape.ts';

/** Characters that the n-gram models are made of and measured on, for the sake of memory. */
const MOST_MEASURED = 2_000_000;
const MOST_TITLES = 100_000;
/** Characters of the part of a list that is held out: fewer measure nothing. */
const LEAST_HELD_OUT = LEAST_CHARACTERS / 20;
/** Files that stand beside a text and are none of it. */
const LICENCE =
  /(?:^|[/\\])(?:licen[cs]e|copying|copyright|notice|authors|changelog|readme)(?:[-.][\w-]*)*$/i;

const CODE_POINTS = 0x110000;

export interface InspectionOptions {
  /** Keeps every character, however rare. */
  readonly keepAll?: boolean;
  /** What the text is, where that is not to be found out. */
  readonly kind?: CorpusKind | 'auto';
  /** The model that `auto` may start from. */
  readonly base?: EvaluatedModel | undefined;
}

/** Inspects a corpus while it is read, in bounded memory (about 60 MB), whatever its size. */
export class CorpusInspector implements CorpusListener {
  readonly #counts = new Float64Array(CODE_POINTS);
  readonly #duplicates = new DuplicateFinder();
  readonly #secrets = new SecretScanner();
  readonly #sample = new SampledText();
  readonly #titles: string[] = [];

  nextFile(title: string): void {
    this.#secrets.nextFile(title);
    if (this.#titles.length < MOST_TITLES) this.#titles.push(title);
  }

  bytes(chunk: Uint8Array): void {
    this.#secrets.push(chunk);
  }

  push(block: Uint32Array, length: number): void {
    for (let at = 0; at < length; at++) this.#counts[block[at]!]!++;
    this.#duplicates.push(block, length);
    this.#sample.push(block, length);
  }

  /**
   * @throws FolioError `corpus_too_small`, or `corpus_invalid` for one character over and over or more control characters than
   * letters
   */
  async finish(
    reading: ReadResult,
    { keepAll = false, kind: asked = 'auto', base }: InspectionOptions = {},
  ): Promise<{ report: CorpusReport; fold: RareCharacters['fold'] }> {
    const counts = new Map<number, number>();
    for (let code = 0; code < CODE_POINTS; code++)
      if (this.#counts[code]! > 0) counts.set(code, this.#counts[code]!);
    const { fold, ...rare } = rareCharacters(counts, keepAll);
    refuseControls(reading, counts);
    const alphabet = foldedAlphabet(counts, fold);
    const characters = alphabet.reduce((sum, { count }) => sum + count, 0);
    refuseTooLittle(characters, alphabet, reading.source);

    const text = this.#text();
    const shape = textShape(text);
    const hasLines = alphabet.some(({ character }) => character === '\n');
    if (asked === 'lines' && !hasLines) throw noLines();
    const asLines = asked === 'lines' || (asked === 'auto' && shape.independent);
    const lines = asLines ? this.#cut(alphabet, fold, 'lines') : undefined;
    const isMeasurable = lines !== undefined && lines.ids.length - lines.heldOutStart >= LEAST_HELD_OUT;
    if (asked === 'lines' && !isMeasurable) throw fewDifferentLines();
    const kind: CorpusKind = isMeasurable ? 'lines' : 'text'; // of a few lines over and over, only the order can be learnt
    const cut = isMeasurable ? lines : this.#cut(alphabet, fold, 'text');
    const training = cut.ids.subarray(0, cut.heldOutStart);
    const { trigramLoss, ngramLoss } = ngramModelOf(training, alphabet.length).losses(
      cut.ids,
      cut.heldOutStart,
    );
    const baseLoss =
      base === undefined || !leavesBaseOpen(characters)
        ? undefined
        : await untrainedLoss(
            base,
            cut,
            alphabet.map(({ character }) => character),
          );
    const facts = { characters, kind, known: knownShare(alphabet), trigramLoss, baseLoss };
    const measured = {
      source: reading.source,
      digest: reading.digest,
      files: reading.files,
      skipped: reading.skipped.map(({ title }) => title),
      skippedFiles: reading.skipped,
      bytes: reading.bytes,
      encoding: reading.encoding,
      characters,
      alphabet,
      byteOrderMarks: reading.cleaned.byteOrderMarks,
      newlines: reading.cleaned.newlines,
      controls: [...reading.cleaned.controls].map(([code, count]) => ({ character: nameOf(code), count })),
      rare,
      shape,
      kind,
      damage: textDamage(text),
      licences: this.#titles.filter((title) => LICENCE.test(title)),
      duplicates: shape.list
        ? { share: shape.repeated, examples: shape.repeats, unit: 'line' as const }
        : { ...this.#duplicates.result(), unit: 'passage' as const },
      secrets: this.#secrets
        .found()
        .map(({ kind, count, source, line }) => ({ code: kind.code, name: kind.name, count, source, line })),
      estimate: estimate(facts, alphabet.length, ngramLoss),
    };
    return { report: { ...measured, findings: corpusWarnings(measured) }, fold };
  }

  /** The sampled text as it stands, its blocks joined. */
  #text(): string {
    return this.#sample
      .blocks()
      .map((block) => {
        let text = '';
        for (let at = 0; at < block.length; at += 4096)
          text += String.fromCodePoint(...block.subarray(at, at + 4096));
        return text;
      })
      .join('');
  }

  /**
   * The sampled text in the ids of its alphabet, less of it where it is very long, and where a training cuts it: lines are shuffled as a
   * training shuffles them.
   */
  #cut(alphabet: CorpusReport['alphabet'], fold: RareCharacters['fold'], kind: CorpusKind): CutText {
    const order = new Map(alphabet.map(({ character }, id) => [character.codePointAt(0)!, id]));
    const unknown = alphabet.length;
    const id = (code: number) => order.get(fold.has(code) ? (fold.get(code)?.[0] ?? -1) : code) ?? unknown;
    const blocks = this.#sample.blocks();
    const chosen = evenly(blocks, Math.ceil(MOST_MEASURED / (blocks[0]?.length ?? 1)));
    const text = chosen.map((block) => Uint16Array.from(block, id).filter((known) => known !== unknown));
    const ids = new Uint16Array(text.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of text) {
      ids.set(block, at);
      at += block.length;
    }
    const characters = alphabet.map(({ character }) => character);
    return cutText(ids, characters, kind);
  }
}

const noLines = (): FolioError =>
  new FolioError(
    'corpus_invalid',
    'The corpus has no newline: it cannot be read as lines. Leave --kind lines out.',
    {
      where: '--kind',
      expected: 'lines, each ending with a newline',
      received: 'one line',
    },
  );

const fewDifferentLines = (): FolioError =>
  new FolioError(
    'corpus_invalid',
    'The corpus is a few lines over and over: none can be kept from the training to measure on. Leave --kind lines out.',
    {
      where: '--kind',
      expected: 'different lines, each less than a twentieth of the text with its copies',
      received: `fewer than ${LEAST_HELD_OUT} characters of such lines`,
    },
  );

/** At most so many of a list, evenly spaced. */
const evenly = <Item>(items: readonly Item[], count: number): readonly Item[] =>
  items.length <= count
    ? items
    : Array.from({ length: count }, (_, at) => items[Math.floor((at * items.length) / count)]!);

const foldedAlphabet = (
  counts: ReadonlyMap<number, number>,
  fold: RareCharacters['fold'],
): { character: string; count: number }[] => {
  const kept = new Map<number, number>();
  for (const [code, count] of counts) {
    for (const target of fold.get(code) ?? [code]) kept.set(target, (kept.get(target) ?? 0) + count);
  }
  return [...kept]
    .sort(([a], [b]) => a - b)
    .map(([code, count]) => ({ character: String.fromCodePoint(code), count }));
};

const refuseControls = ({ cleaned }: ReadResult, counts: ReadonlyMap<number, number>): void => {
  const controls = [...cleaned.controls.values()].reduce((sum, count) => sum + count, 0);
  if (controls === 0) return;
  let letters = 0;
  for (const [code, count] of counts) if (/\p{L}/u.test(String.fromCodePoint(code))) letters += count;
  if (controls <= letters) return;
  throw new FolioError(
    'corpus_invalid',
    `The corpus has ${controls.toLocaleString('en')} control characters and ${letters.toLocaleString('en')} letters: it is not text.`,
    { expected: 'more letters than control characters', received: `${controls} and ${letters}` },
  );
};

const refuseTooLittle = (characters: number, alphabet: CorpusReport['alphabet'], source: string): void => {
  if (characters < LEAST_CHARACTERS) throw corpusTooSmall(characters, source);
  if (alphabet.length < 2)
    throw new FolioError(
      'corpus_invalid',
      'The corpus is one character over and over: nothing can be learnt.',
      {
        expected: 'at least 2 different characters',
        received: `${characters} times ${JSON.stringify(alphabet[0]?.character)}`,
      },
    );
};

/** `U+000C`: control characters are not for printing. */
const nameOf = (code: number): string => `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
