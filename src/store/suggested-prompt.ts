import { modelFile } from './keys.ts';
import type { Store } from './store.ts';
import { versionFiles } from './version-files.ts';

const LONGEST = 40; // characters
const SHAKESPEARE = 'ROMEO:';

/** As far as it is looked at: the samples of `report.json`. */
interface Samples {
  readonly samples?: readonly {
    readonly epoch: number;
    readonly temperature: number;
    readonly text: string;
  }[];
}

/** As far as it is looked at: `userDefinedMetadata.folio` of `model.json`. */
interface Metadata {
  readonly name?: unknown;
  readonly alphabet?: unknown;
  readonly corpus?: { readonly source?: unknown };
}

/**
 * A prompt in the manner of a model's corpus: the first line of the last sample of its training, 40 characters at most,
 * cut between words. For Shakespeare it is `ROMEO:`; for a model without a report it is empty, which every model accepts.
 */
export const suggestedPrompt = (metadata: Metadata = {}, report: Samples = {}): string => {
  const { name, corpus, alphabet } = metadata;
  const isShakespeare = /shakespeare/i.test(`${name} ${corpus?.source}`);
  const isKnown = Array.isArray(alphabet) && [...SHAKESPEARE].every((c) => alphabet.includes(c));
  if (isShakespeare && isKnown) return SHAKESPEARE;
  const samples: NonNullable<Samples['samples']> = Array.isArray(report.samples) ? report.samples : [];
  const last = Math.max(...samples.map(({ epoch }) => epoch));
  const [sample] = samples
    .filter(({ epoch, text }) => epoch === last && typeof text === 'string')
    .sort((a, b) => distance(a.temperature) - distance(b.temperature));
  const line = sample?.text.split('\n').find((text) => /\p{L}|\p{N}/u.test(text));
  return line === undefined ? '' : shortened(line.trim());
};

/** The same of a version in a store; empty where it cannot be read. */
export const suggestedPromptOf = async (store: Store, name: string, version: string): Promise<string> => {
  const files = versionFiles(store, name, version);
  const parsed = async (file: string): Promise<Record<string, unknown> | undefined> => {
    const bytes = await files.read(file);
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  };
  try {
    const artefact = await parsed(modelFile);
    const { folio } = (artefact?.userDefinedMetadata ?? {}) as { folio?: Metadata };
    return suggestedPrompt(folio, await parsed('report.json'));
  } catch {
    return '';
  }
};

/** Sharp samples read best; greedy ones repeat themselves. */
const distance = (temperature: number): number => Math.abs(temperature - 0.7);

const shortened = (line: string): string => {
  const characters = [...line];
  if (characters.length <= LONGEST) return line;
  const cut = characters.slice(0, LONGEST + 1).join('');
  return cut.includes(' ') ? cut.slice(0, cut.lastIndexOf(' ')) : characters.slice(0, LONGEST).join('');
};
