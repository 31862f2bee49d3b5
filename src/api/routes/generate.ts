import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import type { AppEnv } from '../app-env.ts';
import type { GeneratorDeps } from '../deps.ts';
import type { Generation, Outcome } from '../generation.ts';
import { readJson } from '../request/body.ts';
import { loadRareFields } from '../request/load-rare-fields.ts';
import type { GenerateParameters } from '../request/parameters.ts';
import { type Endpoint, prepareGeneration } from '../request/prepare-generation.ts';
import { fromQuery } from '../request/query.ts';
import { GenerateRequestSchema } from '../request/requests.ts';
import { bodyStream } from '../response/body-stream.ts';
import { stopReasonOf } from '../response/stop-reason.ts';
import { generationErrors, json, plain, type Route, route } from './route.ts';

const generated = {
  200: { description: 'The text', content: { [json]: 'GenerateResponseSchema', [plain]: 'text' } },
} as const;

/** The simple endpoint: parameters by plain names, an answer as JSON, or as text that is sent while it is made. */
export const generateRoutes: readonly Route<GeneratorDeps>[] = [
  route(
    {
      method: 'post',
      path: '/generate',
      group: 'Generation',
      id: 'generate',
      summary: 'Generate a text',
      description:
        'The simple endpoint. `Accept: text/plain` streams the text as it is made, its receipt in a header.',
      lambda: 'generate',
      body: { [json]: GenerateRequestSchema },
      example: { prompt: 'ROMEO:', length: 200, temperature: 0.7, seed: 1 },
      answers: generated,
      errors: generationErrors,
    },
    async (context, deps) => answer(deps, context, await readJson(context, deps.limits)),
  ),
  route(
    {
      method: 'get',
      path: '/generate',
      group: 'Generation',
      id: 'generateByQuery',
      summary: 'Generate a text, with the parameters in the query',
      lambda: 'generate',
      query: GenerateRequestSchema,
      example: { prompt: 'ROMEO:', length: 200 },
      answers: generated,
      errors: generationErrors,
    },
    (context, deps) =>
      context.req.raw.method === 'HEAD' // generates nothing
        ? context.body(null, 200, { 'content-type': json })
        : answerQuery(deps, context, new URL(context.req.url).searchParams),
  ),
];

const endpointFor = (whole: boolean): Endpoint<GenerateParameters> => ({
  schema: GenerateRequestSchema,
  lengthName: 'length',
  defaultLength: 256,
  promptName: 'prompt',
  openAi: false,
  unknown: 'error',
  toGenerationRequest: ({ prompt, length, min_length: minLength }) => ({
    prompts: [prompt],
    length,
    minLength,
    count: 1,
    whole,
  }),
});

const answerQuery = async (
  deps: GeneratorDeps,
  context: Context<AppEnv>,
  query: URLSearchParams,
): Promise<Response> => {
  const rare = await loadRareFields(GenerateRequestSchema, query.keys());
  const schema = rare?.withRareFields(GenerateRequestSchema) ?? GenerateRequestSchema;
  return answer(deps, context, fromQuery(schema, query));
};

const answer = async (
  deps: GeneratorDeps,
  context: Context<AppEnv>,
  body: Record<string, unknown>,
): Promise<Response> => {
  const type = accepts(context, { header: 'Accept', supports: [json, plain], default: json });
  const { generation } = await prepareGeneration(deps, endpointFor(type === json), body, context);
  if (type === plain) return streamText(generation);
  try {
    const run = generation.run();
    let step = await run.next();
    while (!step.done) step = await run.next();
    return context.json(responseBody(generation, step.value), 200, generation.headers());
  } catch (error) {
    generation.fail(error);
    throw error;
  } finally {
    generation.close();
  }
};

/** Characters: clients and proxies refuse heads of more than a few thousand. */
const longestHeader = 4096;

/** The text as it is made. Its receipt goes ahead, in a header, without the prompt and without a state. */
const streamText = (generation: Generation): Response => {
  const body = bodyStream(piecesOf(generation), () => generation.close());
  const { prompt: _, continue_from: __, ...rest } = generation.receipt();
  const receipt = ascii(rest);
  return new Response(body, {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'private, no-cache, no-transform',
      'x-accel-buffering': 'no',
      ...generation.headers(),
      ...(receipt.length > longestHeader ? {} : { 'x-folio-receipt': receipt }),
    },
  });
};

/** What goes wrong meanwhile breaks the connection off: half a text does not look whole. */
async function* piecesOf(generation: Generation): AsyncGenerator<string, void> {
  const run = generation.run();
  try {
    for await (const events of run) {
      const text = events.map(({ event }) => event.text).join('');
      if (text !== '') yield text;
    }
  } catch (error) {
    generation.fail(error);
    throw error;
  } finally {
    generation.close();
  }
}

/** JSON that may stand in a header: every other character escaped. */
const ascii = (value: object): string =>
  JSON.stringify(value).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const responseBody = (generation: Generation, outcome: Outcome): object => {
  const [result] = outcome.results;
  const choice = result?.choices[0];
  if (!result || !choice) throw new TypeError('A generation ended without a completion.');
  const token = generation.continuation(choice.state);
  return {
    text: choice.text,
    finish_reason: choice.finishReason,
    ...stopReasonOf(choice),
    model: generation.lease.name,
    version: generation.lease.version,
    seed: generation.seed,
    characters: choice.generated,
    ...(choice.overlap === undefined ? {} : { overlap: choice.overlap }),
    ...(choice.choiceScores === undefined ? {} : { choice_scores: choice.choiceScores }),
    ...(result.replaced.length === 0 ? {} : { replaced: result.replaced }),
    ...(token === undefined ? {} : { continue_from: token }),
    receipt: generation.receipt(),
    timings: outcome.timings,
  };
};
