import type { CopyIndex } from '../../model/copy-index.ts';
import type { PatternSource } from '../../model/decode/pattern.ts';
import type { GenerateOptions } from '../../model/model.ts';
import { samplingParameters, snakeCase } from '../../model/sampling/parameters.ts';
import type { CommonParameters } from './requests.ts';

/** What of a request's parameters is about choosing characters. */
export type SamplingParameters = Omit<
  CommonParameters,
  'version' | 'digest' | 'precision' | 'blend' | 'continuable' | 'continue_from' | 'seed'
>;

/**
 * These parameters as the model's options; what the request does not set is left out. Seeds are the caller's to add.
 *
 * @param index Of the corpus, where the copy guard or the overlap was asked for.
 */
export const samplingOptions = (
  parameters: SamplingParameters,
  index: CopyIndex | undefined,
): Partial<GenerateOptions> => {
  const { stop, banned, dry_sequence_breakers: breakers, logit_bias: bias, copy_guard: guarded } = parameters;
  return present({
    ...Object.fromEntries(samplingParameters.map(([name]) => [name, parameters[snakeCase(name)]])),
    logitBias: bias,
    allowed: parameters.allowed,
    stop: typeof stop === 'string' ? [stop] : stop,
    includeStop: parameters.include_stop,
    banned: typeof banned === 'string' ? [banned] : banned,
    drySequenceBreakers: typeof breakers === 'string' ? [breakers] : breakers,
    pattern: patternOf(parameters),
    choices: parameters.choices,
    unknown: parameters.unknown,
    copyGuard: index && guarded !== undefined ? { index, length: guarded } : undefined,
    overlap: index,
  });
};

/** What the whole text is to match. */
const patternOf = ({
  pattern,
  pattern_flags: flags = '',
  json_schema: schema,
}: SamplingParameters): PatternSource | undefined => {
  if (schema !== undefined) return { source: JSON.stringify(schema), flags: '', syntax: 'json-schema' };
  return pattern === undefined ? undefined : { source: pattern, flags };
};

type Present<Properties> = { [Name in keyof Properties]?: Exclude<Properties[Name], undefined> };

/** Without the properties that are undefined. */
export const present = <Properties extends object>(properties: Properties): Present<Properties> =>
  Object.fromEntries(
    Object.entries(properties).filter(([, value]) => value !== undefined),
  ) as Present<Properties>;
