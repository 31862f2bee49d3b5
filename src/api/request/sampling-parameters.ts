import type { CopyIndex } from '../../model/copy-index.ts';
import type { GenerateOptions } from '../../model/model.ts';
import { samplingParameters, snakeCase } from '../../model/sampling/parameters.ts';
import type { CommonParameters } from './parameters.ts';
import { present } from './present.ts';
import type { RareParameters } from './rare-fields.ts';

/** What of a request's usual parameters is about choosing characters. */
export type SamplingParameters = Omit<
  CommonParameters,
  'version' | 'digest' | 'precision' | 'continuable' | 'continue_from' | 'seed' | keyof RareParameters
>;

/**
 * These parameters as the model's options; what the request does not set is left out. Seeds are the caller's to add, and so are
 * the `rareOptions`.
 *
 * @param index Of the corpus, where the copy guard or the overlap was asked for.
 */
export const samplingOptions = (
  parameters: SamplingParameters,
  index: CopyIndex | undefined,
): Partial<GenerateOptions> => {
  const { stop, copy_guard: guarded } = parameters;
  return present({
    ...Object.fromEntries(samplingParameters.map(([name]) => [name, parameters[snakeCase(name)]])),
    allowed: parameters.allowed,
    stop: typeof stop === 'string' ? [stop] : stop,
    includeStop: parameters.include_stop,
    unknown: parameters.unknown,
    copyGuard: index && guarded !== undefined ? { index, length: guarded } : undefined,
    overlap: index,
  });
};
