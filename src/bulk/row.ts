import * as z from 'zod/mini';
import { FaultList } from '../api/faults.ts';
import { parse } from '../api/parse.ts';
import { GenerateRequest, ScoreRequest } from '../api/schemas.ts';
import { FolioError } from '../errors.ts';
import type { CopyIndex } from '../model/copy-index.ts';
import type { GenerateOptions } from '../model/model.ts';

/** A row may carry a mark of its own, which its result carries too. */
const id = z.optional(z.union([z.string(), z.number()], { error: 'a string or a number' }));

/** As `POST /generate` takes it, but for what belongs to the whole job: the model and its precision. */
export const GenerateRow = z.extend(
  z.omit(GenerateRequest, {
    model: true,
    version: true,
    digest: true,
    precision: true,
    continuable: true,
    continue_from: true,
  }),
  { id },
);

export const ScoreRow = z.extend(
  z.omit(ScoreRequest, { model: true, version: true, digest: true, precision: true }),
  { id, text: z.string({ error: 'a string' }) },
);

export type GenerateParameters = z.output<typeof GenerateRow>;

/**
 * Checks parameters against a schema.
 *
 * @throws FolioError that tells every fault
 */
export function checked<Schema extends z.core.$ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const faults = new FaultList();
  const parameters = parse(schema, value, faults);
  faults.throwIfAny();
  if (parameters === undefined) throw new TypeError('Parameters without a fault were not parsed.');
  return parameters;
}

/** The parameters of a row or a command line in the model's own words. */
export async function generateOptions(
  parameters: GenerateParameters,
  copyIndex: () => Promise<CopyIndex | undefined>,
): Promise<GenerateOptions> {
  const { stop, logit_bias: bias, copy_guard: guarded } = parameters;
  const index = guarded !== undefined || parameters.overlap ? await copyIndex() : undefined;
  if (index === undefined && (guarded !== undefined || parameters.overlap)) {
    const where = guarded === undefined ? 'overlap' : 'copy_guard';
    throw new FolioError(
      'model_unsupported',
      `${where}: the model was published without an index of its corpus.`,
      {
        where,
      },
    );
  }
  const options = {
    prompt: parameters.prompt,
    length: parameters.length,
    temperature: parameters.temperature,
    topK: parameters.top_k,
    topP: parameters.top_p,
    minP: parameters.min_p,
    typicalP: parameters.typical_p,
    repetitionPenalty: parameters.repetition_penalty,
    presencePenalty: parameters.presence_penalty,
    frequencyPenalty: parameters.frequency_penalty,
    logitBias: bias && Object.fromEntries(Object.entries(bias).map(([of, value]) => [Number(of), value])),
    allowed: parameters.allowed,
    stop: typeof stop === 'string' ? [stop] : stop,
    seed: parameters.seed,
    unknown: parameters.unknown,
    copyGuard: index && guarded !== undefined ? { index, length: guarded } : undefined,
    overlap: index,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
