import { type Context, Hono } from 'hono';
import type { Score } from '../../model/model.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import type { AppDeps, Generator } from '../deps.ts';
import { type AppEnv, readJson } from '../request/body.ts';
import { checkLengths, checkPrompt, each } from '../request/checks.ts';
import { overTime } from '../request/limits.ts';
import { parse } from '../request/parse.ts';
import { type ScoreParameters, ScoreRequestSchema } from '../request/requests.ts';
import { resolveModel } from '../request/resolve-model.ts';
import { ValidationErrors } from '../response/validation-errors.ts';

/** How likely texts are under a model, character by character. */
export const scoreRoutes = (deps: AppDeps, generator: Generator): Hono<AppEnv> =>
  new Hono<AppEnv>().post('/v1/score', async (context) => {
    const body = await readJson(context, deps.limits);
    const faults = new ValidationErrors();
    const parameters = parse(ScoreRequestSchema, body, faults);
    checkLengths(deps.limits, { text: ['text', body.text] }, faults);
    if (parameters === undefined) return faults.raise();
    const held = await faults.gather('model', () => resolveModel(generator, parameters));
    if (held === undefined) return faults.raise();
    try {
      for (const [where, text] of each('text', parameters.text)) {
        checkPrompt(held, text as string, parameters.unknown, where, faults);
      }
      faults.throwIfAny();
      const began = performance.now();
      const scores = await scoreAll(deps, generator, held, parameters, context);
      return context.json({
        object: 'list',
        model: held.name,
        version: held.version,
        digest: held.model.info.digest,
        precision: held.model.info.precision,
        data: scores.map(told),
        timings: {
          load_ms: Number(held.loadMilliseconds.toFixed(2)),
          score_ms: Number((performance.now() - began).toFixed(2)),
        },
      });
    } finally {
      held.release();
    }
  });

const scoreAll = async (
  { limits }: AppDeps,
  { admission }: Generator,
  { model }: ModelLease,
  { text, top, unknown }: ScoreParameters,
  context: Context<AppEnv>,
): Promise<Score[]> => {
  const texts = typeof text === 'string' ? [text] : text;
  const leave = admission.enter(context.get('caller').id, texts.length);
  const timeLimit = AbortSignal.timeout(limits.seconds * 1000);
  const signal = AbortSignal.any([context.req.raw.signal, timeLimit]);
  try {
    return await Promise.all(texts.map((one) => model.score(one, { top, unknown, signal })));
  } catch (error) {
    if (timeLimit.aborted) throw overTime();
    throw error;
  } finally {
    leave();
  }
};

const told = (score: Score, index: number): object => ({
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
