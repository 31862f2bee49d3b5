import * as z from 'zod/mini';
import {
  type SamplingParameterName,
  type SnakeCase,
  samplingParameters,
  snakeCase,
} from '../../model/sampling/parameters.ts';
import { PRECISIONS } from '../../model/stepper.ts';
import { choice, flag, integer, modelReference, name, numberIn, strings, text } from './fields.ts';
import { lazyObject } from './lazy-object.ts';

/*
 * The schemas of requests. What their fields mean is in `openapi/request-descriptions.ts`, and the fields that few
 * generating requests have are in `rare-fields.ts`: a function that generates loads this at its start.
 */

type NumericFields = {
  [Name in SamplingParameterName as SnakeCase<Name>]: z.ZodMiniDefault<z.ZodMiniNumber<number>>;
};

/** A field for each sampling parameter of the table, under the names that the field uses: `topK` is `top_k`. */
const numericFields = () =>
  Object.fromEntries(
    samplingParameters.map(([name, parameter]) => [
      snakeCase(name),
      z._default(numberIn(parameter), parameter.default),
    ]),
  ) as NumericFields;

const seedError = 'a whole number from 0 to 18446744073709551615';

/** Digits stand for numbers that JavaScript's cannot hold: `readJson` keeps those of a body. */
const seed = z.union(
  [
    z.int().check(z.minimum(0, { error: seedError })),
    z.string().check(z.refine((digits) => isSeed(digits), { error: seedError })),
  ],
  { error: seedError },
);

/** Whether digits are a number of 64 bits, with or without a sign. */
const isSeed = (digits: string): boolean => {
  if (!/^-?\d{1,20}$/.test(digits)) return false;
  const value = BigInt(digits);
  return value >= -(2n ** 63n) && value < 2n ** 64n;
};

/** What may be asked of the sampler at every endpoint. */
const sampling = () => ({
  ...numericFields(),
  allowed: z.optional(text()),
  seed: z.optional(seed),
  stop: z.optional(strings()),
  include_stop: z._default(flag(), false),
});

/** Folio's own, beside what OpenAI's API has. */
const extras = () => ({
  version: z.optional(name()),
  digest: z.optional(text()),
  precision: z.optional(choice(PRECISIONS)),
  unknown: z._default(choice(['error', 'skip', 'nearest']), 'error'),
  continuable: z._default(flag(), false),
  continue_from: z.optional(text()),
  copy_guard: z.optional(integer(1, 100_000)),
  overlap: z._default(flag(), false),
});

const strict = { error: 'a JSON object' };

export const GenerateRequestSchema = lazyObject(
  () => ({
    prompt: z._default(text(), ''),
    length: z._default(integer(0, Number.MAX_SAFE_INTEGER), 256),
    min_length: z.optional(integer(0, Number.MAX_SAFE_INTEGER)),
    model: z.optional(modelReference()),
    ...sampling(),
    ...extras(),
  }),
  strict,
).register(z.globalRegistry, { id: 'GenerateRequest' });

const idError = 'the id of a character, a whole number from 0';
const ids = z.array(z.int({ error: idError }).check(z.minimum(0, { error: idError })));
const promptsError = 'an array of 1 to 128 prompts, none of them of no ids';
const severalPrompts = [
  z.minLength(1, { error: promptsError }),
  z.maxLength(128, { error: promptsError }),
] as const;

/** What OpenAI's generating routes share: how many texts, how long, and how they are sent. */
const openAi = () => ({
  n: z._default(integer(1, 128), 1),
  min_tokens: z.optional(integer(0, Number.MAX_SAFE_INTEGER)),
  stream: z._default(flag(), false),
  stream_options: z.optional(
    z.strictObject(
      {
        include_usage: z.optional(flag()),
        continuous_usage_stats: z.optional(flag()),
        include_obfuscation: z.optional(flag()),
      },
      { error: 'an object' },
    ),
  ),
  user: z.optional(text()),
});

export const CompletionRequestSchema = lazyObject(
  () => ({
    model: z.optional(text()),
    prompt: z._default(
      z.union(
        [
          z.string(),
          z.array(z.string()).check(...severalPrompts),
          ids.check(z.minLength(1, { error: promptsError })),
          z.array(ids.check(z.minLength(1, { error: promptsError }))).check(...severalPrompts),
        ],
        { error: 'a string, an array of strings, an array of character ids, or an array of such arrays' },
      ),
      '',
    ),
    max_tokens: z._default(integer(0, Number.MAX_SAFE_INTEGER), 16),
    best_of: z.optional(integer(1, 128)),
    logprobs: z.optional(integer(0, 20)),
    echo: z._default(flag(), false),
    suffix: z.optional(z.unknown()),
    ...openAi(),
    ...sampling(),
    seed: z.optional(
      z.union([seed, z.array(seed).check(...severalPrompts)], {
        error: `${seedError}, or an array of one for each prompt`,
      }),
    ),
    ...extras(),
  }),
  strict,
).register(z.globalRegistry, { id: 'CompletionRequest' });

const contentPart = () =>
  z.looseObject(
    {
      type: z.literal('text', { error: '"text": a model of characters reads nothing else' }),
      text: z.string({ error: 'a string' }),
    },
    { error: 'an object with `type` and `text`' },
  );

const message = () =>
  z.looseObject(
    {
      role: choice(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
      content: z.optional(
        z.union([z.string(), z.array(contentPart())], {
          error: 'a string, or an array of parts of type "text"',
        }),
      ),
    },
    { error: 'an object with `role` and `content`' },
  );

export const ChatRequestSchema = lazyObject(
  () => ({
    model: z.optional(text()),
    messages: z
      .array(message(), { error: 'an array of messages' })
      .check(
        z.minLength(1, { error: 'at least one message' }),
        z.maxLength(1000, { error: 'at most 1000 messages' }),
      ),
    max_tokens: z._default(integer(0, Number.MAX_SAFE_INTEGER), 256),
    logprobs: z._default(flag(), false),
    top_logprobs: z.optional(integer(0, 20)),
    ...openAi(),
    ...sampling(),
    ...extras(),
  }),
  strict,
).register(z.globalRegistry, { id: 'ChatCompletionRequest' });

const inputPart = () =>
  z.looseObject(
    {
      type: choice(['input_text', 'output_text', 'text']),
      text: z.string({ error: 'a string' }),
    },
    { error: 'an object with `type` and `text`' },
  );

const inputMessage = () =>
  z.looseObject(
    {
      role: choice(['system', 'developer', 'user', 'assistant']),
      content: z.union([z.string(), z.array(inputPart())], {
        error: 'a string, or an array of parts of type "input_text" or "output_text"',
      }),
    },
    { error: 'a message with `role` and `content`' },
  );

const refused = () => z.optional(z.unknown());
const needMemory = () => ({
  previous_response_id: refused(),
  conversation: refused(),
  background: refused(),
});

export const ResponsesRequestSchema = lazyObject(
  () => ({
    model: z.optional(text()),
    input: z.union(
      [z.string(), z.array(inputMessage()).check(z.maxLength(1000, { error: 'at most 1000 messages' }))],
      {
        error: 'a string, or an array of messages',
      },
    ),
    instructions: z.optional(text()),
    max_output_tokens: z._default(integer(0, Number.MAX_SAFE_INTEGER), 256),
    ...needMemory(),
    min_tokens: openAi().min_tokens,
    stream: openAi().stream,
    stream_options: openAi().stream_options,
    user: openAi().user,
    ...sampling(),
    ...extras(),
  }),
  strict,
).register(z.globalRegistry, { id: 'ResponsesRequest' });

const tokenizerModel = () => z.optional(text());

export const TokenizeRequestSchema = lazyObject(
  () => ({
    model: tokenizerModel(),
    prompt: z.optional(text()),
    messages: z.optional(z.array(message(), { error: 'an array of messages' })),
    add_special_tokens: z._default(flag(), false),
    return_token_strs: z._default(flag(), false),
    add_generation_prompt: z._default(flag(), true),
    unknown: extras().unknown,
  }),
  strict,
).register(z.globalRegistry, { id: 'TokenizeRequest' });

export const DetokenizeRequestSchema = lazyObject(
  () => ({
    model: tokenizerModel(),
    tokens: z.array(z.int({ error: 'a whole number' }).check(z.minimum(0)), { error: 'an array of ids' }),
  }),
  strict,
).register(z.globalRegistry, { id: 'DetokenizeRequest' });

const textsError = 'a string or an array of 1 to 128 strings';
const severalTexts = [
  z.minLength(1, { error: textsError }),
  z.maxLength(128, { error: textsError }),
] as const;

/** A line ends with its newline alone, and one seed gives all of them. */
const lineSampling = () => {
  const { stop: _, seed: __, ...rest } = sampling();
  return rest;
};

export const LinesRequestSchema = lazyObject(
  () => ({
    lines: integer(1, 1000),
    new: z._default(flag(), false),
    prompt: z._default(text(), ''),
    length: z.optional(integer(1, Number.MAX_SAFE_INTEGER)),
    model: z.optional(modelReference()),
    seed: z.optional(integer(0, 2 ** 32 - 1)),
    ...lineSampling(),
    version: extras().version,
    digest: extras().digest,
    precision: extras().precision,
    unknown: extras().unknown,
  }),
  strict,
).register(z.globalRegistry, { id: 'LinesRequest' });

export const ScoreRequestSchema = lazyObject(
  () => ({
    model: z.optional(modelReference()),
    text: z.union([z.string(), z.array(z.string()).check(...severalTexts)], {
      error: textsError,
    }),
    top: z._default(integer(0, 20), 0),
    version: extras().version,
    digest: extras().digest,
    precision: extras().precision,
    unknown: extras().unknown,
  }),
  strict,
).register(z.globalRegistry, { id: 'ScoreRequest' });

export const ActivateRequestSchema = lazyObject(
  () => ({
    version: name(),
    expected: z.optional(text()),
  }),
  strict,
).register(z.globalRegistry, { id: 'ActivateRequest' });

const teachersError = 'a model’s name, or name@version; or an array of 1 to 8 of them';

/** How a training is made: the models that it starts from and learns from, and its arithmetic. */
const trainingOptions = () => ({
  preset: z.optional(name()),
  precision: z.optional(choice(['f32', 'bf16'])),
  from: z.optional(modelReference()),
  teachers: z.optional(
    z.union(
      [
        modelReference(),
        z
          .array(modelReference())
          .check(z.minLength(1, { error: teachersError }), z.maxLength(8, { error: teachersError })),
      ],
      { error: teachersError },
    ),
  ),
});

export const UploadRequestSchema = lazyObject(
  () => ({
    bytes: z.optional(integer(0, Number.MAX_SAFE_INTEGER)),
    ...trainingOptions(),
  }),
  strict,
).register(z.globalRegistry, { id: 'UploadRequest' });

export const ImportRequestSchema = lazyObject(
  () => ({
    file: z._default(text(), 'file'),
    alphabet: z.optional(text()),
    alphabet_from: z.optional(name()),
    nonlinearity: z.optional(choice(['tanh', 'relu'])),
    dense_activation: z.optional(choice(['relu', 'tanh', 'sigmoid', 'linear'])),
  }),
  strict,
).register(z.globalRegistry, { id: 'ImportRequest' });

export const TrainingRequestSchema = lazyObject(
  () => ({
    model: name(),
    corpus: z.optional(name()),
    ...trainingOptions(),
  }),
  strict,
).register(z.globalRegistry, { id: 'TrainingRequest' });
