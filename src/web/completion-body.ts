import type { GenerationSettings } from './generation.ts';

/** The API's defaults: what a body need not say. */
const silent: Readonly<Record<string, unknown>> = {
  temperature: 1,
  top_p: 1,
  n: 1,
  top_k: 0,
  min_p: 0,
  typical_p: 1,
  repetition_penalty: 1,
  frequency_penalty: 0,
  copy_guard: 0,
  stop: '',
  unknown: 'error',
};

/** The request as `POST /v1/completions` takes it, without what is the API's default anyway. */
export const completionBody = (model: string, request: GenerationSettings): Record<string, unknown> => {
  const body = {
    model,
    prompt: request.prompt,
    max_tokens: request.length,
    seed: request.seed,
    n: request.n,
    temperature: request.temperature,
    top_p: request.topP,
    top_k: request.topK,
    min_p: request.minP,
    typical_p: request.typicalP,
    repetition_penalty: request.repetitionPenalty,
    frequency_penalty: request.frequencyPenalty,
    copy_guard: request.copyGuard,
    stop: request.stop,
    unknown: request.unknown,
  };
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => silent[name] !== value));
};

/** The parameters that OpenAI's clients know by themselves; the others travel beside them. */
export const standardParameters: ReadonlySet<string> = new Set([
  'model',
  'prompt',
  'max_tokens',
  'seed',
  'n',
  'temperature',
  'top_p',
  'frequency_penalty',
  'stop',
]);
