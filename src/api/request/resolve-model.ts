import { FolioError } from '../../errors.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import { type ModelReference, parseModelReference } from '../../store/model-name.ts';
import type { Generator } from '../deps.ts';
import type { Continuation } from './continuation.ts';
import type { CommonParameters } from './requests.ts';

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
  generator: Generator,
  named: ModelSelection,
  continued?: Continuation,
): Promise<ModelLease> => {
  const requested = named.model === undefined ? generator.defaultModel : parseModelReference(named.model);
  const reference = pin(requested, named.version, continued);
  const precision = named.precision ?? continued?.precision;
  if (continued && precision !== continued.precision) {
    throw foreign('precision', continued.precision, String(precision));
  }
  const lease = await generator.acquire(reference, precision);
  const { digest } = lease.model.info;
  const expected = named.digest ?? continued?.digest;
  if (expected === undefined || expected === digest) return lease;
  lease.release();
  throw new FolioError('state_mismatch', `digest: expected ${digest} of ${lease.name}@${lease.version}.`, {
    where: 'digest',
    expected: digest,
  });
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
