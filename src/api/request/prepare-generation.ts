import type { Context } from 'hono';
import type * as z from 'zod/mini';
import type { CopyIndex } from '../../model/copy-index.ts';
import type { GenerateOptions } from '../../model/model.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import type { Generator, GeneratorDeps } from '../deps.ts';
import { Generation } from '../generation.ts';
import type { AppEnv } from './body.ts';
import {
  checkBias,
  checkLengths,
  checkPrompt,
  checkTotal,
  copyIndexFor,
  each,
  type Prompt,
} from './checks.ts';
import type { Continuation } from './continuation.ts';
import { parse } from './parse.ts';
import type { CommonParameters } from './requests.ts';
import { resolveModel } from './resolve-model.ts';
import { present, samplingOptions } from './sampling-parameters.ts';
import { ValidationErrors } from './validation-errors.ts';

/** What a generating route asks for, in terms that all of them share. */
export interface GenerationRequest {
  readonly prompts: readonly Prompt[];
  readonly length: number;
  /** Completions for each prompt. */
  readonly count: number;
  readonly logprobs?: number | undefined;
  readonly scorePrompt?: boolean;
}

/** How a generating route reads its requests. */
export interface Endpoint<Parameters extends CommonParameters> {
  readonly schema: z.core.$ZodType<Parameters>;
  /** The route's own word for the length of a completion. */
  readonly lengthName: string;
  /** Faults of parameters that are right each by itself. */
  checkTogether?(body: Readonly<Record<string, unknown>>, faults: ValidationErrors): void;
  toGenerationRequest(parameters: Parameters): GenerationRequest;
}

/**
 * Does all of a generation that can fail before the first byte is sent.
 *
 * @throws FolioError with every fault of the request
 */
export const prepareGeneration = async <
  Parameters extends CommonParameters & { readonly model?: string | undefined },
>(
  { limits, generator }: GeneratorDeps,
  endpoint: Endpoint<Parameters>,
  body: Readonly<Record<string, unknown>>,
  context: Context<AppEnv>,
): Promise<{ parameters: Parameters; generation: Generation }> => {
  const began = performance.now();
  const faults = new ValidationErrors();
  const parameters = parse(endpoint.schema, body, faults);
  const { lengthName } = endpoint;
  checkLengths(limits, { length: [lengthName, body[lengthName]], text: ['prompt', body.prompt] }, faults);
  endpoint.checkTogether?.(body, faults);
  if (parameters === undefined) {
    await checkMalformed(generator, body, faults);
    return faults.raise();
  }
  const request = endpoint.toGenerationRequest(parameters);
  checkTotal(limits, request.prompts.length * request.count, request.length, faults);
  const continued = await faults.gather('continue_from', () =>
    parameters.continue_from === undefined ? undefined : generator.signer.open(parameters.continue_from),
  );
  const lost = parameters.continue_from !== undefined && continued === undefined;
  const lease = lost
    ? undefined
    : await faults.gather('model', () => resolveModel(generator, parameters, continued));
  if (lease === undefined) return faults.raise();
  try {
    const index = await checkAgainst(lease, request, parameters, faults);
    faults.throwIfAny();
    const generation = new Generation({
      generator,
      lease,
      parameters,
      prompts: request.prompts.map((prompt) => textOf(lease, prompt)),
      options: optionsOf(request, parameters, index, continued),
      seed: parameters.seed ?? continued?.seed,
      caller: context.get('caller'),
      client: context.req.raw.signal,
      seconds: limits.seconds,
      began,
    });
    return { parameters, generation };
  } catch (error) {
    lease.release();
    throw error;
  }
};

/** What depends on the model. */
const checkAgainst = (
  lease: ModelLease,
  { prompts }: GenerationRequest,
  parameters: CommonParameters,
  faults: ValidationErrors,
): Promise<CopyIndex | undefined> => {
  for (const [where, prompt] of each('prompt', prompts)) {
    checkPrompt(lease, prompt as Prompt, parameters.unknown, where, faults);
  }
  if (parameters.allowed !== undefined) checkPrompt(lease, parameters.allowed, 'error', 'allowed', faults);
  checkBias(lease, parameters.logit_bias, faults);
  return copyIndexFor(lease, parameters, faults);
};

/** Of a request that its schema refused, what is wrong with model and prompt as well. */
const checkMalformed = async (
  generator: Generator,
  { model, prompt, unknown = 'error' }: Readonly<Record<string, unknown>>,
  faults: ValidationErrors,
): Promise<void> => {
  if (model !== undefined && typeof model !== 'string') return;
  const lease = await faults.gather('model', () => resolveModel(generator, { model }));
  if (lease && typeof prompt === 'string' && unknown === 'error') {
    checkPrompt(lease, prompt, 'error', 'prompt', faults);
  }
  lease?.release();
};

const textOf = ({ model }: ModelLease, prompt: Prompt): string =>
  typeof prompt === 'string' ? prompt : model.alphabet.decode(prompt);

/** The request in the model's words. */
const optionsOf = (
  { length, count, logprobs, scorePrompt }: GenerationRequest,
  parameters: CommonParameters,
  index: CopyIndex | undefined,
  continued: Continuation | undefined,
): GenerateOptions => ({
  ...samplingOptions(parameters, index),
  ...present({ length, n: count, logprobs, scorePrompt, from: continued?.state }),
});
