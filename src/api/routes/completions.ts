import type { GeneratorDeps } from '../deps.ts';
import { readJson } from '../request/body.ts';
import type { Prompt } from '../request/checks.ts';
import type { CompletionParameters } from '../request/parameters.ts';
import { type Endpoint, prepareGeneration } from '../request/prepare-generation.ts';
import { CompletionRequestSchema } from '../request/requests.ts';
import type { ValidationErrors } from '../request/validation-errors.ts';
import { answerCompletion } from '../response/answer-completion.ts';
import { textFormat } from '../response/completion-format.ts';
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
      openAi: true,
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
      const { n, stream, stream_options: streamOptions, logprobs, echo } = parameters;
      return answerCompletion(context, generation, textFormat, {
        n,
        stream,
        streamOptions,
        logprobs,
        echo,
      });
    },
  ),
];

/** Faults of parameters that are right each by itself. */
const checkTogether = (body: Readonly<Record<string, unknown>>, faults: ValidationErrors): void => {
  checkStreamOptions(body, faults);
  const { best_of: best, n, stream, suffix } = body;
  if (typeof best === 'number' && best < (typeof n === 'number' ? n : 1)) {
    faults.addUnexpected('invalid_parameter', 'best_of', `at least n, ${n ?? 1}`, best);
  }
  if (typeof best === 'number' && best > (typeof n === 'number' ? n : 1) && stream === true) {
    faults.add('invalid_parameter', 'best_of', 'best_of: expected no more than n with `stream`.');
  }
  if (suffix !== undefined && suffix !== null) {
    faults.add(
      'invalid_parameter',
      'suffix',
      'suffix: not supported, because a recurrent model reads in one direction and cannot look at what is to follow.',
    );
  }
};

/** Options of a stream, without one. */
export const checkStreamOptions = (
  { stream, stream_options: options }: Readonly<Record<string, unknown>>,
  faults: ValidationErrors,
): void => {
  if (options !== undefined && stream !== true) {
    faults.add('invalid_parameter', 'stream_options', 'stream_options: expected only with `stream`.');
  }
};

const promptsOf = ({ prompt }: CompletionParameters): readonly Prompt[] => {
  if (typeof prompt === 'string') return [prompt];
  return typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as string[] | number[][]);
};

const endpoint: Endpoint<CompletionParameters> = {
  schema: CompletionRequestSchema,
  lengthName: 'max_tokens',
  defaultLength: 16,
  promptName: 'prompt',
  openAi: true,
  unknown: 'error',
  checkTogether,
  toGenerationRequest: (parameters) => {
    const { n, best_of: best = n, logprobs, echo } = parameters;
    return {
      prompts: promptsOf(parameters),
      length: parameters.max_tokens,
      count: best,
      // The best are found by their log-probabilities.
      logprobs: logprobs ?? (best > n ? 0 : undefined),
      minLength: parameters.min_tokens,
      echo,
      whole: !parameters.stream,
    };
  },
};
