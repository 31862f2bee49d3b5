import { FolioError } from '../../errors.ts';
import { modelFile, versionKey } from '../../store/keys.ts';
import { parseModelReference } from '../../store/model-name.ts';
import { currentVersion } from '../../store/models.ts';
import type { Store } from '../../store/store.ts';
import { each } from './checks.ts';

/** In place of a model's name: fresh weights, whatever the preset would choose. */
const NO_MODEL = 'none';

/** The models that a request for a training names. */
export interface TrainingModels {
  /** NAME, NAME@VERSION or `none`; undefined where the preset decides. */
  readonly from?: string | undefined;
  /** NAME or NAME@VERSION, one or several. */
  readonly teachers?: string | readonly string[] | undefined;
}

/**
 * Looks for the models that a training is to start from and to learn from, so that a request for one that is not there is refused
 * before anything is uploaded or queued. Loaded with the first request for a training: functions that generate have none.
 *
 * @throws FolioError `model_not_found`
 */
export const checkTrainingModels = async (
  store: Store,
  { from, teachers }: TrainingModels,
): Promise<void> => {
  if (from !== undefined && from !== NO_MODEL) {
    await checkModel(
      store,
      'from',
      from,
      'to start from',
      'the name of a model in the store, name@version, or none',
    );
  }
  if (teachers === undefined) return;
  for (const [where, teacher] of each('teachers', teachers)) {
    await checkModel(
      store,
      where,
      String(teacher),
      'to learn from',
      'the name of a model in the store, or name@version',
    );
  }
};

const checkModel = async (
  store: Store,
  where: string,
  model: string,
  purpose: string,
  expected: string,
): Promise<void> => {
  const { name, version = await currentVersion(store, name) } = parseModelReference(model);
  if (version !== undefined && (await store.stat(versionKey(name, version, modelFile))) !== undefined) return;
  throw new FolioError('model_not_found', `There is no model ${model} ${purpose}.`, {
    where,
    expected,
    received: model,
  });
};
