import { snakeCase } from '../../model/sampling/parameters.ts';
import { nearestName } from './nearest-name.ts';
import { type Body, type BodyRules, isObject, isUnset, shown } from './openai-values.ts';
import type { ValidationErrors } from './validation-errors.ts';

/** Other names that clients and servers of the field use, and ours. */
const aliases: Readonly<Record<string, string>> = {
  repeat_penalty: 'repetition_penalty',
  rep_pen: 'repetition_penalty',
  typical: 'typical_p',
  typ_p: 'typical_p',
  max_completion_tokens: 'max_tokens',
  max_new_tokens: 'max_tokens',
  max_output_tokens: 'max_tokens',
  max_length: 'max_tokens',
  n_predict: 'max_tokens',
  num_predict: 'max_tokens',
  min_new_tokens: 'min_tokens',
  min_length: 'min_tokens',
  include_stop_str_in_output: 'include_stop',
  bad_words: 'banned',
  stop_sequences: 'stop',
  dry_range: 'dry_penalty_last_n',
  random_seed: 'seed',
  num_return_sequences: 'n',
  n_probs: 'logprobs',
  guided_regex: 'pattern',
  regex: 'pattern',
  guided_json: 'json_schema',
  guided_choice: 'choices',
};

/** What vLLM puts into one parameter, and the parameters here that mean the same. */
const structuredOutputs: Readonly<Record<string, string>> = {
  regex: 'pattern',
  json: 'json_schema',
  choice: 'choices',
};

/** Ways to describe a text that other servers have, and that no automaton can follow. */
const grammars: ReadonlySet<string> = new Set(['grammar', 'guided_grammar', 'ebnf', 'structural_tag']);

/** Parameters that change nothing here, whatever their value: tokens are characters, texts have no end of their own. */
const noOps = new Set([
  'add_special_tokens',
  'cache_prompt',
  'detokenize',
  'early_stopping',
  'guided_decoding_backend',
  'ignore_eos',
  'metadata',
  'modalities',
  'parallel_tool_calls',
  'priority',
  'prompt_cache_key',
  'prompt_cache_retention',
  'request_id',
  'safety_identifier',
  'service_tier',
  'skip_special_tokens',
  'spaces_between_special_tokens',
  'store',
  'user',
  'verbosity',
]);

/** Parameters that change nothing as long as they have this value. */
const neutral: Readonly<Record<string, readonly unknown[]>> = {
  length_penalty: [1],
  min_keep: [0, 1],
  mirostat: [0],
  no_repeat_ngram_size: [0],
  stop_token_ids: [],
  tfs_z: [1],
  top_a: [0],
  use_beam_search: [false],
};

const isNeutral = (name: string, value: unknown): boolean => {
  if (noOps.has(name) || (Array.isArray(value) && value.length === 0)) return true;
  return Object.hasOwn(neutral, name) && (neutral[name] ?? []).includes(value);
};

/**
 * A body's parameters under the names that the route knows: aliases are renamed, parameters without effect dropped,
 * others ignored with a warning, or faults. Where nothing is to be renamed, unknown names stay.
 */
export const inOurNames = (
  sent: Body,
  { known, strict }: BodyRules,
  faults: ValidationErrors,
  warnings: string[],
): Body => {
  const result: Record<string, unknown> = {};
  const renamed: [name: string, value: unknown][] = [];
  for (const [key, value] of Object.entries(withStructuredOutputs(sent, known, faults))) {
    if (isUnset(key, value)) continue;
    const name = known.has(key) ? key : nameOf(key, known);
    if (grammars.has(key)) {
      faults.add(
        'invalid_parameter',
        key,
        `${key}: not supported; a regular expression in \`pattern\` describes what the whole text is to match.`,
      );
    } else if (name === key || strict) result[key] = value;
    else if (name !== undefined) renamed.push([name, value]);
    else if (!isNeutral(key, value)) {
      const meant = nearestName(key, known);
      if (meant === undefined)
        warnings.push(`${shown(key)}: ignored, since there is no such parameter here.`);
      else {
        faults.add(
          'invalid_parameter',
          shown(key),
          `${shown(key)}: there is no such parameter; is ${meant} meant?`,
        );
      }
    }
  }
  for (const [name, value] of renamed) {
    if (!Object.hasOwn(result, name) && !isUnset(name, value)) result[name] = value;
  }
  return result;
};

/** The parts of vLLM's `structured_outputs` and the schema of OpenAI's `response_format` or `text` as parameters of their own. */
const withStructuredOutputs = (body: Body, known: ReadonlySet<string>, faults: ValidationErrors): Body => {
  const { structured_outputs: given, response_format: format, text, ...rest } = body;
  return {
    ...(isObject(given) ? ofStructuredOutputs(given) : { structured_outputs: given }),
    ...withFormat('response_format', format, faults),
    ...(known.has('text') || !isObject(text) ? { text } : withFormat('text.format', text.format, faults)),
    ...rest,
  };
};

/** Any object at all, as a schema. */
const anyObject = { type: 'object' } as const;

const ofStructuredOutputs = ({ json_object: isAny, ...parts }: Body): Body => ({
  ...(isAny === true ? { json_schema: anyObject } : {}),
  ...Object.fromEntries(
    Object.entries(parts).map(([key, value]) => [structuredOutputs[key] ?? key, value] as const),
  ),
});

/** What a format asks for: nothing, JSON, or a schema, which chats nest in `json_schema` and the responses API does not. */
const withFormat = (where: string, format: unknown, faults: ValidationErrors): Body => {
  if (format === undefined || format === null) return {};
  const { type, json_schema: given, schema, value } = isObject(format) ? format : {};
  if (type === 'text') return {};
  const found = (isObject(given) ? (given.schema ?? given) : schema) ?? (type === 'json' ? value : undefined);
  if (found !== undefined) return { json_schema: found };
  if (type === 'json_object') return { json_schema: anyObject };
  if (type === 'json_schema') faults.addUnexpected('invalid_parameter', where, 'a JSON schema in it', format);
  else {
    const expected = 'text, json_object or json_schema; other forms are given by `pattern` or `choices`';
    faults.addUnexpected('invalid_parameter', `${where}.type`, expected, isObject(format) ? type : format);
  }
  return {};
};

/** What the field calls one of our parameters: by an alias, or in camel case. */
const nameOf = (key: string, known: ReadonlySet<string>): string | undefined => {
  const alias = Object.hasOwn(aliases, key) ? aliases[key] : undefined;
  const snake = snakeCase(key);
  return [alias, snake, Object.hasOwn(aliases, snake) ? aliases[snake] : undefined].find(
    (name) => name !== undefined && known.has(name),
  );
};
