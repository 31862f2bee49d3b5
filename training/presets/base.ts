import { isFolioError } from '../../src/errors.ts';
import { fineTuned } from '../loop/fine-tuning.ts';
import type { EvaluatedModel } from '../metrics/held-out.ts';
import { evaluatedModel } from '../publish/evaluated-model.ts';
import { type ReadModelFile, readSavedModel, type SavedModel } from '../publish/saved-model.ts';
import { presets } from './presets.ts';

/** The model that `auto` may start from: one that can be, or a sentence that says why it cannot. */
export type Base =
  | { readonly saved: SavedModel; readonly model: EvaluatedModel; readonly fault?: never }
  | { readonly saved?: never; readonly model?: never; readonly fault: string };

/** Opens the base. One that is damaged or of another kind is none: texts can be trained from fresh weights. */
export const openBase = async (read: ReadModelFile): Promise<Base> => {
  try {
    const saved = await readSavedModel(read);
    fineTuned(presets.standard, saved); // throws for layers that training does not make
    return { saved, model: evaluatedModel(saved) };
  } catch (error) {
    if (!isFolioError(error) || !/^(model|store)_|^not_found$/.test(error.code)) throw error;
    return { fault: `auto takes fresh weights: the model that ships cannot be read. ${error.message}` };
  }
};
