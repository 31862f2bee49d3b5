import { snakeCase } from '../../model/sampling/parameters.ts';
import type { Limits } from './limits.ts';
import { nearestName } from './nearest-name.ts';
import type { ValidationErrors } from './validation-errors.ts';

type Body = Readonly<Record<string, unknown>>;

/** How a route of OpenAI's reads its bodies. */
export interface BodyRules {
  /** The parameters that the route knows. */
  readonly known: ReadonlySet<string>;
  /** The parameter that says how long a text may become. */
  readonly lengthName: string;
  /** Nothing is ignored, renamed or cut. */
  readonly strict: boolean;
}

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

/** Values with which clients say that a parameter is not set. */
const isUnset = (name: string, value: unknown): boolean => {
  if (value === '') return name === 'model' || name === 'suffix' || name === 'stop' || name === 'user';
  if (value === -1) return ['seed', 'top_k', 'max_tokens', 'logprobs', 'dry_penalty_last_n'].includes(name);
  if (value === '-1') return name === 'seed';
  if (name === 'stop') return Array.isArray(value) && value.every((one) => one === '');
  return name === 'logit_bias' && isObject(value) && Object.keys(value).length === 0;
};

const isObject = (value: unknown): value is Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isNeutral = (name: string, value: unknown): boolean => {
  if (noOps.has(name) || (Array.isArray(value) && value.length === 0)) return true;
  return Object.hasOwn(neutral, name) && (neutral[name] ?? []).includes(value);
};

/**
 * A body as OpenAI's clients and those of compatible servers send it, in the terms of the route's schema: values that
 * mean "unset" are left out, known aliases renamed, parameters without effect dropped, others ignored with a warning.
 * A name that is nearly one of ours is a fault: it was meant to act.
 *
 * @returns The body, and a sentence for each thing that was not done as asked.
 */
export const openAiBody = (
  sent: Body,
  { known, lengthName, strict }: BodyRules,
  limits: Limits,
  faults: ValidationErrors,
): { readonly body: Body; readonly warnings: readonly string[] } => {
  const body = withStructuredOutputs(sent);
  const warnings: string[] = [];
  const result: Record<string, unknown> = {};
  const renamed: [name: string, value: unknown][] = [];
  for (const [key, value] of Object.entries(body)) {
    if (value === undefined || value === null || isUnset(key, value)) continue;
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
  if (typeof result.seed === 'number' && result.seed < 0) result.seed = String(result.seed);
  if (Array.isArray(result.stop)) result.stop = result.stop.filter((one) => one !== '');
  if (!strict) {
    ignoreStreamOptions(result, warnings);
    const length = result[lengthName];
    if (typeof length === 'number' && length > limits.length) {
      result[lengthName] = limits.length;
      warnings.push(`${lengthName}: lowered from ${length} to ${limits.length}, this server's maximum.`);
    }
  }
  return { body: result, warnings };
};

/** The parts of vLLM's `structured_outputs` and the schema of OpenAI's `response_format` as parameters of their own. */
const withStructuredOutputs = (body: Body): Body => {
  const { structured_outputs: given, response_format: format, ...rest } = body;
  const parts = isObject(given)
    ? Object.entries(given).map(([key, value]) => [structuredOutputs[key] ?? key, value] as const)
    : [['structured_outputs', given] as const];
  return { ...Object.fromEntries(parts), ...withResponseFormat(format), ...rest };
};

const withResponseFormat = (format: unknown): Body => {
  if (!isObject(format)) return { response_format: format };
  if (format.type === 'text') return {};
  const { json_schema: given } = format;
  const schema = isObject(given) ? (given.schema ?? given) : undefined;
  return schema === undefined ? { response_format: format } : { json_schema: schema };
};

/** What the field calls one of our parameters: by an alias, or in camel case. */
const nameOf = (key: string, known: ReadonlySet<string>): string | undefined => {
  const alias = Object.hasOwn(aliases, key) ? aliases[key] : undefined;
  const snake = snakeCase(key);
  return [alias, snake, Object.hasOwn(aliases, snake) ? aliases[snake] : undefined].find(
    (name) => name !== undefined && known.has(name),
  );
};

const streamOptions = new Set(['include_usage', 'include_obfuscation', 'continuous_usage_stats']);

const ignoreStreamOptions = (body: Record<string, unknown>, warnings: string[]): void => {
  const { stream_options: options } = body;
  if (!isObject(options)) return;
  const entries = Object.entries(options).filter(([, value]) => value !== null);
  body.stream_options = Object.fromEntries(entries.filter(([name]) => streamOptions.has(name)));
  for (const [name] of entries) {
    if (!streamOptions.has(name)) {
      warnings.push(`stream_options.${shown(name)}: ignored, since there is no such option here.`);
    }
  }
};

/** A client's own name, short enough for a message. */
const shown = (key: string): string => (key.length > 60 ? `${key.slice(0, 59)}…` : key);
