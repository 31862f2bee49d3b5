import { unexpected } from '../../errors.ts';
import type { GenerateOptions } from '../model.ts';
import { dryPenaltyAfter } from '../sampling/dry.ts';
import { withDynamicTemperature } from '../sampling/dynamic-temperature.ts';
import { Sampler } from '../sampling/sampler.ts';
import { BannedStrings } from './banned-strings.ts';
import { Choices } from './choices.ts';
import type { CompletionPlan } from './completion-plan.ts';
import type { Engine } from './engine.ts';
import { type Pattern, type PatternSource, preparePattern, startOf } from './pattern.ts';
import { TextConstraint } from './text-constraint.ts';

/**
 * The plan of a request that asks for more than sampling: for a form of its text, for strings to be left out, for less
 * repetition, for a temperature that follows the entropy. All of that is loaded with the first such request.
 *
 * @throws FolioError for options that cannot be met
 */
export const constrain = async (
  engine: Engine,
  plan: CompletionPlan,
  options: GenerateOptions,
): Promise<CompletionPlan> => {
  const { alphabet, stepper } = engine;
  const { from, prompt, decoding } = plan;
  const { banned = [], drySequenceBreakers: breakers = [] } = options;
  const forms = (['pattern', 'jsonSchema', 'choices'] as const).filter((name) => options[name] !== undefined);
  if (forms.length > 1) {
    throw unexpected('invalid_parameter', forms[1]!, 'one of pattern, jsonSchema and choices', forms);
  }
  for (const [where, texts] of [
    ['banned', banned],
    ['drySequenceBreakers', breakers],
  ] as const) {
    if (texts.includes('')) throw unexpected('invalid_parameter', where, 'strings that are not empty', '');
  }
  const sampling = withDynamicTemperature(plan.sampling);
  const choices = options.choices && new Choices(engine, options.choices, decoding.length, sampling);
  const pattern = await patternOf(engine, plan, options);
  const start = pattern && startOf(pattern, from?.decoder?.pattern, decoding.length);
  const before = [...(from?.decoder?.recent ?? []), ...prompt];
  return {
    ...plan,
    unprepared: undefined,
    sampling,
    decoding: { ...decoding, sampler: new Sampler(sampling, stepper.vocabulary) },
    constraints: {
      choices,
      dry: dryPenaltyAfter(before, sampling, breakers, alphabet),
      constrainText: (random) => {
        const position = start ?? choices?.choose(random);
        const strings = banned.length === 0 ? undefined : new BannedStrings(banned);
        if (position === undefined && strings === undefined) return undefined;
        return new TextConstraint(position, pattern && sourceOf(pattern), strings);
      },
    },
  };
};

const sourceOf = ({ source, flags, syntax }: Pattern): PatternSource => ({
  source,
  flags,
  ...(syntax === undefined ? {} : { syntax }),
});

const patternOf = async (
  { alphabet }: Engine,
  { sampling }: CompletionPlan,
  { pattern, jsonSchema, allowed }: GenerateOptions,
): Promise<Pattern | undefined> => {
  const given: string | PatternSource | undefined =
    jsonSchema === undefined
      ? pattern
      : { source: JSON.stringify(jsonSchema), flags: '', syntax: 'json-schema' };
  if (given === undefined) return undefined;
  return preparePattern(given, alphabet, allowed === undefined ? undefined : sampling.allowed);
};
