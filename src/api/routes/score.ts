import type { Context } from 'hono';
import type { Score } from '../../model/model.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import type { AppEnv } from '../app-env.ts';
import type { GeneratorDeps } from '../deps.ts';
import { readTextRequest } from '../request/body.ts';
import { bytesOf, checkLengths, checkPrompt, checkPromptTotal, checkSize, each } from '../request/checks.ts';
import { overTime } from '../request/limits.ts';
import type { ScoreParameters } from '../request/parameters.ts';
import { parse } from '../request/parse.ts';
import { ScoreRequestSchema } from '../request/requests.ts';
import { resolveModel } from '../request/resolve-model.ts';
import { ValidationErrors } from '../request/validation-errors.ts';
import { generationErrors, json, type Route, route } from './route.ts';

/** How likely texts are under a model, character by character. */
export const scoreRoutes: readonly Route<GeneratorDeps>[] = [
  route(
    {
      method: 'post',
      path: '/v1/score',
      group: 'Generation',
      id: 'score',
      summary: 'Score texts, character by character',
      lambda: 'generate',
      body: { [json]: ScoreRequestSchema },
      example: { text: 'To be, or not to be', top: 3 },
      answers: { 200: { description: 'The scores', content: { [json]: 'ScoreResponseSchema' } } },
      errors: generationErrors,
    },
    (context, deps) => answer(context, deps),
  ),
];

const answer = async (context: Context<AppEnv>, deps: GeneratorDeps): Promise<Response> => {
  const body = await readTextRequest(context, deps);
  const faults = new ValidationErrors();
  const parameters = parse(ScoreRequestSchema, body, faults);
  checkLengths(deps.limits, { text: ['text', body.text] }, faults);
  if (parameters === undefined) return faults.raise();
  const lease = await faults.gather('model', () => resolveModel(deps, parameters));
  if (lease === undefined) return faults.raise();
  try {
    for (const [where, text] of each('text', parameters.text)) {
      checkPrompt(lease, text as string, parameters.unknown, where, faults);
    }
    const texts = typeof parameters.text === 'string' ? [parameters.text] : parameters.text;
    const size = { completions: 0, length: 0, echoed: texts.join('').length, logprobs: parameters.top };
    checkPromptTotal(deps.limits, texts, 'text', faults);
    checkSize(deps.limits, size, 'text', faults);
    faults.throwIfAny();
    const began = performance.now();
    const scores = await scoreAll(deps, lease, parameters, context, bytesOf(size));
    return context.json({
      object: 'list',
      model: lease.name,
      version: lease.version,
      digest: lease.model.info.digest,
      precision: lease.model.info.precision,
      data: scores.map(scoreObject),
      timings: {
        load_ms: Number(lease.loadMilliseconds.toFixed(2)),
        score_ms: Number((performance.now() - began).toFixed(2)),
      },
    });
  } finally {
    lease.release();
  }
};

const scoreAll = async (
  { limits, generator: { admission } }: GeneratorDeps,
  { model }: ModelLease,
  { text, top, unknown }: ScoreParameters,
  context: Context<AppEnv>,
  bytes: number,
): Promise<Score[]> => {
  const texts = typeof text === 'string' ? [text] : text;
  const leave = admission.enter(context.get('caller').id, texts.length, bytes);
  const timeLimit = AbortSignal.timeout(limits.seconds * 1000);
  const signal = AbortSignal.any([context.req.raw.signal, timeLimit]);
  try {
    return await Promise.all(
      texts.map((one) => model.score(one, { top: Math.min(top, model.vocabularySize), unknown, signal })),
    );
  } catch (error) {
    if (timeLimit.aborted) throw overTime();
    throw error;
  } finally {
    leave();
  }
};

const scoreObject = (score: Score, index: number): object => ({
  index,
  characters: score.characters.length,
  nats: score.nats,
  bits_per_character: score.bitsPerCharacter,
  perplexity: score.perplexity,
  details: score.characters.map(({ character, logprob, rank, top }) => ({
    character,
    logprob,
    rank,
    ...(top.length === 0 ? {} : { top }),
  })),
  ...(score.replaced.length === 0 ? {} : { replaced: score.replaced }),
});
