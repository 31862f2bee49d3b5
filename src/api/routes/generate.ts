import { type Context, Hono } from 'hono';
import { accepts } from 'hono/accepts';
import type { AppDeps, Generator } from '../deps.ts';
import type { Generation, Outcome } from '../generation.ts';
import { type AppEnv, readJson, streamFailures } from '../request/body.ts';
import { type Endpoint, prepareGeneration } from '../request/prepare-generation.ts';
import { fromQuery } from '../request/query.ts';
import { type GenerateParameters, GenerateRequestSchema } from '../request/requests.ts';
import { Coalescer, PushedBody } from '../response/sse.ts';

/** The simple endpoint: parameters by plain names, an answer as JSON, or as text that flows while it is made. */
export const generateRoutes = (deps: AppDeps, generator: Generator): Hono<AppEnv> =>
  new Hono<AppEnv>()
    .get('/generate', (context) =>
      answer(
        deps,
        generator,
        context,
        fromQuery(GenerateRequestSchema, new URL(context.req.url).searchParams),
      ),
    )
    .post('/generate', async (context) =>
      answer(deps, generator, context, await readJson(context, deps.limits)),
    );

const endpoint: Endpoint<GenerateParameters> = {
  schema: GenerateRequestSchema,
  lengthName: 'length',
  toGenerationRequest: ({ prompt, length }) => ({ prompts: [prompt], length, count: 1 }),
};

const answer = async (
  deps: AppDeps,
  generator: Generator,
  context: Context<AppEnv>,
  body: Record<string, unknown>,
): Promise<Response> => {
  const { generation } = await prepareGeneration(deps, generator, endpoint, body, context);
  const type = accepts(context, {
    header: 'Accept',
    supports: ['application/json', 'text/plain'],
    default: 'application/json',
  });
  if (type === 'text/plain') return flow(generation, streamFailures(deps, context));
  const outcome = await generation.run();
  return context.json(told(generation, outcome), 200, generation.headers());
};

/** Characters: clients and proxies refuse heads of more than a few thousand. */
const longestHeader = 4096;

/** The text as it is made. Its receipt goes ahead, in a header, without the prompt and without a state. */
const flow = (generation: Generation, failed: (error: unknown) => void): Response => {
  const body = new PushedBody(() => generation.stop());
  const coalescer = new Coalescer<string>((pieces) => body.push(pieces.join('')));
  generation
    .run((_, { text }) => {
      if (text !== '') coalescer.push(text);
    })
    .then(
      () => {
        coalescer.flush();
        body.end();
      },
      (error: unknown) => {
        coalescer.flush();
        failed(error);
        body.fail(error);
      },
    );
  const { prompt: _, continue_from: __, ...rest } = generation.receipt();
  const receipt = ascii(rest);
  return new Response(body.stream, {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      ...generation.headers(),
      ...(receipt.length > longestHeader ? {} : { 'x-folio-receipt': receipt }),
    },
  });
};

/** JSON that may stand in a header: every other character escaped. */
const ascii = (value: object): string =>
  JSON.stringify(value).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const told = (generation: Generation, outcome: Outcome): object => {
  const [result] = outcome.results;
  const choice = result?.choices[0];
  if (!result || !choice) throw new TypeError('A generation ended without a completion.');
  const token = generation.continuation(choice.state);
  return {
    text: choice.text,
    finish_reason: choice.finishReason,
    model: generation.held.name,
    version: generation.held.version,
    seed: generation.seed,
    characters: choice.generated,
    ...(choice.overlap === undefined ? {} : { overlap: choice.overlap }),
    ...(result.replaced.length === 0 ? {} : { replaced: result.replaced }),
    ...(token === undefined ? {} : { continue_from: token }),
    receipt: generation.receipt(),
    timings: outcome.timings,
  };
};
