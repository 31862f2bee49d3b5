import { unexpected } from '../../errors.ts';
import type { Alphabet, Replaced, UnknownRule } from '../format/alphabet.ts';
import type { GenerateOptions } from '../model.ts';
import { drawSeed } from '../sampling/random.ts';
import { Sampler } from '../sampling/sampler.ts';
import { checkSampling, type Sampling } from '../sampling/sampling-options.ts';
import { type AllowedText, checkChoices } from './choices.ts';
import type { DecodePlan } from './decoder.ts';
import type { Engine } from './engine.ts';
import { type Pattern, type PatternSource, startOf } from './pattern.ts';
import { decodeState, type Snapshot } from './state.ts';

/** A request, checked: what is read, and what is written after it. */
export interface CompletionPlan {
  readonly n: number;
  /** Where it goes on from, a state's sequence or a text's beginning. */
  readonly from: Snapshot | undefined;
  readonly prompt: readonly number[];
  readonly replaced: readonly Replaced[];
  readonly decoding: DecodePlan;
  /** The texts of which each completion is one, and what chooses among them. */
  readonly choices: { readonly texts: readonly AllowedText[]; readonly sampler: Sampler } | undefined;
  /** A pattern that is not ready yet. */
  readonly unprepared: string | PatternSource | undefined;
}

/** @throws FolioError for options that cannot be met */
export const planCompletion = (engine: Engine, options: GenerateOptions): CompletionPlan => {
  const { stepper, alphabet, owner } = engine;
  const { copyGuard: guard, overlap, logprobs, stop = [], banned = [], jsonSchema } = options;
  const pattern =
    jsonSchema === undefined
      ? options.pattern
      : ({ source: JSON.stringify(jsonSchema), flags: '', syntax: 'json-schema' } as const);
  const forms = (['pattern', 'jsonSchema', 'choices'] as const).filter((name) => options[name] !== undefined);
  if (forms.length > 1) {
    throw unexpected('invalid_parameter', forms[1]!, 'one of pattern, jsonSchema and choices', forms);
  }
  const length = whole(options.length ?? 256, 'length', 0);
  const n = whole(options.n ?? 1, 'n', 1, 4096);
  for (const text of stop)
    if (text === '') throw unexpected('invalid_parameter', 'stop', 'strings that are not empty', '');
  for (const text of banned)
    if (text === '') throw unexpected('invalid_parameter', 'banned', 'strings that are not empty', '');
  if (logprobs !== undefined) whole(logprobs, 'logprobs', 0, stepper.vocabulary);
  if (guard !== undefined) whole(guard.length, 'copyGuard.length', guard.index.window);
  if (options.seed !== undefined) whole(options.seed, 'seed', 0);
  const from = options.from && decodeState(options.from, owner, stepper.stateLength, stepper.vocabulary);
  const { ids: prompt, replaced } = read(options.prompt ?? '', alphabet, options.unknown);
  const sampling = checkSampling(options, alphabet);
  const texts = options.choices && checkChoices(options.choices, length, alphabet);
  const prepared = typeof pattern === 'object' && 'automaton' in pattern ? (pattern as Pattern) : undefined;
  const plan: CompletionPlan = {
    n,
    from,
    prompt,
    replaced,
    choices: texts && { texts, sampler: new Sampler(ofWholeTexts(sampling), texts.length) },
    unprepared: prepared === undefined ? pattern : undefined,
    decoding: {
      stepper,
      alphabet,
      sampler: new Sampler(sampling, stepper.vocabulary),
      allowed: options.allowed === undefined ? undefined : sampling.allowed,
      pattern: undefined,
      length,
      minLength: whole(options.minLength ?? 0, 'minLength', 0),
      stop,
      includeStop: options.includeStop ?? false,
      banned,
      logprobs,
      guard,
      overlap,
      seed: options.seed ?? from?.decoder?.seed ?? drawSeed(),
      tail: prompt.length > 0 ? '' : (from?.decoder?.tail ?? ''),
    },
  };
  return prepared === undefined ? plan : withPattern(plan, prepared);
};

/** What chooses among whole texts: temperature and cuts, but nothing that is about single characters. */
const ofWholeTexts = (sampling: Sampling): Sampling => ({
  ...sampling,
  bias: [],
  allowed: undefined,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
});

/** @throws FolioError `pattern_impossible` */
export const withPattern = (plan: CompletionPlan, pattern: Pattern): CompletionPlan => {
  const { decoding, from } = plan;
  const start = startOf(pattern, from?.decoder?.pattern, decoding.length);
  const { source, flags, syntax } = pattern;
  const own = { source, flags, ...(syntax === undefined ? {} : { syntax }) };
  return { ...plan, unprepared: undefined, decoding: { ...decoding, pattern: { ...own, start } } };
};

/** A prompt's ids: as they are, or of its characters. */
const read = (
  prompt: string | readonly number[],
  alphabet: Alphabet,
  unknown: UnknownRule | undefined,
): { readonly ids: readonly number[]; readonly replaced: readonly Replaced[] } => {
  if (typeof prompt === 'string') return alphabet.encode(prompt, unknown);
  for (const [at, id] of prompt.entries()) whole(id, `prompt[${at}]`, 0, alphabet.size - 1);
  return { ids: prompt, replaced: [] };
};

const whole = (value: number, where: string, min: number, max = Number.MAX_SAFE_INTEGER): number => {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw unexpected('invalid_parameter', where, `a whole number from ${min} to ${max}`, value);
};
