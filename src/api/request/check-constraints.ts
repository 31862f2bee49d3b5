import { FolioError, isFolioError } from '../../errors.ts';
import type { GenerateOptions, Model } from '../../model/model.ts';
import { present } from './present.ts';

/** Checks the state that a request goes on from, and what it asks of its texts: whether any can match its pattern. */
export const checkConstraints = async (model: Model, options: GenerateOptions): Promise<void> => {
  // Characters that the model does not know have been reported, and so has a second form.
  const { logitBias: _, allowed = '', choices, ...rest } = options;
  const form = rest.pattern === undefined ? { choices } : {};
  const isKnown = [...allowed].every((character) => model.alphabet.idOf(character) !== undefined);
  try {
    const known = options.allowed !== undefined && isKnown ? { allowed } : {};
    await model.complete(present({ ...rest, ...form, ...known })).prepare();
  } catch (error) {
    if (!isFolioError(error) || error.code !== 'state_mismatch') throw error;
    const where = 'continue_from';
    throw new FolioError(error.code, `${where}: ${error.message}`, { ...error.details, where });
  }
};
