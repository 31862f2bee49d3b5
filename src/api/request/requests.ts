import * as z from 'zod/mini';
import { MOST_BLENDED } from '../../model/decode/blend-limit.ts';
import {
  type SamplingParameterName,
  type SnakeCase,
  samplingParameters,
  snakeCase,
} from '../../model/sampling/parameters.ts';
import { PRECISIONS } from '../../model/stepper.ts';
import { referencePattern } from '../../store/model-name.ts';
import { choice, flag, integer, modelReference, name, number, numberIn, text } from './fields.ts';
import { lazyObject } from './lazy-object.ts';

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
const seed = z
  .union(
    [
      z.int().check(z.minimum(0, { error: seedError })),
      z.string().check(z.refine((digits) => isSeed(digits), { error: seedError })),
    ],
    { error: seedError },
  )
  .check(
    z.describe(
      'The same request with the same seed gives the same text. Of 64 bits; above 2^53 - 1 also as a string of digits.',
    ),
  );

/** Whether digits are a number of 64 bits, with or without a sign. */
const isSeed = (digits: string): boolean => {
  if (!/^-?\d{1,20}$/.test(digits)) return false;
  const value = BigInt(digits);
  return value >= -(2n ** 63n) && value < 2n ** 64n;
};

const stopError = 'a string of 1 to 1000 characters, or an array of up to 128 such strings';
const stopString = z
  .string({ error: stopError })
  .check(z.minLength(1, { error: stopError }), z.maxLength(1000, { error: stopError }));

/** One string, or several. */
const strings = (description: string) =>
  z
    .union([stopString, z.array(stopString).check(z.maxLength(128, { error: stopError }))], {
      error: stopError,
    })
    .check(z.describe(description));

const choicesError = 'an array of 1 to 1000 different texts';
const flagsError = 'some of the letters i, m, s and v, each once';

/** What may be asked of the sampler at every endpoint. */
const sampling = () => ({
  ...numericFields(),
  logit_bias: z.optional(
    z
      .record(
        z.string().check(z.regex(/^(?:\d{1,6}|[^\d]|'.')$/su, { error: 'a character, or the id of one' })),
        number(-100, 100, 'Added to the logit.'),
        { error: 'an object of characters or their ids, and numbers from -100 to 100' },
      )
      .check(
        z.describe(
          'Added to the logits of characters, given by themselves or by their ids, places in the alphabet from 0; a digit as a character is quoted: "\'5\'".',
        ),
      ),
  ),
  allowed: z.optional(text('Only these characters may be generated.')),
  seed: z.optional(seed),
  stop: z.optional(strings('Up to 128 strings that end the text; they are not part of it.')),
  include_stop: z._default(flag('The text ends with the stop string that ended it.'), false),
  banned: z.optional(
    strings('Strings that the text does not hold: the character that would complete one is not chosen.'),
  ),
  dry_sequence_breakers: z.optional(
    strings('Texts over which the DRY penalty follows no repetition, such as a line end. Default: none.'),
  ),
  pattern: z.optional(
    text(
      'A regular expression that the whole text matches, as in JavaScript, without look-around and back-references.',
    ),
  ),
  json_schema: z.optional(
    z
      .record(z.string(), z.unknown(), { error: 'a JSON schema, an object' })
      .check(z.describe('A JSON schema that the text, as JSON, fits. In place of `pattern`.')),
  ),
  choices: z.optional(
    z
      .array(z.string({ error: choicesError }), { error: choicesError })
      .check(
        z.minLength(1, { error: choicesError }),
        z.maxLength(1000, { error: choicesError }),
        z.describe(
          'The text is one of these, drawn by their probabilities, which `choice_scores` has. In place of `pattern`.',
        ),
      ),
  ),
  pattern_flags: z.optional(
    z
      .string({ error: flagsError })
      .check(
        z.regex(/^(?!.*(.).*\1)[imsv]*$/, { error: flagsError }),
        z.describe(
          'Of `pattern`: i ignores case, s lets a dot match line ends, m lets ^ and $, v adds sets of classes.',
        ),
      ),
  ),
});

const blendError = 'an object of one to three models, each with its weight';
const weightError = 'a number above 0 and below 1';
const weight = () =>
  z.number({ error: weightError }).check(z.gt(0, { error: weightError }), z.lt(1, { error: weightError }));

/** Models that are mixed with the request's own. */
const blend = () =>
  z
    .record(
      z.string().check(z.regex(referencePattern, { error: 'a model’s name, or name@version' })),
      z.union(
        [
          weight(),
          z.strictObject({
            weight: weight(),
            digest: z.optional(text('Refuses a model of another digest: receipts carry it.')),
          }),
        ],
        { error: `${weightError}, or an object of weight and digest` },
      ),
      { error: blendError },
    )
    .check(
      z.refine((models) => Object.keys(models).length > 0 && Object.keys(models).length < MOST_BLENDED, {
        error: blendError,
      }),
      z.meta({
        description:
          'Mixes the request’s model with others of the same alphabet: names, or `name@version`, and the weights of their log-probabilities; the request’s model has the rest.',
        minProperties: 1,
        maxProperties: MOST_BLENDED - 1,
      }),
    );

/** Folio's own, beside what OpenAI's API has. */
const extras = () => ({
  version: z.optional(name('Pins a version of the model, as `model: "name@version"` does.')),
  digest: z.optional(text('Refuses a model of another digest: receipts carry it.')),
  precision: z.optional(
    choice(PRECISIONS, 'Of the arithmetic. int8 and int4 give the same text on every machine.'),
  ),
  unknown: z._default(
    choice(
      ['error', 'skip', 'nearest'],
      'What becomes of prompt characters that the model does not know; what was replaced is reported.',
    ),
    'error',
  ),
  continuable: z._default(
    flag('Answer with `continue_from`, the signed state from which a later request can go on.'),
    false,
  ),
  continue_from: z.optional(
    text('The state that an earlier response carried: goes on exactly as one longer request would have.'),
  ),
  copy_guard: z.optional(
    integer(1, 100_000, 'No output stands verbatim in the corpus for this many characters or more.'),
  ),
  overlap: z._default(flag('Report the longest verbatim overlap with the corpus.'), false),
  blend: z.optional(blend()),
});

const strict = { error: 'a JSON object' };

export const GenerateRequestSchema = lazyObject(
  () => ({
    prompt: z._default(text('What the text begins after. It is not repeated in the answer.'), ''),
    length: z._default(integer(0, Number.MAX_SAFE_INTEGER, 'Characters to generate at most.'), 256),
    min_length: z.optional(
      integer(
        0,
        Number.MAX_SAFE_INTEGER,
        'Characters that are generated before a stop string or a pattern may end the text.',
      ),
    ),
    model: z.optional(modelReference('A model’s name, or `name@version`. Default: the server’s.')),
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
  n: z._default(integer(1, 128, 'Completions for each prompt.'), 1),
  min_tokens: z.optional(
    integer(
      0,
      Number.MAX_SAFE_INTEGER,
      'Characters that are generated before a stop string or a pattern may end the text.',
    ),
  ),
  stream: z._default(flag('Server-sent events, as the text is made.'), false),
  stream_options: z.optional(
    z
      .strictObject(
        {
          include_usage: z.optional(flag('One more chunk at the end, with the usage.')),
          continuous_usage_stats: z.optional(flag('The usage so far in every chunk.')),
          include_obfuscation: z.optional(flag('Accepted; nothing is padded.')),
        },
        { error: 'an object' },
      )
      .check(z.describe('Only with `stream`.')),
  ),
  user: z.optional(text('Accepted and not looked at.')),
});

export const CompletionRequestSchema = lazyObject(
  () => ({
    model: z.optional(text('A model’s name, or `name@version`. Default: the only one, where there is one.')),
    prompt: z._default(
      z
        .union(
          [
            z.string(),
            z.array(z.string()).check(...severalPrompts),
            ids.check(z.minLength(1, { error: promptsError })),
            z.array(ids.check(z.minLength(1, { error: promptsError }))).check(...severalPrompts),
          ],
          { error: 'a string, an array of strings, an array of character ids, or an array of such arrays' },
        )
        .check(z.describe('One prompt or several. An array of whole numbers is a prompt of character ids.')),
      '',
    ),
    max_tokens: z._default(
      integer(0, Number.MAX_SAFE_INTEGER, 'Characters to generate at most: a token is a character here.'),
      16,
    ),
    best_of: z.optional(
      integer(1, 128, 'Generates this many and returns the n of the highest mean log-probability.'),
    ),
    logprobs: z.optional(
      integer(0, 20, 'Log-probabilities, with this many of the likeliest alternatives a character.'),
    ),
    echo: z._default(flag('Repeat the prompt before the completion.'), false),
    suffix: z.optional(z.unknown().check(z.describe('Refused: a recurrent model reads in one direction.'))),
    ...openAi(),
    ...sampling(),
    seed: z.optional(
      z
        .union([seed, z.array(seed).check(...severalPrompts)], {
          error: `${seedError}, or an array of one for each prompt`,
        })
        .check(
          z.describe(
            'One for all prompts, or an array of one for each; without it, each prompt draws its own.',
          ),
        ),
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
      role: choice(['system', 'developer', 'user', 'assistant', 'tool', 'function'], 'Who wrote it.'),
      content: z.optional(
        z
          .union([z.string(), z.array(contentPart())], {
            error: 'a string, or an array of parts of type "text"',
          })
          .check(z.describe('The text, or its parts.')),
      ),
    },
    { error: 'an object with `role` and `content`' },
  );

export const ChatRequestSchema = lazyObject(
  () => ({
    model: z.optional(text('A model’s name, or `name@version`. Default: the only one, where there is one.')),
    messages: z
      .array(message(), { error: 'an array of messages' })
      .check(
        z.minLength(1, { error: 'at least one message' }),
        z.maxLength(1000, { error: 'at most 1000 messages' }),
        z.describe('Joined by the chat template; the answer begins after them.'),
      ),
    max_tokens: z._default(
      integer(0, Number.MAX_SAFE_INTEGER, 'Characters to generate at most: a token is a character here.'),
      256,
    ),
    logprobs: z._default(flag('Log-probabilities of the characters.'), false),
    top_logprobs: z.optional(
      integer(0, 20, 'With `logprobs`, this many of the likeliest alternatives a character.'),
    ),
    ...openAi(),
    ...sampling(),
    ...extras(),
  }),
  strict,
).register(z.globalRegistry, { id: 'ChatCompletionRequest' });

const inputPart = () =>
  z.looseObject(
    {
      type: choice(['input_text', 'output_text', 'text'], 'Of a model of characters: text.'),
      text: z.string({ error: 'a string' }),
    },
    { error: 'an object with `type` and `text`' },
  );

const inputMessage = () =>
  z.looseObject(
    {
      role: choice(['system', 'developer', 'user', 'assistant'], 'Who wrote it.'),
      content: z
        .union([z.string(), z.array(inputPart())], {
          error: 'a string, or an array of parts of type "input_text" or "output_text"',
        })
        .check(z.describe('The text, or its parts.')),
    },
    { error: 'a message with `role` and `content`' },
  );

const refused = () => z.optional(z.unknown().check(z.describe('Refused: nothing of a response is stored.')));
const needMemory = () => ({
  previous_response_id: refused(),
  conversation: refused(),
  background: refused(),
});

export const ResponsesRequestSchema = lazyObject(
  () => ({
    model: z.optional(text('A model’s name, or `name@version`. Default: the only one, where there is one.')),
    input: z
      .union(
        [z.string(), z.array(inputMessage()).check(z.maxLength(1000, { error: 'at most 1000 messages' }))],
        {
          error: 'a string, or an array of messages',
        },
      )
      .check(z.describe('A text, which goes on as it stands; or messages, joined by the chat template.')),
    instructions: z.optional(
      text('A message of the system, for templates with a place for roles; else left out.'),
    ),
    max_output_tokens: z._default(
      integer(0, Number.MAX_SAFE_INTEGER, 'Characters to generate at most: a token is a character here.'),
      256,
    ),
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

const tokenizerModel = () =>
  z.optional(text('A model’s name, or `name@version`. Default: the only one, where there is one.'));

export const TokenizeRequestSchema = lazyObject(
  () => ({
    model: tokenizerModel(),
    prompt: z.optional(text('The text.')),
    messages: z.optional(
      z
        .array(message(), { error: 'an array of messages' })
        .check(z.describe('A chat, in place of `prompt`.')),
    ),
    add_special_tokens: z._default(
      flag('Begin with the id that stands for the beginning of a text; it is not fed to the model.'),
      false,
    ),
    return_token_strs: z._default(flag('The characters as well.'), false),
    add_generation_prompt: z._default(
      flag('With `messages`: what the template puts before an answer.'),
      true,
    ),
    unknown: extras().unknown,
  }),
  strict,
).register(z.globalRegistry, { id: 'TokenizeRequest' });

export const DetokenizeRequestSchema = lazyObject(
  () => ({
    model: tokenizerModel(),
    tokens: z
      .array(z.int({ error: 'a whole number' }).check(z.minimum(0)), { error: 'an array of ids' })
      .check(z.describe('Ids of characters.')),
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
    lines: integer(1, 1000, 'Whole lines to write.'),
    new: z._default(
      flag('Only lines that do not stand in the corpus, and each once; for models of lines.'),
      false,
    ),
    prompt: z._default(text('What every line begins with.'), ''),
    length: z.optional(integer(1, Number.MAX_SAFE_INTEGER, 'Characters of a line at most.')),
    model: z.optional(modelReference('A model’s name, or `name@version`. Default: the server’s.')),
    seed: z.optional(
      integer(0, 2 ** 32 - 1, 'The same seed gives the same lines. Default: drawn at random, and reported.'),
    ),
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
    model: z.optional(modelReference('A model’s name, or `name@version`. Default: the server’s.')),
    text: z
      .union([z.string(), z.array(z.string()).check(...severalTexts)], {
        error: textsError,
      })
      .check(z.describe('The text to score, or several.')),
    top: z._default(integer(0, 20, 'Alternatives to report for each character.'), 0),
    version: extras().version,
    digest: extras().digest,
    precision: extras().precision,
    unknown: extras().unknown,
  }),
  strict,
).register(z.globalRegistry, { id: 'ScoreRequest' });

export const ActivateRequestSchema = lazyObject(
  () => ({
    version: name('The version to serve from now on.'),
    expected: z.optional(
      text('The version that should be current now: the change is refused if another one is.'),
    ),
  }),
  strict,
).register(z.globalRegistry, { id: 'ActivateRequest' });

const startingModel = () =>
  z.optional(
    modelReference(
      'The model whose weights the training starts from: a name, or `name@version`; `none` for fresh weights. Default: as the preset says.',
    ),
  );

export const UploadRequestSchema = lazyObject(
  () => ({
    bytes: z.optional(integer(1, Number.MAX_SAFE_INTEGER, 'Size of the corpus, to be refused early.')),
    preset: z.optional(name('The training’s preset.')),
    from: startingModel(),
  }),
  strict,
).register(z.globalRegistry, { id: 'UploadRequest' });

export const ImportRequestSchema = lazyObject(
  () => ({
    file: z._default(
      text('What the file is called: it stands in messages and in the model’s metadata.'),
      'file',
    ),
    alphabet: z.optional(
      text(
        'What the ids stand for, in place of what the file holds: the characters in their order as one string, or as JSON a list, an object of character to id or the other way.',
      ),
    ),
    alphabet_from: z.optional(
      name('The uploaded corpus that it was trained on: its characters, sorted, must be as many as the ids.'),
    ),
    nonlinearity: z.optional(
      choice(['tanh', 'relu'], 'Of an nn.RNN in a state dict. Default: tanh, as PyTorch’s.'),
    ),
    dense_activation: z.optional(
      choice(
        ['relu', 'tanh', 'sigmoid', 'linear'],
        'Between the nn.Linear of a state dict, where it has several.',
      ),
    ),
  }),
  strict,
).register(z.globalRegistry, { id: 'ImportRequest' });

export const TrainingRequestSchema = lazyObject(
  () => ({
    model: name('The model to train a version of.'),
    corpus: z.optional(name('The uploaded corpus to train on. Default: the one of the model’s name.')),
    preset: z.optional(name('The training’s preset.')),
    from: startingModel(),
  }),
  strict,
).register(z.globalRegistry, { id: 'TrainingRequest' });

export type GenerateParameters = z.output<typeof GenerateRequestSchema>;
export type CompletionParameters = z.output<typeof CompletionRequestSchema>;
export type ChatParameters = z.output<typeof ChatRequestSchema>;
export type ResponsesParameters = z.output<typeof ResponsesRequestSchema>;
export type LinesParameters = z.output<typeof LinesRequestSchema>;
export type ScoreParameters = z.output<typeof ScoreRequestSchema>;
export type TokenizeParameters = z.output<typeof TokenizeRequestSchema>;
export type ChatMessage = ChatParameters['messages'][number];
/** A seed of 64 bits, as digits where a number cannot hold it. */
export type Seed = number | string;
/** What every generating request has. */
export type CommonParameters = Omit<GenerateParameters, 'prompt' | 'length' | 'min_length' | 'model'>;
