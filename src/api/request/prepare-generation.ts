import type { Context } from 'hono';
import type * as z from 'zod/mini';
import type { CopyIndex } from '../../model/copy-index.ts';
import { isConstrained } from '../../model/decode/completion-plan.ts';
import type { GenerateOptions } from '../../model/model.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import type { AppEnv } from '../app-env.ts';
import type { GeneratorDeps } from '../deps.ts';
import { Generation } from '../generation.ts';
import {
  type AnswerSize,
  bytesOf,
  checkLengths,
  checkPrompt,
  checkPromptTotal,
  checkSize,
  copyIndexFor,
  each,
  type Prompt,
  promptText,
} from './checks.ts';
import type { Continuation } from './continuation.ts';
import { loadRareFields } from './load-rare-fields.ts';
import { openAiBody } from './openai-body.ts';
import type { CommonParameters, Seed } from './parameters.ts';
import { parse } from './parse.ts';
import { present } from './present.ts';
import type { Blend } from './resolve-blend.ts';
import { onlyModel, resolveModel } from './resolve-model.ts';
import { samplingOptions } from './sampling-parameters.ts';
import { ValidationErrors } from './validation-errors.ts';

/** What a generating route asks for, in terms that all of them share. */
export interface GenerationRequest {
  readonly prompts: readonly Prompt[];
  readonly length: number;
  /** Completions for each prompt. */
  readonly count: number;
  readonly logprobs?: number | undefined;
  readonly minLength?: number | undefined;
  /** The prompts stand in the answer, and so do their log-probabilities if there are any. */
  readonly echo?: boolean;
  /** The whole answer is made before it is sent. */
  readonly whole: boolean;
  /** What the endpoint does otherwise than asked. */
  readonly warnings?: readonly string[];
}

type Parameters = Omit<CommonParameters, 'seed'> & {
  readonly model?: string | undefined;
  readonly seed?: Seed | readonly Seed[] | undefined;
};

/** How a generating route reads its requests. */
export interface Endpoint<Own extends Parameters> {
  readonly schema: z.ZodMiniObject & z.core.$ZodType<Own>;
  /** The route's own word for the length of a completion, and what it is by default. */
  readonly lengthName: string;
  readonly defaultLength: number;
  /** Where a request has its prompts. */
  readonly promptName: string;
  /** Reads bodies as OpenAI's API does: unknown parameters are ignored, and a model is named or the only one. */
  readonly openAi: boolean;
  /** What becomes of characters that the model does not know, where neither request nor server say it. */
  readonly unknown: CommonParameters['unknown'];
  /** Faults of parameters that are right each by itself. */
  checkTogether?(body: Readonly<Record<string, unknown>>, faults: ValidationErrors): void;
  toGenerationRequest(parameters: Own, lease: ModelLease, deps: GeneratorDeps): GenerationRequest;
}

/**
 * Does all of a generation that can fail before the first byte is sent.
 *
 * @throws FolioError with every fault of the request
 */
export const prepareGeneration = async <Own extends Parameters>(
  deps: GeneratorDeps,
  endpoint: Endpoint<Own>,
  sent: Readonly<Record<string, unknown>>,
  context: Context<AppEnv>,
): Promise<{ parameters: Own; generation: Generation }> => {
  const began = performance.now();
  const { limits, generator } = deps;
  const faults = new ValidationErrors();
  const rare = await loadRareFields(endpoint.schema, Object.keys(sent));
  const schema = rare?.withRareFields(endpoint.schema) ?? endpoint.schema;
  const { body, warnings } = await readBody(deps, { ...endpoint, schema }, sent, faults);
  const parameters = parse(schema, body, faults);
  const { lengthName, promptName } = endpoint;
  const texts = promptName === 'prompt' ? body.prompt : undefined;
  checkLengths(limits, { length: [lengthName, body[lengthName]], text: ['prompt', texts] }, faults);
  endpoint.checkTogether?.(body, faults);
  if (parameters === undefined) {
    await checkMalformed(deps, body, faults);
    return faults.raise();
  }
  const { continuable, continue_from: token } = parameters;
  const signer = continuable || token !== undefined ? await generator.signer() : undefined;
  const continued = await faults.gather('continue_from', () =>
    token === undefined ? undefined : signer?.open(token),
  );
  const lost = token !== undefined && continued === undefined;
  const lease = lost
    ? undefined
    : await faults.gather('model', async () => {
        const model = parameters.model ?? continued?.model;
        const named = model ?? (endpoint.openAi ? await onlyModel(deps) : undefined);
        return resolveModel(deps, { ...parameters, model: named }, continued);
      });
  if (lease === undefined) return faults.raise();
  let blend: Blend | undefined;
  try {
    const request = endpoint.toGenerationRequest(parameters, lease, deps);
    const size = sizeOf(lease, request);
    checkPromptTotal(limits, request.prompts, promptName, faults);
    checkLengths(limits, { text: ['choices', parameters.choices?.join('')] }, faults);
    checkSize(limits, size, request.count > 1 ? 'n' : lengthName, faults);
    if (promptName !== 'prompt') checkLengths(limits, { text: [promptName, request.prompts] }, faults);
    checkSeeds(parameters.seed, request.prompts.length, faults);
    checkAgainst(lease, request, parameters, promptName, faults);
    rare?.checkRareFields(lease, parameters, faults);
    const index = await copyIndexFor(lease, parameters, faults);
    const options = {
      ...optionsOf(lease, request, parameters, index, continued),
      ...rare?.rareOptions(parameters),
    };
    const { blend: mixed } = parameters;
    blend =
      mixed &&
      (await faults.gather('blend', async () => (await blending()).resolveBlend(deps, lease, mixed)));
    const model = mixed === undefined ? lease.model : blend?.model;
    if (model !== undefined && (isConstrained(options) || options.from !== undefined)) {
      await faults.gather('pattern', async () => (await constraintCheck()).checkConstraints(model, options));
    }
    faults.throwIfAny();
    const generation = new Generation({
      generator,
      signer,
      lease,
      blend,
      parameters,
      prompts: request.prompts,
      options,
      seed: parameters.seed ?? continued?.seed,
      warnings: [...warnings, ...(request.warnings ?? [])],
      caller: context.get('caller'),
      client: context.req.raw.signal,
      seconds: limits.seconds,
      bytes: request.whole ? bytesOf(size) : 0,
      began,
    });
    context.set('generation', generation);
    return { parameters, generation };
  } catch (error) {
    blend?.release();
    lease.release();
    throw error;
  }
};

/** Loaded with the first request that mixes models. */
const blending = () => import('./resolve-blend.ts');
/** Loaded with the first request that goes on from another or asks for more than sampling. */
const constraintCheck = () => import('./check-constraints.ts');

/** The body with the server's defaults in it, and on OpenAI's routes in the schema's terms. */
const readBody = async (
  { limits, requests = {} }: GeneratorDeps,
  {
    schema,
    openAi,
    lengthName,
    defaultLength,
    unknown,
  }: Pick<Endpoint<Parameters>, 'schema' | 'openAi' | 'lengthName' | 'defaultLength' | 'unknown'>,
  sent: Readonly<Record<string, unknown>>,
  faults: ValidationErrors,
): Promise<{ readonly body: Readonly<Record<string, unknown>>; readonly warnings: readonly string[] }> => {
  const known = new Set(Object.keys(schema.shape));
  const { body, warnings } = openAi
    ? await openAiBody(sent, { known, lengthName, strict: requests.strict === true }, limits, faults)
    : { body: sent, warnings: [] };
  const defaults = {
    unknown: requests.unknown ?? unknown,
    [lengthName]: Math.min(defaultLength, limits.length),
  };
  const missing = Object.entries(defaults).filter(([name]) => (body[name] ?? undefined) === undefined);
  return { body: { ...body, ...Object.fromEntries(missing) }, warnings };
};

const sizeOf = (
  lease: ModelLease,
  { prompts, count, length, echo, logprobs }: GenerationRequest,
): AnswerSize => ({
  completions: prompts.length * count,
  length,
  echoed: echo
    ? count * prompts.reduce<number>((sum, prompt) => sum + promptText(lease, prompt).length, 0)
    : 0,
  logprobs,
});

const checkSeeds = (
  seed: Seed | readonly Seed[] | undefined,
  prompts: number,
  faults: ValidationErrors,
): void => {
  if (typeof seed !== 'object' || seed.length === prompts) return;
  faults.addUnexpected(
    'invalid_parameter',
    'seed',
    `one seed, or one for each of ${prompts} prompts`,
    seed.length,
  );
};

/** What depends on the model. */
const checkAgainst = (
  lease: ModelLease,
  { prompts }: GenerationRequest,
  parameters: Omit<CommonParameters, 'seed'>,
  promptName: string,
  faults: ValidationErrors,
): void => {
  for (const [where, prompt] of each(promptName, prompts)) {
    checkPrompt(lease, prompt as Prompt, parameters.unknown, where, faults);
  }
  if (parameters.allowed !== undefined) checkPrompt(lease, parameters.allowed, 'error', 'allowed', faults);
};

/** Of a request that its schema refused, what is wrong with model and prompt as well. */
const checkMalformed = async (
  deps: GeneratorDeps,
  { model, prompt, unknown = 'error' }: Readonly<Record<string, unknown>>,
  faults: ValidationErrors,
): Promise<void> => {
  if (model !== undefined && typeof model !== 'string') return;
  const lease = await faults.gather('model', () => resolveModel(deps, { model }));
  if (lease && typeof prompt === 'string' && unknown === 'error') {
    checkPrompt(lease, prompt, 'error', 'prompt', faults);
  }
  lease?.release();
};

/** The request as the model's options. */
const optionsOf = (
  { model }: ModelLease,
  { length, count, logprobs, minLength, echo }: GenerationRequest,
  parameters: Omit<CommonParameters, 'seed'>,
  index: CopyIndex | undefined,
  continued: Continuation | undefined,
): GenerateOptions => ({
  ...samplingOptions(parameters, index),
  ...present({
    length,
    minLength,
    n: count,
    logprobs: logprobs === undefined ? undefined : Math.min(logprobs, model.vocabularySize),
    scorePrompt: echo === true && logprobs !== undefined,
    from: continued?.state,
  }),
});
