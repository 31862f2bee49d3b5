import * as z from 'zod/mini';
import { MOST_BLENDED } from '../../model/decode/blend-limit.ts';
import type { PatternSource } from '../../model/decode/pattern.ts';
import type { GenerateOptions } from '../../model/model.ts';
import { biasedId } from '../../model/sampling/sampling-options.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import { referencePattern } from '../../store/model-name.ts';
import { number, strings, text } from './fields.ts';
import { present } from './present.ts';
import {
  ChatRequestSchema,
  CompletionRequestSchema,
  GenerateRequestSchema,
  LinesRequestSchema,
  ResponsesRequestSchema,
} from './requests.ts';
import type { ValidationErrors } from './validation-errors.ts';

/*
 * The fields that few requests have: what a text is held to beside sampling, and what is mixed. They are loaded with the
 * first request that has one: see `loadRareFields`.
 */

const choicesError = 'an array of 1 to 1000 different texts';
const flagsError = 'some of the letters i, m, s and v, each once';

const constraints = () => ({
  logit_bias: z.optional(
    z.record(
      z.string().check(z.regex(/^(?:\d{1,6}|[^\d]|'.')$/su, { error: 'a character, or the id of one' })),
      number(-100, 100),
      { error: 'an object of characters or their ids, and numbers from -100 to 100' },
    ),
  ),
  banned: z.optional(strings()),
  dry_sequence_breakers: z.optional(strings()),
  pattern: z.optional(text()),
  json_schema: z.optional(z.record(z.string(), z.unknown(), { error: 'a JSON schema, an object' })),
  choices: z.optional(
    z
      .array(z.string({ error: choicesError }), { error: choicesError })
      .check(z.minLength(1, { error: choicesError }), z.maxLength(1000, { error: choicesError })),
  ),
  pattern_flags: z.optional(
    z.string({ error: flagsError }).check(z.regex(/^(?!.*(.).*\1)[imsv]*$/, { error: flagsError })),
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
      z.union([weight(), z.strictObject({ weight: weight(), digest: z.optional(text()) })], {
        error: `${weightError}, or an object of weight and digest`,
      }),
      { error: blendError },
    )
    .check(
      z.refine((models) => Object.keys(models).length > 0 && Object.keys(models).length < MOST_BLENDED, {
        error: blendError,
      }),
      z.meta({ minProperties: 1, maxProperties: MOST_BLENDED - 1 }),
    );

export const rareFields = () => ({ ...constraints(), blend: z.optional(blend()) });

export const isRareField = (name: string): boolean => Object.hasOwn(rareFields(), name);

type RareFields = ReturnType<typeof rareFields>;
/** What a request may say in them. */
export type RareInput = z.input<z.ZodMiniObject<RareFields>>;
export type RareParameters = z.output<z.ZodMiniObject<RareFields>>;

/** The schemas of the requests that may have them, without them. Lines are written by one model. */
const fieldsOf = new Map<z.ZodMiniObject, () => Partial<RareFields>>([
  [GenerateRequestSchema, rareFields],
  [CompletionRequestSchema, rareFields],
  [ChatRequestSchema, rareFields],
  [ResponsesRequestSchema, rareFields],
  [LinesRequestSchema, constraints],
]);

const whole = new Map<z.ZodMiniObject, z.ZodMiniObject>();

/** A request's schema with all of its fields. */
export const withRareFields = <Schema extends z.ZodMiniObject>(usual: Schema): Schema => {
  const found = whole.get(usual) ?? z.extend(usual, fieldsOf.get(usual)?.() ?? {});
  whole.set(usual, found);
  return found as unknown as Schema;
};

/** The fields of a request, rare ones included, where its schema is an object. */
export const fieldNamesOf = (schema: z.core.$ZodType): readonly string[] =>
  schema instanceof z.ZodMiniObject ? Object.keys(withRareFields(schema).shape) : [];

/** The schemas of all requests that may have rare fields, by the same without them. */
export const schemasWithRareFields = (): ReadonlyMap<z.ZodMiniObject, z.ZodMiniObject> =>
  new Map([...fieldsOf.keys()].map((usual) => [usual, withRareFields(usual)]));

/** Of the parameters that each say what the whole text is, a request has one. */
export const checkForms = (
  parameters: Pick<RareParameters, 'pattern' | 'json_schema' | 'choices'>,
  faults: ValidationErrors,
): void => {
  const forms = (['pattern', 'json_schema', 'choices'] as const).filter(
    (name) => parameters[name] !== undefined,
  );
  const [first, second] = forms;
  if (first === undefined || second === undefined) return;
  faults.add('invalid_parameter', second, `${second}: expected only one of ${forms.join(', ')}.`);
};

/** What depends on the model, and on one another. */
export const checkRareFields = (
  { model }: ModelLease,
  parameters: RareParameters,
  faults: ValidationErrors,
): void => {
  for (const key of Object.keys(parameters.logit_bias ?? {})) {
    if (biasedId(key, model.alphabet) !== undefined) continue;
    const where = `logit_bias.${key}`;
    const expected = `a character of the model, or the id of one, 0 to ${model.vocabularySize - 1}`;
    faults.add('invalid_parameter', where, `${where}: expected ${expected}.`);
  }
  checkForms(parameters, faults);
};

/** The parameters as the model's options; what the request does not set is left out. */
export const rareOptions = (parameters: RareParameters): Partial<GenerateOptions> => {
  const { banned, dry_sequence_breakers: breakers, logit_bias: bias } = parameters;
  return present({
    logitBias: bias,
    banned: typeof banned === 'string' ? [banned] : banned,
    drySequenceBreakers: typeof breakers === 'string' ? [breakers] : breakers,
    pattern: patternOf(parameters),
    choices: parameters.choices,
  });
};

/** What the whole text is to match. */
const patternOf = ({
  pattern,
  pattern_flags: flags = '',
  json_schema: schema,
}: RareParameters): PatternSource | undefined => {
  if (schema !== undefined) return { source: JSON.stringify(schema), flags: '', syntax: 'json-schema' };
  return pattern === undefined ? undefined : { source: pattern, flags };
};
