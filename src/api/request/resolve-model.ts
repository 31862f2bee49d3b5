import { FolioError, isFolioError } from '../../errors.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import { type ModelReference, parseModelReference } from '../../store/model-name.ts';
import { listModels } from '../../store/models.ts';
import type { GeneratorDeps } from '../deps.ts';
import type { Continuation } from './continuation.ts';
import type { CommonParameters } from './parameters.ts';

export interface ModelSelection extends Partial<Pick<CommonParameters, 'version' | 'digest' | 'precision'>> {
  readonly model?: string | undefined;
}

/**
 * Opens the model that a request names.
 *
 * @param continued The completion that the request continues: its model, version and precision are the request's then.
 * @throws FolioError `model_not_found`, `invalid_parameter` for names that contradict each other, `state_mismatch` for a
 * state or digest of another model
 */
export const resolveModel = async (
  { generator, store }: GeneratorDeps,
  named: ModelSelection,
  continued?: Continuation,
): Promise<ModelLease> => {
  const requested = named.model === undefined ? generator.defaultModel : parseModelReference(named.model);
  const reference = pin(requested, named.version, continued);
  const precision = named.precision ?? continued?.precision;
  if (continued && precision !== continued.precision) {
    throw foreign('precision', continued.precision, String(precision));
  }
  const lease = await generator.acquire(reference, precision).catch(async (error: unknown) => {
    throw await withModelNames(error, store);
  });
  const { digest } = lease.model.info;
  const expected = named.digest ?? continued?.digest;
  if (expected === undefined || expected === digest) return lease;
  lease.release();
  throw new FolioError('state_mismatch', `digest: expected ${digest} of ${lease.name}@${lease.version}.`, {
    where: 'digest',
    expected: digest,
  });
};

/**
 * The model that a request means which names none, as OpenAI's API wants: the only one that there is.
 *
 * @returns undefined for the server's default
 * @throws FolioError `invalid_parameter` where there are several
 */
export const onlyModel = async ({ store, generator }: GeneratorDeps): Promise<string | undefined> => {
  const models = await listModels(store);
  if (models.length < 2) return models[0]?.name ?? undefined;
  throw new FolioError(
    'invalid_parameter',
    `model: expected the name of a model (${namesOf(models)}), received nothing; the server's default is ${generator.defaultModel.name}.`,
    { where: 'model', expected: 'the name of a model' },
  );
};

/** The names of models, as many as a sentence can carry. */
const namesOf = (models: readonly { readonly name: string }[]): string => {
  const names = models.slice(0, 10).map(({ name }) => name);
  return `${names.join(', ')}${models.length > names.length ? ` and ${models.length - names.length} others` : ''}`;
};

/** The error of a model that is not there, with the names of those that are. */
const withModelNames = async (error: unknown, store: GeneratorDeps['store']): Promise<unknown> => {
  if (!isFolioError(error) || error.code !== 'model_not_found') return error;
  const models = await listModels(store).catch(() => []);
  const there = models.length === 0 ? 'There is no model yet.' : `There are: ${namesOf(models)}.`;
  return new FolioError(error.code, `${error.message} ${there}`, error.details);
};

/** A version by `model: "name@version"`, by `version`, or by what the request continues: they have to agree. */
const pin = (
  { name, version: inName }: ModelReference,
  version: string | undefined,
  continued: Continuation | undefined,
): ModelReference => {
  if (version !== undefined && inName !== undefined && version !== inName) {
    throw new FolioError('invalid_parameter', `version: expected ${inName}, which \`model\` pins.`, {
      where: 'version',
      expected: inName,
      received: version,
    });
  }
  const pinned = version ?? inName;
  if (continued && continued.model !== name) throw foreign('model', continued.model, name);
  if (continued && pinned !== undefined && pinned !== continued.version) {
    throw foreign('version', continued.version, pinned);
  }
  const resolved = continued?.version ?? pinned;
  return resolved === undefined ? { name } : { name, version: resolved };
};

const foreign = (what: string, of: string, requested: string): FolioError =>
  new FolioError('state_mismatch', `continue_from: it goes on with ${what} ${of}, not ${requested}.`, {
    where: 'continue_from',
    expected: of,
    received: requested,
  });
