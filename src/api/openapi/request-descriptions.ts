import { SAMPLING_PARAMETER_TEXTS } from '../../model/sampling/parameter-texts.ts';
import { snakeCase } from '../../model/sampling/parameters.ts';

/**
 * What the fields of requests mean, for the API's description. The schemas that check requests are apart from it
 * (`requests.ts`, `rare-fields.ts`): a function that generates loads them at its start, and none of these texts.
 *
 * A field within a field is named by both, with a dot; what an array or a record holds has no name of its own.
 */
type Descriptions = Readonly<Record<string, string>>;

const leastLength = 'Characters that are generated before a stop string or a pattern may end the text.';
const digest = 'Refuses a model of another digest: receipts carry it.';
const defaultModel = 'A model’s name, or `name@version`. Default: the server’s.';
const message = { role: 'Who wrote it.', content: 'The text, or its parts.' };
const notStored = 'Refused: nothing of a response is stored.';

/** What means the same in every request that has it, but for `ofRequests`. */
const ofAll: Descriptions = {
  model: 'A model’s name, or `name@version`. Default: the only one, where there is one.',
  ...Object.fromEntries(
    Object.entries(SAMPLING_PARAMETER_TEXTS).map(([name, { help }]) => [snakeCase(name), help]),
  ),
  logit_bias:
    'Added to the logits of characters, given by themselves or by their ids, places in the alphabet from 0; a digit as a character is quoted: "\'5\'".',
  allowed: 'Only these characters may be generated.',
  seed: 'The same request with the same seed gives the same text. Of 64 bits; above 2^53 - 1 also as a string of digits.',
  stop: 'Up to 128 strings that end the text; they are not part of it.',
  include_stop: 'The text ends with the stop string that ended it.',
  min_length: leastLength,
  min_tokens: leastLength,
  banned: 'Strings that the text does not hold: the character that would complete one is not chosen.',
  dry_sequence_breakers:
    'Texts over which the DRY penalty follows no repetition, such as a line end. Default: none.',
  pattern:
    'A regular expression that the whole text matches, as in JavaScript, without look-around and back-references.',
  pattern_flags:
    'Of `pattern`: i ignores case, s lets a dot match line ends, m lets ^ and $, v adds sets of classes.',
  json_schema: 'A JSON schema that the text, as JSON, fits. In place of `pattern`.',
  choices:
    'The text is one of these, drawn by their probabilities, which `choice_scores` has. In place of `pattern`.',
  version: 'Pins a version of the model, as `model: "name@version"` does.',
  digest,
  precision: 'Of the arithmetic. int8 and int4 give the same text on every machine.',
  unknown: 'What becomes of prompt characters that the model does not know; what was replaced is reported.',
  continuable: 'Answer with `continue_from`, the signed state from which a later request can go on.',
  continue_from:
    'The state that an earlier response carried: goes on exactly as one longer request would have.',
  copy_guard: 'No output stands verbatim in the corpus for this many characters or more.',
  overlap: 'Report the longest verbatim overlap with the corpus.',
  blend:
    'Mixes the request’s model with others of the same alphabet: names, or `name@version`, and the weights of their log-probabilities; the request’s model has the rest.',
  'blend.digest': digest,
  max_tokens: 'Characters to generate at most: a token is a character here.',
  n: 'Completions for each prompt.',
  stream: 'Server-sent events, as the text is made.',
  stream_options: 'Only with `stream`.',
  'stream_options.include_usage': 'One more chunk at the end, with the usage.',
  'stream_options.continuous_usage_stats': 'The usage so far in every chunk.',
  'stream_options.include_obfuscation': 'Accepted; nothing is padded.',
  user: 'Accepted and not looked at.',
  'messages.role': message.role,
  'messages.content': message.content,
  preset: 'The training’s preset.',
  from: 'The model whose weights the training starts from: a name, or `name@version`; `none` for fresh weights. Default: as the preset says.',
  teachers:
    'Models of the same text, one or up to eight, whose expectations the training learns beside the text (distillation): names, or `name@version`. Default: none.',
};

const trainingPrecision =
  'Of products while training: bf16 takes about half the time on processors that have instructions for it, and is refused on others. Default: f32.';

/** By the ids of the requests' schemas. */
const ofRequests: Readonly<Record<string, Descriptions>> = {
  GenerateRequest: {
    prompt: 'What the text begins after. It is not repeated in the answer.',
    length: 'Characters to generate at most.',
    model: defaultModel,
  },
  CompletionRequest: {
    prompt: 'One prompt or several. An array of whole numbers is a prompt of character ids.',
    seed: 'One for all prompts, or an array of one for each; without it, each prompt draws its own. Of 64 bits; above 2^53 - 1 also as a string of digits.',
    best_of: 'Generates this many and returns the n of the highest mean log-probability.',
    logprobs: 'Log-probabilities, with this many of the likeliest alternatives a character.',
    echo: 'Repeat the prompt before the completion.',
    suffix: 'Refused: a recurrent model reads in one direction.',
  },
  ChatCompletionRequest: {
    messages: 'Joined by the chat template; the answer begins after them.',
    logprobs: 'Log-probabilities of the characters.',
    top_logprobs: 'With `logprobs`, this many of the likeliest alternatives a character.',
  },
  ResponsesRequest: {
    input: 'A text, which goes on as it stands; or messages, joined by the chat template.',
    'input.role': message.role,
    'input.content': message.content,
    'input.content.type': 'Of a model of characters: text.',
    instructions: 'A message of the system, for templates with a place for roles; else left out.',
    max_output_tokens: 'Characters to generate at most: a token is a character here.',
    previous_response_id: notStored,
    conversation: notStored,
    background: notStored,
  },
  TokenizeRequest: {
    prompt: 'The text.',
    messages: 'A chat, in place of `prompt`.',
    add_special_tokens:
      'Begin with the id that stands for the beginning of a text; it is not fed to the model.',
    return_token_strs: 'The characters as well.',
    add_generation_prompt: 'With `messages`: what the template puts before an answer.',
  },
  DetokenizeRequest: { tokens: 'Ids of characters.' },
  LinesRequest: {
    lines: 'Whole lines to write.',
    new: 'Only lines that do not stand in the corpus, and each once; for models of lines.',
    prompt: 'What every line begins with.',
    length: 'Characters of a line at most.',
    model: defaultModel,
    seed: 'The same seed gives the same lines. Default: drawn at random, and reported.',
  },
  ScoreRequest: {
    model: defaultModel,
    text: 'The text to score, or several.',
    top: 'Alternatives to report for each character.',
  },
  ActivateRequest: {
    version: 'The version to serve from now on.',
    expected: 'The version that should be current now: the change is refused if another one is.',
  },
  UploadRequest: { bytes: 'Size of the corpus, to be refused early.', precision: trainingPrecision },
  ImportRequest: {
    file: 'What the file is called: it stands in messages and in the model’s metadata.',
    alphabet:
      'What the ids stand for, in place of what the file holds: the characters in their order as one string, or as JSON a list, an object of character to id or the other way.',
    alphabet_from:
      'The uploaded corpus that it was trained on: its characters, sorted, must be as many as the ids.',
    nonlinearity: 'Of an nn.RNN in a state dict. Default: tanh, as PyTorch’s.',
    dense_activation: 'Between the nn.Linear of a state dict, where it has several.',
  },
  TrainingRequest: {
    model: 'The model to train a version of.',
    corpus: 'The uploaded corpus to train on. Default: the one of the model’s name.',
    precision: trainingPrecision,
  },
};

type Json = Record<string, unknown>;

/** A request's JSON schema with what its fields mean. */
export const withDescriptions = (id: string, schema: Json): Json => {
  const descriptions = { ...ofAll, ...ofRequests[id] };
  const describe = (part: unknown, path: string): unknown => {
    if (Array.isArray(part)) return part.map((one) => describe(one, path));
    if (typeof part !== 'object' || part === null) return part;
    const { properties, items, anyOf, additionalProperties, ...rest } = part as Json;
    const fields = Object.entries((properties ?? {}) as Record<string, Json>).map(([name, field]) => {
      const place = path === '' ? name : `${path}.${name}`;
      const description = descriptions[place];
      return [name, { ...(description && { description }), ...(describe(field, place) as Json) }];
    });
    return {
      ...rest,
      ...(properties !== undefined && { properties: Object.fromEntries(fields) }),
      ...(items !== undefined && { items: describe(items, path) }),
      ...(anyOf !== undefined && { anyOf: describe(anyOf, path) }),
      ...(additionalProperties !== undefined && {
        additionalProperties: describe(additionalProperties, path),
      }),
    };
  };
  return describe(schema, '') as Json;
};
