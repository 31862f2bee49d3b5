import type { GeneratorDeps } from '../deps.ts';
import { readJson, streamFailures } from '../request/body.ts';
import type { Prompt } from '../request/checks.ts';
import { type Endpoint, prepareGeneration } from '../request/prepare-generation.ts';
import { type CompletionParameters, CompletionRequestSchema } from '../request/requests.ts';
import type { ValidationErrors } from '../request/validation-errors.ts';
import { Completion } from '../response/completion.ts';
import { streamCompletion } from '../response/completion-stream.ts';
import { events, generationErrors, json, type Route, route } from './route.ts';

/** OpenAI's completions, to the letter where it applies: https://platform.openai.com/docs/api-reference/completions */
export const completionRoutes: readonly Route<GeneratorDeps>[] = [
  route(
    {
      method: 'post',
      path: '/v1/completions',
      group: 'Generation',
      id: 'createCompletion',
      summary: 'Create completions, as OpenAI’s API does',
      description: 'A token is a character. With `stream`, server-sent events that end with `data: [DONE]`.',
      lambda: 'generate',
      body: { [json]: CompletionRequestSchema },
      example: { model: 'shakespeare', prompt: 'ROMEO:', max_tokens: 200, top_p: 0.9, logprobs: 3, seed: 1 },
      answers: {
        200: {
          description: 'The completions',
          content: { [json]: 'CompletionResponseSchema', [events]: 'CompletionChunkSchema' },
        },
      },
      errors: generationErrors,
    },
    async (context, deps) => {
      const body = await readJson(context, deps.limits);
      const { parameters, generation } = await prepareGeneration(deps, endpoint, body, context);
      const completion = new Completion(parameters, generation);
      if (parameters.stream) return streamCompletion(completion, streamFailures(deps, context));
      return context.json(await completion.whole(), 200, generation.headers());
    },
  ),
];

/** Faults of parameters that are right each by itself. */
const checkTogether = (body: Readonly<Record<string, unknown>>, faults: ValidationErrors): void => {
  const { best_of: best, n, stream, stream_options: options, suffix } = body;
  if (typeof best === 'number' && best < (typeof n === 'number' ? n : 1)) {
    faults.add('invalid_parameter', 'best_of', `best_of: expected at least n, ${n ?? 1}, received ${best}.`);
  }
  if (typeof best === 'number' && best > (typeof n === 'number' ? n : 1) && stream === true) {
    faults.add('invalid_parameter', 'best_of', 'best_of: expected no more than n with `stream`.');
  }
  if (options !== undefined && options !== null && stream !== true) {
    faults.add('invalid_parameter', 'stream_options', 'stream_options: expected only with `stream`.');
  }
  if (suffix !== undefined && suffix !== null) {
    faults.add(
      'invalid_parameter',
      'suffix',
      'suffix: not supported, because a recurrent model reads in one direction and cannot look at what is to follow.',
    );
  }
};

const promptsOf = ({ prompt }: CompletionParameters): readonly Prompt[] => {
  if (typeof prompt === 'string') return [prompt];
  return typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as string[] | number[][]);
};

const endpoint: Endpoint<CompletionParameters> = {
  schema: CompletionRequestSchema,
  lengthName: 'max_tokens',
  checkTogether,
  toGenerationRequest: (parameters) => {
    const { n, best_of: best = n, logprobs, echo } = parameters;
    return {
      prompts: promptsOf(parameters),
      length: parameters.max_tokens,
      count: best,
      // The best are found by their log-probabilities.
      logprobs: logprobs ?? (best > n ? 0 : undefined),
      scorePrompt: echo && logprobs !== undefined,
    };
  },
};
