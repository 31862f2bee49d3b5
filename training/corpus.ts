import { createHash } from 'node:crypto';
import { FolioError } from '../src/errors.ts';
import { Cleaner, type Preparation } from './clean.ts';
import { Encoder, type Ids } from './encoder.ts';
import type { PreflightReport } from './preflight.ts';
import { resolveSources } from './sources.ts';
import { Utf8Decoder } from './utf8.ts';

/** A text ready to be trained on. A character is a Unicode code point. */
export interface Corpus {
  /** What was given, for people: `a.txt`, or `a.txt and 3 more`. */
  readonly source: string;
  /** `sha256:…` over the bytes as read, before any preparation. */
  readonly digest: string;
  /** In id order, one code point each. */
  readonly alphabet: readonly string[];
  /** The whole text: [characters]. */
  readonly ids: Ids;
  /** Its first nine tenths: a view. */
  readonly training: Ids;
  /** Its last tenth, never trained on: a view. */
  readonly heldOut: Ids;
}

export interface CorpusOptions {
  readonly preparation?: Preparation;
}

/** Fewer teach nothing. Characters. */
export const LEAST_CHARACTERS = 1000;

/** Where no size is known beforehand, as of standard input. Characters; only address space. */
const UNKNOWN_SIZE = 2 ** 31;

/**
 * Reads, checks and encodes a corpus in one pass.
 *
 * @param given Files, folders, globs, `-` or URLs; several are joined, each ending with a newline.
 * @throws FolioError `corpus_not_found`, `corpus_invalid`, `corpus_too_small`, `corpus_changed`
 */
export const readCorpus = async (
  given: readonly string[],
  { preparation = 'plain' }: CorpusOptions = {},
): Promise<{ corpus: Corpus; preflight: PreflightReport }> => {
  const sources = await resolveSources(given);
  const known = sources.every((source) => source.size !== undefined);
  const size = sources.reduce((sum, source) => sum + (source.size ?? 0) + 1, 0);
  const encoder = new Encoder(known ? size : UNKNOWN_SIZE);
  const cleaner = new Cleaner(preparation);
  const hash = createHash('sha256');
  const newline = new Uint8Array([10]);
  let block = new Uint32Array(0);
  let bytes = 0;

  const take = (decoder: Utf8Decoder, chunk: Uint8Array) => {
    if (block.length < chunk.length) block = new Uint32Array(chunk.length);
    encoder.push(block, cleaner.clean(block, decoder.push(chunk, block)));
  };

  for (const source of sources) {
    const decoder = new Utf8Decoder(source.name);
    if (cleaner.unended) take(decoder, newline);
    cleaner.nextFile();
    for await (const chunk of source.open()) {
      hash.update(chunk);
      bytes += chunk.length;
      take(decoder, chunk);
    }
    decoder.end();
  }

  const counts = encoder.counts();
  const { ids, alphabet } = encoder.finish();
  if (ids.length < LEAST_CHARACTERS)
    throw new FolioError(
      'corpus_too_small',
      `The corpus has ${ids.length} characters; at least ${LEAST_CHARACTERS} are needed, and a million make a good model.`,
      { expected: `at least ${LEAST_CHARACTERS} characters`, received: `${ids.length}` },
    );
  if (alphabet.length < 2)
    throw new FolioError(
      'corpus_invalid',
      'The corpus is one character over and over: nothing can be learnt.',
      {
        expected: 'at least 2 different characters',
        received: `${ids.length} times ${JSON.stringify(alphabet[0])}`,
      },
    );

  const source = describe(sources.map(({ name }) => name));
  const digest = `sha256:${hash.digest('hex')}`;
  const split = Math.floor(ids.length * 0.9);
  return {
    corpus: {
      source,
      digest,
      alphabet,
      ids,
      training: ids.subarray(0, split),
      heldOut: ids.subarray(split),
    },
    preflight: {
      source,
      digest,
      bytes,
      characters: ids.length,
      alphabet: alphabet.map((character) => ({
        character,
        count: counts.get(character.codePointAt(0)!) ?? 0,
      })),
      findings: [],
    },
  };
};

const describe = ([first = 'nothing', ...rest]: readonly string[]): string =>
  rest.length === 0 ? first : `${first} and ${rest.length} more`;
