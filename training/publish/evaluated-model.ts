import { Halves } from '../../src/model/format/halves.ts';
import { createKernelStepper } from '../../src/model/kernel/kernel-stepper.ts';
import type { EvaluatedModel } from '../metrics/held-out.ts';
import { type ReadModelFile, readSavedModel, type SavedModel } from './saved-model.ts';

/**
 * A saved model in the engine that will serve it, in f32, to be measured.
 *
 * @throws FolioError `model_invalid`, `model_unsupported`
 */
export const openEvaluatedModel = async (read: ReadModelFile): Promise<EvaluatedModel> =>
  evaluatedModel(await readSavedModel(read, (weight, bytes) => new Halves(weight, bytes)));

/** @see openEvaluatedModel */
export const evaluatedModel = ({ network, alphabet }: SavedModel<Halves>): EvaluatedModel => {
  const stepper = createKernelStepper(network, 'f32');
  return {
    alphabet,
    start: () => {
      const slot = stepper.open();
      return { step: (id) => stepper.step([slot], [id]), close: () => stepper.close(slot) };
    },
  };
};
