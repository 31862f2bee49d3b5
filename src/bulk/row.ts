import * as z from 'zod/mini';
import { copyIndexFor } from '../api/request/checks.ts';
import { lazyObject } from '../api/request/lazy-object.ts';
import { parse } from '../api/request/parse.ts';
import { checkForms, rareFields, rareOptions } from '../api/request/rare-fields.ts';
import { GenerateRequestSchema, ScoreRequestSchema } from '../api/request/requests.ts';
import { samplingOptions } from '../api/request/sampling-parameters.ts';
import { ValidationErrors } from '../api/request/validation-errors.ts';
import type { GenerateOptions } from '../model/model.ts';
import { foldSeed } from '../model/sampling/random.ts';
import type { ModelLease } from '../store/model-cache.ts';

/** A row may carry a mark of its own, which its result carries too. */
const id = () => z.optional(z.union([z.string(), z.number()], { error: 'a string or a number' }));

const row = { error: 'an object' };

const without = <Fields extends object, Name extends keyof Fields>(
  fields: Fields,
  ...names: readonly Name[]
): Omit<Fields, Name> =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name as Name))) as Omit<
    Fields,
    Name
  >;

const ofJob = ['model', 'version', 'digest', 'precision'] as const;

/** As `POST /generate` takes it, but for what belongs to the whole job: the model and its precision. */
export const GenerateRow = lazyObject(
  () => ({
    ...without(GenerateRequestSchema.shape, ...ofJob, 'continuable', 'continue_from'),
    ...without(rareFields(), 'blend'),
    id: id(),
  }),
  row,
);

export const ScoreRow = lazyObject(
  () => ({
    ...without(ScoreRequestSchema.shape, ...ofJob),
    id: id(),
    text: z.string({ error: 'a string' }),
  }),
  row,
);

export type GenerateRowParameters = z.output<typeof GenerateRow>;

/**
 * Checks parameters against a schema.
 *
 * @throws FolioError that lists every fault
 */
export function checked<Schema extends z.core.$ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const faults = new ValidationErrors();
  return parse(schema, value, faults) ?? faults.raise();
}

/**
 * The parameters of a row or a command line in the model's own words.
 *
 * @throws FolioError `model_unsupported` where the copy guard has no index, `invalid_parameter`
 */
export async function generateOptions(
  parameters: GenerateRowParameters,
  lease: Pick<ModelLease, 'name' | 'version' | 'copyIndex'>,
): Promise<GenerateOptions> {
  const faults = new ValidationErrors();
  const index = await copyIndexFor(lease, parameters, faults);
  checkForms(parameters, faults);
  faults.throwIfAny();
  const { prompt, length, min_length: minLength, seed } = parameters;
  return {
    prompt,
    length,
    ...samplingOptions(parameters, index),
    ...rareOptions(parameters),
    ...(minLength === undefined ? {} : { minLength }),
    ...(seed === undefined ? {} : { seed: foldSeed(seed) }),
  };
}
