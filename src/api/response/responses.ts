import * as z from 'zod/mini';
import { PRECISIONS } from '../../model/stepper.ts';

/** What the API answers: for its description, for the typed client, and for tests that hold the routes to it. */
const Seed = z
  .union([z.int(), z.string()])
  .check(z.describe('Digits in a string where a number cannot hold them.'));

const receiptFields = {
  model: z.string(),
  version: z.string(),
  digest: z.string(),
  precision: z.enum(PRECISIONS),
};
const receiptMeaning = z.describe(
  'Everything that took part: sent back as a request to the same route, it gives the same text, byte for byte.',
);

const Receipt = z
  .looseObject({ ...receiptFields, seed: Seed })
  .check(receiptMeaning)
  .register(z.globalRegistry, { id: 'Receipt' });

const CompletionReceipt = z
  .looseObject({
    ...receiptFields,
    seed: z.union([Seed, z.array(Seed)]).check(z.describe('One each where several prompts drew their own.')),
  })
  .check(receiptMeaning)
  .register(z.globalRegistry, { id: 'CompletionReceipt' });

const Timings = z
  .object({
    kernel: z
      .enum(['plain', 'relaxed', 'relaxed-fused', 'relaxed-wide', 'given'])
      .check(z.describe('The code that multiplied.')),
    load_ms: z.number().check(z.describe('Waiting for the model; 0 when it was in memory.')),
    first_character_ms: z.optional(z.number().check(z.describe('From the request to the first character.'))),
    generation_ms: z.number(),
    characters_per_second: z.number().check(z.describe('Of all completions together.')),
    gb_ms: z.optional(z.number().check(z.describe('On Lambda: memory times time.'))),
    estimated_usd: z.optional(z.number().check(z.describe('On Lambda: at the prices of the settings.'))),
  })
  .register(z.globalRegistry, { id: 'Timings' });

const Overlap = z
  .object({ characters: z.int(), exact: z.boolean() })
  .check(
    z.describe(
      'The longest stretch of the text that stands verbatim in the corpus; a bound from above unless exact.',
    ),
  )
  .register(z.globalRegistry, { id: 'Overlap' });

const Replaced = z
  .array(z.object({ at: z.int(), character: z.string(), by: z.string() }))
  .check(z.describe('Prompt characters that the model does not know, and what was fed for them.'));

const Warnings = z
  .array(z.string())
  .check(z.describe('What was not done as the request asks: parameters ignored, a length lowered.'));

const choiceScores = z.optional(
  z
    .array(z.object({ text: z.string(), logprob: z.number(), probability: z.number() }))
    .check(
      z.describe('Of each of `choices`: its log-probability under the model, and its share among them.'),
    ),
);

const stopReason = z.optional(
  z
    .string()
    .check(
      z.describe(
        'What ended a text that stopped: the stop string, "pattern" or "choice" where that is complete; "copy_guard" or "banned" where they left nothing to go on with.',
      ),
    ),
);

const continueFrom = z.optional(
  z.string().check(z.describe('Signed state, when `continuable` is set or the request continued a state.')),
);

export const GenerateResponseSchema = z
  .object({
    text: z.string(),
    finish_reason: z.enum(['length', 'stop']),
    stop_reason: stopReason,
    model: z.string(),
    version: z.string(),
    seed: Seed,
    characters: z.int().check(z.describe('Generated, those of a stop string included.')),
    overlap: z.optional(Overlap),
    choice_scores: choiceScores,
    replaced: z.optional(Replaced),
    continue_from: continueFrom,
    receipt: Receipt,
    timings: Timings,
  })
  .register(z.globalRegistry, { id: 'GenerateAnswer' });

const Logprobs = z
  .object({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.nullable(z.number())),
    top_logprobs: z.array(z.nullable(z.record(z.string(), z.number()))),
    text_offset: z.array(z.int()),
  })
  .register(z.globalRegistry, { id: 'Logprobs' });

const Usage = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.optional(z.object({ cached_tokens: z.int() })),
  })
  .register(z.globalRegistry, { id: 'Usage' });

const choiceFields = {
  text: z.string(),
  index: z.int(),
  logprobs: z.nullable(Logprobs),
  stop_reason: stopReason,
  continue_from: continueFrom,
  overlap: z.optional(Overlap),
  choice_scores: choiceScores,
};

const completionFields = {
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.int().check(z.describe('Seconds since 1970.')),
  model: z.string().check(z.describe('`name@version` of the model that answered.')),
  system_fingerprint: z.string().check(z.describe('Engine, precision and model version.')),
};

export const CompletionResponseSchema = z
  .object({
    ...completionFields,
    choices: z.array(z.object({ ...choiceFields, finish_reason: z.enum(['length', 'stop']) })),
    usage: Usage,
    replaced: z.optional(Replaced),
    warnings: z.optional(Warnings),
    receipt: CompletionReceipt,
    timings: Timings,
  })
  .register(z.globalRegistry, { id: 'CompletionAnswer' });

export const CompletionChunkSchema = z
  .object({
    ...completionFields,
    choices: z.array(z.object({ ...choiceFields, finish_reason: z.nullable(z.enum(['length', 'stop'])) })),
    usage: z.optional(z.nullable(Usage)),
    replaced: z.optional(Replaced),
    warnings: z.optional(Warnings),
    receipt: z.optional(CompletionReceipt),
    timings: z.optional(Timings),
  })
  .check(z.describe('One server-sent event; the last one that has a choice carries receipt and timings.'))
  .register(z.globalRegistry, { id: 'CompletionChunk' });

const chatLogprob = { token: z.string(), logprob: z.nullable(z.number()), bytes: z.array(z.int()) };

const ChatLogprobs = z
  .object({
    content: z.array(
      z.object({ ...chatLogprob, top_logprobs: z.array(z.object({ ...chatLogprob, logprob: z.number() })) }),
    ),
    refusal: z.null(),
  })
  .register(z.globalRegistry, { id: 'ChatLogprobs' });

const chatChoice = {
  index: z.int(),
  logprobs: z.nullable(ChatLogprobs),
  stop_reason: stopReason,
  continue_from: continueFrom,
  overlap: z.optional(Overlap),
  choice_scores: choiceScores,
};

export const ChatResponseSchema = z
  .object({
    ...completionFields,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({
        ...chatChoice,
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        finish_reason: z.enum(['length', 'stop']),
      }),
    ),
    usage: Usage,
    replaced: z.optional(Replaced),
    warnings: z.optional(Warnings),
    receipt: CompletionReceipt,
    timings: Timings,
  })
  .register(z.globalRegistry, { id: 'ChatAnswer' });

export const ChatChunkSchema = z
  .object({
    ...completionFields,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.object({
        ...chatChoice,
        delta: z.object({ role: z.optional(z.literal('assistant')), content: z.optional(z.string()) }),
        finish_reason: z.nullable(z.enum(['length', 'stop'])),
      }),
    ),
    usage: z.optional(z.nullable(Usage)),
    replaced: z.optional(Replaced),
    warnings: z.optional(Warnings),
    receipt: z.optional(CompletionReceipt),
    timings: z.optional(Timings),
  })
  .check(z.describe('One server-sent event; the last one that has a choice carries receipt and timings.'))
  .register(z.globalRegistry, { id: 'ChatChunk' });

const OutputText = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.never()),
  logprobs: z.array(z.never()),
});

const ResponseMessage = z
  .object({
    id: z.string(),
    type: z.literal('message'),
    status: z.enum(['in_progress', 'completed', 'incomplete']),
    role: z.literal('assistant'),
    content: z.array(OutputText),
  })
  .register(z.globalRegistry, { id: 'ResponseMessage' });

export const ResponseObjectSchema = z
  .looseObject({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.int(),
    status: z
      .enum(['in_progress', 'completed', 'incomplete'])
      .check(z.describe('`incomplete` where the text ended by its length, as most do.')),
    model: z.string(),
    output: z.array(ResponseMessage),
    error: z.null(),
    incomplete_details: z.nullable(z.object({ reason: z.literal('max_output_tokens') })),
    instructions: z.nullable(z.string()),
    max_output_tokens: z.int(),
    usage: z.nullable(
      z.object({
        input_tokens: z.int(),
        input_tokens_details: z.object({ cached_tokens: z.int() }),
        output_tokens: z.int(),
        output_tokens_details: z.object({ reasoning_tokens: z.int() }),
        total_tokens: z.int(),
      }),
    ),
    stop_reason: stopReason,
    continue_from: continueFrom,
    overlap: z.optional(Overlap),
    replaced: z.optional(Replaced),
    warnings: z.optional(Warnings),
    receipt: z.optional(CompletionReceipt),
    timings: z.optional(Timings),
  })
  .register(z.globalRegistry, { id: 'Response' });

export const ResponseEventSchema = z
  .looseObject({ type: z.string(), sequence_number: z.int() })
  .check(
    z.describe(
      'One server-sent event: `response.created`, `response.output_text.delta` and so on, at last `response.completed` or `response.incomplete`.',
    ),
  )
  .register(z.globalRegistry, { id: 'ResponseEvent' });

export const TokenizeResponseSchema = z
  .object({
    count: z.int(),
    max_model_len: z.int().check(z.describe('Characters that a prompt may have.')),
    tokens: z.array(z.int()),
    token_strs: z.nullable(z.array(z.string())),
  })
  .register(z.globalRegistry, { id: 'TokenizeAnswer' });

export const DetokenizeResponseSchema = z
  .object({ prompt: z.string() })
  .register(z.globalRegistry, { id: 'DetokenizeAnswer' });

export const TokenizerInfoSchema = z
  .object({
    tokenizer_class: z.string(),
    model: z.string(),
    vocab_size: z.int(),
    bos_token: z.string().check(z.describe('Stands for the beginning of a text; the model is not fed it.')),
    eos_token: z.string(),
    pad_token: z.string(),
    bos_token_id: z.int(),
    eos_token_id: z.int(),
    model_max_length: z.int(),
    chat_template: z.string().check(z.describe('In Jinja.')),
  })
  .register(z.globalRegistry, { id: 'TokenizerInfo' });

export const ScoreResponseSchema = z
  .object({
    object: z.literal('list'),
    model: z.string(),
    version: z.string(),
    digest: z.string(),
    precision: z.enum(PRECISIONS),
    data: z.array(
      z.object({
        index: z.int(),
        characters: z.int(),
        nats: z.number().check(z.describe('Of the whole text: the sum of -logprob.')),
        bits_per_character: z.number(),
        perplexity: z.number(),
        details: z.array(
          z.object({
            character: z.string(),
            logprob: z.number(),
            rank: z.int().check(z.describe('1 is the likeliest.')),
            top: z.optional(z.array(z.object({ character: z.string(), logprob: z.number() }))),
          }),
        ),
        replaced: z.optional(Replaced),
      }),
    ),
    timings: z.object({ load_ms: z.number(), score_ms: z.number() }),
  })
  .register(z.globalRegistry, { id: 'ScoreAnswer' });

export const LinesResponseSchema = z
  .object({
    object: z.literal('list'),
    model: z.string(),
    version: z.string(),
    digest: z.string(),
    precision: z.enum(PRECISIONS),
    seed: z.int().check(z.describe('Gives the same lines again.')),
    data: z.array(z.string()).check(z.describe('The lines, without their newlines.')),
    exhausted: z
      .boolean()
      .check(
        z.describe('Whether a thousand tries in a row brought no more lines that count: there are fewer.'),
      ),
  })
  .register(z.globalRegistry, { id: 'LinesAnswer' });

const modelFields = {
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
  version: z.string(),
};

const faultField = {
  fault: z.optional(
    z
      .string()
      .check(
        z.describe(
          'Where `current.json` is damaged or names a version that is not there: what is wrong. `version` is the one that is used in its place.',
        ),
      ),
  ),
};

export const ModelListSchema = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        ...modelFields,
        ...faultField,
      }),
    ),
  })
  .register(z.globalRegistry, { id: 'ModelList' });

const anything = z.record(z.string(), z.unknown());

export const ModelResponseSchema = z
  .object({
    ...modelFields,
    current: z.boolean(),
    alphabet: z.optional(z.array(z.string()).check(z.describe('In the order of the ids.'))),
    kernel: z.optional(
      z
        .object({ build: z.enum(['plain', 'relaxed', 'relaxed-fused', 'relaxed-wide']), threads: z.int() })
        .check(z.describe('The code that multiplies on this host, and the threads that a step may use.')),
    ),
    preset: z.optional(z.string()),
    corpus: z.optional(anything),
    training: z.optional(anything),
    tools: z.optional(anything),
    suggested_prompt: z
      .string()
      .check(z.describe('A beginning in the manner of the corpus; empty where none is known.')),
    report: z.optional(anything.check(z.describe('The training’s report.'))),
  })
  .register(z.globalRegistry, { id: 'Model' });

export const VersionListSchema = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        ...modelFields,
        current: z.boolean(),
        ...faultField,
        published_at: z.string(),
        bytes: z.int(),
        files: z.array(z.string()),
      }),
    ),
  })
  .register(z.globalRegistry, { id: 'VersionList' });

export const ActivateResponseSchema = z
  .object({ ...modelFields, current: z.literal(true) })
  .register(z.globalRegistry, { id: 'ActivateAnswer' });

export const ImportResponseSchema = z
  .object({
    ...modelFields,
    name: z.string(),
    digest: z.string(),
    format: z.string().check(z.describe('What wrote the file: `Keras 3.15.1`, `PyTorch`.')),
    vocabulary: z.int().check(z.describe('Ids that the model knows.')),
    alphabet: z.optional(
      z
        .array(z.string())
        .check(
          z.describe('In the order of the ids; absent where nothing says it: the model then writes ids.'),
        ),
    ),
    notes: z
      .array(z.string())
      .check(z.describe('What the file does not say and was taken for granted, in sentences.')),
    sample: z
      .string()
      .check(z.describe('A text of the model: letters that look shuffled mean another alphabet.')),
  })
  .register(z.globalRegistry, { id: 'ImportAnswer' });

export const DeletedModelSchema = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    deleted: z.literal(true),
  })
  .register(z.globalRegistry, { id: 'DeletedModel' });

export const TrainingSchema = z
  .object({
    id: z.string(),
    object: z.literal('training'),
    model: z.string(),
    preset: z.string(),
    from: z.optional(z.string()).check(z.describe('The model to start from, as it was asked for.')),
    teachers: z
      .optional(z.array(z.string()))
      .check(z.describe('The models to learn from beside the text, as they were asked for.')),
    precision: z
      .optional(z.enum(['f32', 'bf16']))
      .check(z.describe('Of products while training, as it was asked for.')),
    parent: z.optional(
      z
        .object({ name: z.optional(z.string()), version: z.optional(z.string()), digest: z.string() })
        .check(z.describe('The model whose weights the training started from.')),
    ),
    corpus: z.object({
      source: z.string(),
      digest: z.optional(z.string()),
      characters: z.optional(z.int()),
    }),
    state: z.enum(['queued', 'running', 'published', 'rejected', 'failed', 'stopped']),
    started_at: z.string(),
    updated_at: z.string(),
    progress: z.optional(
      z.object({
        epoch: z.int(),
        epochs: z.int(),
        step: z.int(),
        steps: z.int(),
        loss: z.number().check(z.describe('Nats per character, mean of the epoch so far.')),
        validation_loss: z.optional(z.number()),
        characters_per_second: z.number(),
        seconds_left: z.number(),
      }),
    ),
    history: z.array(z.object({ epoch: z.int(), loss: z.number(), validation_loss: z.number() })),
    best_epoch: z.optional(z.int()).check(z.describe('Whose weights are kept, once it is over.')),
    judgement: z
      .optional(z.string())
      .check(z.describe('What the measurements come to, in one sentence, once they are taken.')),
    samples: z.array(z.object({ epoch: z.int(), temperature: z.number(), text: z.string() })),
    version: z.optional(z.string()),
    failure: z.optional(z.object({ code: z.string(), message: z.string() })),
    log_tail: z.array(z.string()),
  })
  .register(z.globalRegistry, { id: 'Training' });

export const TrainingListSchema = z
  .object({ object: z.literal('list'), data: z.array(TrainingSchema) })
  .register(z.globalRegistry, { id: 'TrainingList' });

export const UploadResponseSchema = z
  .object({
    object: z.literal('corpus.upload'),
    name: z.string(),
    upload: z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('direct'),
        method: z.literal('POST'),
        url: z.string().check(z.describe('Where to send the text, relative to the API’s root.')),
        maximum_bytes: z.int(),
      }),
      z.object({
        kind: z.literal('form'),
        method: z.literal('POST'),
        url: z.string(),
        fields: z.record(z.string(), z.string()).check(z.describe('Form fields, to stand before `file`.')),
        maximum_bytes: z.int(),
        expires_at: z.string(),
      }),
    ]),
  })
  .register(z.globalRegistry, { id: 'UploadAnswer' });

export const CorpusResponseSchema = z
  .object({ object: z.literal('corpus'), name: z.string(), bytes: z.int(), training: TrainingSchema })
  .register(z.globalRegistry, { id: 'CorpusAnswer' });

export const HealthResponseSchema = z
  .object({ status: z.literal('ok') })
  .register(z.globalRegistry, { id: 'Health' });

export const ErrorResponseSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.nullable(z.string()),
      code: z.string(),
      faults: z.optional(
        z
          .array(z.object({ param: z.string(), code: z.string(), message: z.string() }))
          .check(z.describe('Every fault of the request, when there are several.')),
      ),
      request_id: z.optional(z.string()),
    }),
  })
  .register(z.globalRegistry, { id: 'Error' });
