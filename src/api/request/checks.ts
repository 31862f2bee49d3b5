import { FolioError } from '../../errors.ts';
import type { CopyIndex } from '../../model/copy-index.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import type { Limits } from './limits.ts';
import type { CommonParameters } from './requests.ts';
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
    faults.add(
      'limit_exceeded',
      where,
      `${where}: expected at most ${maximum} characters, received ${received}.`,
    );
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

/** What several completions of one request may have together, in completions of the greatest length. */
const completionsOfFullLength = 16;

export const checkTotal = (
  limits: Limits,
  completions: number,
  length: number,
  faults: ValidationErrors,
): void => {
  const maximum = completionsOfFullLength * limits.length;
  if (length > limits.length || completions * length <= maximum) return;
  const received = `${completions} completions of ${length} characters`;
  faults.add(
    'limit_exceeded',
    'n',
    `n: expected at most ${maximum} characters in all, received ${received}.`,
  );
};

/** One value, or each of several, with its place in the request; an array of numbers is one. */
export function* each(where: string, value: unknown): Generator<readonly [where: string, one: unknown]> {
  const several: readonly unknown[] = Array.isArray(value) && typeof value[0] !== 'number' ? value : [value];
  for (const [at, one] of several.entries()) yield [several.length > 1 ? `${where}[${at}]` : where, one];
}

/** A character that the model does not know is a fault, unless the request says what becomes of it. */
export const checkPrompt = (
  { name, model }: ModelLease,
  prompt: Prompt,
  unknown: CommonParameters['unknown'],
  where: string,
  faults: ValidationErrors,
): void => {
  const { alphabet, vocabularySize } = model;
  if (typeof prompt !== 'string') {
    const strange = prompt.find((id) => id >= vocabularySize);
    if (strange === undefined) return;
    const expected = `ids from 0 to ${vocabularySize - 1}`;
    faults.add('unknown_character', where, `${where}: expected ${expected}, received ${strange}.`);
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
    `${where}: ${name} does not know ${shown.join(', ')}${others}${remedy}.`,
  );
};

export const checkBias = (
  { model }: ModelLease,
  bias: CommonParameters['logit_bias'],
  faults: ValidationErrors,
): void => {
  for (const id of Object.keys(bias ?? {})) {
    if (Number(id) < model.vocabularySize) continue;
    const where = `logit_bias.${id}`;
    const expected = `the id of a character, 0 to ${model.vocabularySize - 1}`;
    faults.add('invalid_parameter', where, `${where}: expected ${expected}.`);
  }
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
      throw new FolioError('invalid_parameter', `copy_guard: expected ${expected}, received ${guarded}.`, {
        where: 'copy_guard',
        expected,
        received: String(guarded),
      });
    }
    return index;
  });
