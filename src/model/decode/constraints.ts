import { unexpected } from '../../errors.ts';
import type { GenerateOptions } from '../model.ts';
import { dryPenaltyAfter } from '../sampling/dry.ts';
import { BannedStrings } from './banned-strings.ts';
import { Choices } from './choices.ts';
import type { CompletionPlan } from './completion-plan.ts';
import type { Engine } from './engine.ts';
import { type PatternSource, preparePattern, startOf } from './pattern.ts';

/**
 * The plan of a request that asks for more than sampling: for a form of its text, for strings to be left out, for less
 * repetition. All of that is loaded with the first such request.
 *
 * @throws FolioError for options that cannot be met
 */
export const constrain = async (
  engine: Engine,
  plan: CompletionPlan,
  options: GenerateOptions,
): Promise<CompletionPlan> => {
  const { alphabet } = engine;
  const { sampling, from, prompt } = plan;
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
  const before = [...(from?.decoder?.recent ?? []), ...prompt];
  return {
    ...plan,
    unprepared: undefined,
    choices: options.choices && new Choices(engine, options.choices, plan.decoding.length, sampling),
    dry: dryPenaltyAfter(before, sampling, breakers, alphabet),
    decoding: {
      ...plan.decoding,
      pattern: await patternOf(engine, plan, options),
      ...(banned.length === 0 ? {} : { watchBanned: () => new BannedStrings(banned) }),
    },
  };
};

const patternOf = async (
  { alphabet }: Engine,
  { sampling, from, decoding: { length } }: CompletionPlan,
  { pattern, jsonSchema, allowed }: GenerateOptions,
): Promise<CompletionPlan['decoding']['pattern']> => {
  const given: string | PatternSource | undefined =
    jsonSchema === undefined
      ? pattern
      : { source: JSON.stringify(jsonSchema), flags: '', syntax: 'json-schema' };
  if (given === undefined) return undefined;
  const prepared = await preparePattern(
    given,
    alphabet,
    allowed === undefined ? undefined : sampling.allowed,
  );
  const { source, flags, syntax } = prepared;
  const start = startOf(prepared, from?.decoder?.pattern, length);
  return { source, flags, ...(syntax === undefined ? {} : { syntax }), start };
};
