import { FolioError, unexpected } from '../../errors.ts';
import type { CopyIndex } from '../../model/copy-index.ts';
import { howToGiveAlphabet } from '../../model/format/alphabet.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import type { Limits } from './limits.ts';
import type { CommonParameters } from './parameters.ts';
import type { ValidationErrors } from './validation-errors.ts';

/** A prompt as text, or as ids of the alphabet. */
export type Prompt = string | readonly number[];

/** What is too long is reported beside what is malformed; so this looks at values of any type. */
export const checkLengths = (
  limits: Limits,
  {
    length,
    text,
  }: {
    readonly length?: readonly [where: string, value: unknown];
    readonly text: readonly [where: string, value: unknown];
  },
  faults: ValidationErrors,
): void => {
  const refuse = (where: string, maximum: number, received: number): void => {
    faults.addUnexpected('limit_exceeded', where, `at most ${maximum} characters`, received);
  };
  const [lengthAt, value] = length ?? [''];
  if (typeof value === 'number' && value > limits.length) refuse(lengthAt, limits.length, value);
  for (const [where, one] of each(...text)) {
    if (typeof one !== 'string' && !Array.isArray(one)) continue;
    if (one.length <= limits.prompt) continue;
    const characters = [...one].length;
    if (characters > limits.prompt) refuse(where, limits.prompt, characters);
  }
};

/** What one answer may have, in completions of the greatest length: generated, echoed and log-probabilities together. */
const completionsOfFullLength = 16;

/** What an answer is made of, as its limit counts it. */
export interface AnswerSize {
  /** Completions, those that `best_of` leaves out included. */
  readonly completions: number;
  /** Characters of each. */
  readonly length: number;
  /** Characters that are repeated from prompts, or scored. */
  readonly echoed: number;
  /** Alternatives a character, where log-probabilities are in the answer. */
  readonly logprobs: number | undefined;
}

/** A character counts one, with log-probabilities two more, and each alternative one more. */
const unitsOf = ({ completions, length, echoed, logprobs }: AnswerSize): number =>
  (completions * length + echoed) * (logprobs === undefined ? 1 : 3 + logprobs);

/** Bytes of memory that an answer takes, about: objects and JSON. */
export const bytesOf = (size: AnswerSize): number => 64 * unitsOf(size);

export const checkSize = (
  limits: Limits,
  size: AnswerSize,
  where: string,
  faults: ValidationErrors,
): void => {
  const maximum = completionsOfFullLength * limits.length;
  if (size.length > limits.length || unitsOf(size) <= maximum) return;
  const { completions, length, echoed, logprobs } = size;
  const parts = [
    `${completions} ${completions === 1 ? 'completion' : 'completions'} of ${length} ${length === 1 ? 'character' : 'characters'}`,
    ...(echoed === 0 ? [] : [`${echoed} characters of prompts`]),
    ...(logprobs === undefined ? [] : [`log-probabilities with ${logprobs} alternatives`]),
  ].join(', ');
  const counted =
    logprobs === undefined ? '' : ` (a character with ${logprobs} alternatives counts as ${3 + logprobs})`;
  faults.add(
    'limit_exceeded',
    where,
    `${where}: expected an answer of at most ${maximum} characters in all${counted}, received a request for ${parts}.`,
  );
};

/** Characters of all prompts of a request together. */
export const checkPromptTotal = (
  limits: Limits,
  prompts: readonly Prompt[],
  where: string,
  faults: ValidationErrors,
): void => {
  const maximum = completionsOfFullLength * limits.prompt;
  const total = prompts.reduce<number>((sum, prompt) => sum + prompt.length, 0);
  if (prompts.length < 2 || total <= maximum) return;
  faults.addUnexpected(
    'limit_exceeded',
    where,
    `at most ${maximum} characters in all prompts together`,
    total,
  );
};

/**
 * The id that stands for the beginning of a text, for clients that begin every text with one: one more than the
 * alphabet has. The model is not fed it, since it takes every text to begin after a line's end.
 */
export const startId = ({ model }: ModelLease): number => model.vocabularySize;

/** The name by which clients know that id. */
export const startToken = '<|endoftext|>';

/** Ids without the one for the beginning of a text. */
export const withoutStart = (lease: ModelLease, prompt: Prompt): Prompt =>
  typeof prompt !== 'string' && prompt[0] === startId(lease) ? prompt.slice(1) : prompt;

/** A prompt as text. */
export const promptText = (lease: ModelLease, prompt: Prompt): string => {
  const rest = withoutStart(lease, prompt);
  return typeof rest === 'string' ? rest : lease.model.alphabet.decode(rest);
};

/** One value, or each of several, with its place in the request; an array of numbers is one. */
export function* each(where: string, value: unknown): Generator<readonly [where: string, one: unknown]> {
  const several: readonly unknown[] = Array.isArray(value) && typeof value[0] !== 'number' ? value : [value];
  for (const [at, one] of several.entries()) yield [several.length > 1 ? `${where}[${at}]` : where, one];
}

/** A character that the model does not know is a fault, unless the request says what becomes of it. */
export const checkPrompt = (
  lease: ModelLease,
  prompt: Prompt,
  unknown: CommonParameters['unknown'],
  where: string,
  faults: ValidationErrors,
): void => {
  const { name, model } = lease;
  const { alphabet, vocabularySize } = model;
  if (typeof prompt !== 'string') {
    const ids = prompt[0] === startId(lease) ? prompt.slice(1) : prompt;
    const strange = ids.find((id) => id >= vocabularySize);
    if (strange === undefined) return;
    faults.addUnexpected('unknown_character', where, `ids from 0 to ${vocabularySize - 1}`, strange);
    return;
  }
  if (unknown !== 'error') return;
  const pieces = alphabet.kind === 'characters' ? prompt : prompt.split(/\s+/).filter(Boolean);
  const strange = [...new Set(pieces)].filter((piece) => alphabet.idOf(piece) === undefined);
  if (strange.length === 0) return;
  const shown = strange.slice(0, 10).map((character) => JSON.stringify(character));
  const others = strange.length > shown.length ? ' and others' : '';
  const remedy = where === 'allowed' ? '' : '; `unknown` set to "skip" or "nearest" lets it pass';
  faults.add(
    'unknown_character',
    where,
    alphabet.kind === 'ids'
      ? `${where}: ${name} has no alphabet: ${shown.join(', ')}${others} are no ids of it. ${howToGiveAlphabet}`
      : `${where}: ${name} does not know ${shown.join(', ')}${others}${remedy}.`,
  );
};

/** The index of the corpus, if the request needs one. */
export const copyIndexFor = (
  lease: Pick<ModelLease, 'name' | 'version' | 'copyIndex'>,
  { copy_guard: guarded, overlap }: Pick<CommonParameters, 'copy_guard' | 'overlap'>,
  faults: ValidationErrors,
): Promise<CopyIndex | undefined> =>
  faults.gather('copy_guard', async () => {
    if (guarded === undefined && !overlap) return undefined;
    const index = await lease.copyIndex();
    if (!index) {
      const message = `${lease.name}@${lease.version} was published without an index of its corpus.`;
      throw new FolioError('model_unsupported', message, {
        where: guarded === undefined ? 'overlap' : 'copy_guard',
      });
    }
    if (guarded !== undefined && guarded < index.window) {
      const expected = `at least ${index.window} characters for this model’s index`;
      throw unexpected('invalid_parameter', 'copy_guard', expected, guarded);
    }
    return index;
  });
