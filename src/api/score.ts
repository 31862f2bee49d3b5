import { Hono } from 'hono';
import { FolioError } from '../errors.ts';
import type { Score } from '../model/model.ts';
import type { AppDeps, Generator } from './deps.ts';
import { FaultList } from './faults.ts';
import { checkLengths, checkPrompt, openModel } from './generation.ts';
import { parse } from './parse.ts';
import { type AppEnv, readJson } from './request.ts';
import { ScoreRequest } from './schemas.ts';

/** How likely texts are under a model, character by character. */
export const scoreRoutes = (deps: AppDeps, generator: Generator): Hono<AppEnv> =>
  new Hono<AppEnv>().post('/v1/score', async (context) => {
    const body = await readJson(context, deps.limits);
    const faults = new FaultList();
    const parameters = parse(ScoreRequest, body, faults);
    checkLengths(deps.limits, body, '', faults);
    const named = { model: typeof body.model === 'string' ? body.model : undefined, ...parameters };
    const held = await faults.gather('model', () => openModel(generator, named));
    try {
      const texts = parameters && (typeof parameters.text === 'string' ? [parameters.text] : parameters.text);
      for (const [at, text] of (held && texts ? texts : []).entries()) {
        const where = texts?.length === 1 ? 'text' : `text[${at}]`;
        if (held && parameters) checkPrompt(held, text, parameters.unknown, where, faults);
      }
      faults.throwIfAny();
      if (!held || !parameters || !texts) throw new TypeError('A request without a fault was not parsed.');
      const leave = generator.admission.enter(context.get('caller').id, texts.length);
      try {
        const timeLimit = AbortSignal.timeout(deps.limits.seconds * 1000);
        const signal = AbortSignal.any([context.req.raw.signal, timeLimit]);
        const began = performance.now();
        const { top, unknown } = parameters;
        const scores = await Promise.all(
          texts.map((text) => held.model.score(text, { top, unknown, signal })),
        ).catch((error: unknown) => {
          if (!timeLimit.aborted) throw error;
          throw new FolioError('time_limit', 'The request took longer than this server allows.', {
            retryAfter: 1,
          });
        });
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
        leave();
      }
    } finally {
      held?.release();
    }
  });

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
