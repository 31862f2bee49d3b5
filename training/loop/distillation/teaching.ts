import { FolioError } from '../../../src/errors.ts';
import type { Network } from '../../../src/model/network.ts';
import type { Corpus } from '../../corpus/corpus.ts';
import type { Ids } from '../../corpus/encoder.ts';
import { NgramModel } from '../../metrics/ngram-model.ts';
import { Chunks, lineStartOf } from '../chunks.ts';
import { checkTrainable, forAlphabet, type ParentNetwork } from '../fine-tuning.ts';
import type { FitSettings } from '../fit-settings.ts';
import { generateText } from './generated-text.ts';
import { generateByNgrams } from './ngram-teacher.ts';
import { shareStreams } from './taught-chunks.ts';

/** Characters that teachers write at most: beyond, reading a text twice teaches as much as writing another. */
const MOST = 4_000_000;

/** What a training with teachers has beside the text. */
export interface Teaching {
  /** Of the corpus' alphabet. */
  readonly networks: readonly Network[];
  /** The text's own, of the same vocabulary, where it teaches. */
  readonly ngrams?: NgramModel | undefined;
  /** What they wrote: [characters]. */
  readonly generated: Ids;
}

/**
 * Checks models as teachers of a corpus.
 *
 * @throws FolioError `model_unsupported` for layers that training does not make, and for another alphabet: who never saw a
 * character cannot say where it is to be expected
 */
export const checkTeachers = (teachers: readonly ParentNetwork[], alphabet: readonly string[]): void => {
  for (const teacher of teachers) {
    checkTrainable(teacher.network);
    const known = new Set(teacher.alphabet);
    const differing = [
      ...alphabet.filter((character) => !known.has(character)),
      ...teacher.alphabet.filter((character) => !alphabet.includes(character)),
    ];
    if (differing.length > 0)
      throw new FolioError(
        'model_unsupported',
        `A teacher has learnt the text itself: its alphabet is the text's. ${differing.length} characters stand in one of the two alone.`,
        {
          where: '--teacher',
          expected: `${alphabet.length} characters, those of the text`,
          received: `${teacher.alphabet.length} characters; in one alone: ${JSON.stringify(differing.slice(0, 8).join(''))}`,
        },
      );
  }
};

/**
 * Has checked teachers write what they are read by: as much as a training will read, up to four million characters. Where
 * there are none, the text's own n-gram model writes.
 *
 * @returns Undefined where the signal says stop.
 */
export const teach = async (
  teachers: readonly ParentNetwork[],
  { training, alphabet }: Corpus,
  settings: FitSettings,
  log: (line: string) => void,
  signal?: AbortSignal,
): Promise<Teaching | undefined> => {
  const networks = teachers.map((teacher) => forAlphabet(teacher, alphabet));
  const streams = shareStreams(settings.batch, settings.distillation?.generated ?? 0);
  const own = new Chunks(training, { ...settings, batch: streams.own });
  const read = own.perEpoch * settings.epochs * streams.generated * own.length;
  const characters = Math.min(MOST, read);
  const ngrams = settings.distillation?.ngrams ? new NgramModel(training, alphabet.length) : undefined;
  const writers = networks.length > 0 ? 'The teachers write' : 'An n-gram model of the text writes';
  log(`${writers} ${characters.toLocaleString('en')} characters to be read beside the text.`);
  const lineStart = lineStartOf(alphabet) ?? 0;
  const generated =
    networks.length > 0 || ngrams === undefined
      ? await generateText(networks, lineStart, characters, settings.seed, log, signal)
      : await generateByNgrams(ngrams, lineStart, characters, settings.seed, signal);
  return generated && { networks, ngrams, generated };
};
