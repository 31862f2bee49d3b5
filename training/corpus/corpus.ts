import type { EvaluatedModel } from '../metrics/held-out.ts';
import type { Preparation } from './clean.ts';
import { CorpusInspector } from './corpus-inspector.ts';
import { readCorpusOnce } from './corpus-reader.ts';
import type { CorpusReport } from './corpus-report.ts';
import { cutText } from './cut-text.ts';
import { Encoder, type Ids } from './encoder.ts';
import type { CorpusKind } from './lines.ts';
import { resolveSources } from './sources.ts';
import { encodingLabel } from './text-decoder.ts';

/** A text ready to be trained on. A character is a Unicode code point. */
export interface Corpus {
  /** What was given, for people: `a.txt`, or `a.txt and 3 more`. */
  readonly source: string;
  /** `sha256:…` over the bytes as read, before any preparation. */
  readonly digest: string;
  /** In id order, which is that of code points; one each. */
  readonly alphabet: readonly string[];
  /** The whole text, of lines in a shuffled order: [characters]. */
  readonly ids: Ids;
  readonly kind: CorpusKind;
  /** Its first nine tenths: a view. */
  readonly training: Ids;
  /** Its last tenth, never trained on: a view. */
  readonly heldOut: Ids;
}

export interface CorpusOptions {
  /** Default `plain`. */
  readonly preparation?: Preparation;
  /** `all` keeps every character, however rare. Default: rare ones are folded or dropped. */
  readonly alphabet?: 'common' | 'all' | undefined;
  /** Of the files: a name of the Encoding Standard, or `cesu-8`. Default UTF-8. */
  readonly encoding?: string | undefined;
  /** Running text or single lines. Default `auto`: found from the text. */
  readonly kind?: CorpusKind | 'auto' | undefined;
  /** The model that `auto` may start from: it is measured on the text. Default: none. */
  readonly base?: EvaluatedModel | undefined;
}

/** Where no size is known beforehand, as of standard input. Characters; address space, not memory. */
const UNKNOWN_SIZE = 2 ** 31;

/**
 * Reads, checks and encodes a corpus in one pass; the ids are all that stays in memory.
 *
 * @param given Files, folders, globs, `-`, http(s) and s3 URLs; several are joined, each ending with a newline.
 * @throws FolioError `corpus_not_found`, `corpus_invalid`, `corpus_too_small`, `corpus_changed`
 */
export const readCorpus = async (
  given: readonly string[],
  {
    preparation = 'plain',
    encoding: named = 'utf-8',
    alphabet: kept = 'common',
    kind = 'auto',
    base,
  }: CorpusOptions = {},
): Promise<{ corpus: Corpus; preflight: CorpusReport }> => {
  const encoding = encodingLabel(named);
  const resolved = await resolveSources(given, encoding);
  const { sources } = resolved;
  const known = sources.every((source) => source.size !== undefined);
  const size = sources.reduce((sum, source) => sum + (source.size ?? 0) + 1, 0);
  const encoder = new Encoder(known ? size : UNKNOWN_SIZE);
  const preflight = new CorpusInspector();
  const reading = await readCorpusOnce(resolved, { preparation, encoding }, [encoder, preflight]);
  const { report, fold } = await preflight.finish(reading, { keepAll: kept === 'all', kind, base });
  const { ids: read, alphabet } = encoder.finish(fold);
  const { ids, heldOutStart } = cutText(read, alphabet, report.kind);
  return {
    corpus: {
      source: reading.source,
      digest: reading.digest,
      alphabet,
      ids,
      kind: report.kind,
      training: ids.subarray(0, heldOutStart),
      heldOut: ids.subarray(heldOutStart),
    },
    preflight: { ...report, ...counted(ids, alphabet) },
  };
};

/**
 * Inspects a corpus without keeping it: memory does not grow with its size.
 *
 * @throws FolioError as `readCorpus`
 */
export const inspectCorpus = async (
  given: readonly string[],
  {
    preparation = 'plain',
    encoding: named = 'utf-8',
    alphabet: kept = 'common',
    kind = 'auto',
    base,
  }: CorpusOptions = {},
): Promise<CorpusReport> => {
  const preflight = new CorpusInspector();
  const encoding = encodingLabel(named);
  const resolved = await resolveSources(given, encoding);
  const reading = await readCorpusOnce(resolved, { preparation, encoding }, [preflight]);
  return (await preflight.finish(reading, { keepAll: kept === 'all', kind, base })).report;
};

/** Characters as they are trained on: those that go with dropped ones of an emoji sequence are not in the first count. */
const counted = (ids: Ids, alphabet: readonly string[]): Pick<CorpusReport, 'characters' | 'alphabet'> => {
  const counts = new Float64Array(alphabet.length);
  for (let at = 0; at < ids.length; at++) counts[ids[at]!]!++;
  return {
    characters: ids.length,
    alphabet: alphabet.map((character, id) => ({ character, count: counts[id]! })),
  };
};
