import type { Alphabet, Replaced, UnknownRule } from '../format/alphabet.ts';
import type { GenerateOptions } from '../model.ts';
import {
  aSignal,
  aText,
  type Check,
  faultsOf,
  hasMethod,
  throwFaults,
  unknownRule,
  whole,
} from '../sampling/check-options.ts';
import type { DryPenalty } from '../sampling/dry.ts';
import { drawSeed, type Random } from '../sampling/random.ts';
import { Sampler } from '../sampling/sampler.ts';
import { checkSampling, type Sampling } from '../sampling/sampling-options.ts';
import type { Choices } from './choices.ts';
import type { DecodePlan } from './decoder.ts';
import type { Engine } from './engine.ts';
import { decodeState, type Snapshot } from './state.ts';
import type { TextConstraint } from './text-constraint.ts';

/** What a request asks of its texts beside sampling. */
export interface Constraints {
  /** The texts of which each completion is one. */
  readonly choices: Choices | undefined;
  /** The penalty of what repeats, as it is before the first new character. */
  readonly dry: DryPenalty | undefined;
  /** What one more text is held to; which of the choices that is, is drawn. */
  constrainText(random: Random): TextConstraint | undefined;
}

/** A request, checked: what is read, and what is written after it. */
export interface CompletionPlan {
  readonly n: number;
  /** Where it goes on from, a state's sequence or a text's beginning. */
  readonly from: Snapshot | undefined;
  readonly prompt: readonly number[];
  readonly replaced: readonly Replaced[];
  readonly sampling: Sampling;
  readonly decoding: DecodePlan;
  /** What the texts are held to beside sampling, once that is loaded. */
  readonly constraints: Constraints | undefined;
  /** The options, where they ask for what has to be loaded first: see `constraints.ts`. */
  readonly unprepared: GenerateOptions | undefined;
}

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== '');

const texts: Check = ['a list of texts that are not empty', isTexts];

const checks: Readonly<Record<string, Check>> = {
  prompt: ['a text or a list of ids', (value) => typeof value === 'string' || Array.isArray(value)],
  length: whole(0),
  minLength: whole(0),
  stop: texts,
  banned: texts,
  seed: whole(0),
  n: whole(1, 4096),
  unknown: unknownRule,
  allowed: aText,
  from: ['the bytes of a state', (value) => value instanceof Uint8Array],
  copyGuard: [
    'an object of an index and a length',
    (value) =>
      typeof value === 'object' && value !== null && 'index' in value && hasMethod(value.index, 'has'),
  ],
  overlap: ['an index that openCopyIndex opened', (value) => hasMethod(value, 'has')],
  signal: aSignal,
};

/** @throws FolioError for options that cannot be met */
export const planCompletion = (engine: Engine, options: GenerateOptions): CompletionPlan => {
  const { stepper, alphabet, owner } = engine;
  const faults = faultsOf(options, { ...checks, logprobs: whole(0, stepper.vocabulary) });
  const sampling = checkSampling(options, alphabet, faults);
  const { copyGuard: guard, overlap, logprobs, stop = [], n = 1 } = options;
  if (guard !== undefined)
    throwFaults(
      faultsOf({ 'copyGuard.length': guard.length }, { 'copyGuard.length': whole(guard.index.window) }),
    );
  const from = options.from && decodeState(options.from, owner, stepper.stateLength, stepper.vocabulary);
  const { ids: prompt, replaced } = read(options.prompt ?? '', alphabet, options.unknown);
  return {
    n,
    from,
    prompt,
    replaced,
    sampling,
    constraints: undefined,
    unprepared: isConstrained(options) ? options : undefined,
    decoding: {
      stepper,
      alphabet,
      sampler: new Sampler(sampling, stepper.vocabulary),
      allowed: options.allowed === undefined ? undefined : sampling.allowed,
      length: options.length ?? 256,
      minLength: options.minLength ?? 0,
      stop,
      includeStop: options.includeStop ?? false,
      logprobs,
      guard,
      overlap,
      seed: options.seed ?? from?.decoder?.seed ?? drawSeed(),
      tail: prompt.length > 0 ? '' : (from?.decoder?.tail ?? ''),
    },
  };
};

/** Whether the options ask for more than sampling, which is loaded first. */
export const isConstrained = ({
  pattern,
  jsonSchema,
  choices,
  banned,
  dryMultiplier = 0,
  dynatempRange = 0,
}: GenerateOptions): boolean =>
  (pattern ?? jsonSchema ?? choices ?? banned?.[0]) !== undefined ||
  dryMultiplier !== 0 ||
  dynatempRange !== 0;

/** A prompt's ids: as they are, or of its characters. */
const read = (
  prompt: string | readonly number[],
  alphabet: Alphabet,
  unknown: UnknownRule | undefined,
): { readonly ids: readonly number[]; readonly replaced: readonly Replaced[] } => {
  if (typeof prompt === 'string') return alphabet.encode(prompt, unknown);
  const isId = whole(0, alphabet.size - 1);
  prompt.forEach((id, at) => {
    throwFaults(faultsOf({ [`prompt[${at}]`]: id }, { [`prompt[${at}]`]: isId }));
  });
  return { ids: prompt, replaced: [] };
};
