import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isFolioError } from '../../../src/errors.ts';
import type { GenerateOptions } from '../../../src/model/model.ts';
import { alphabetOfRandomModels, randomModel } from '../../random-model.ts';

const model = randomModel();
const number = fc.oneof(
  fc.double({ min: -3, max: 3 }),
  fc.constantFrom(0, 1, -0, 1e-300, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 0.999_999_9),
);
const text = fc.string({ unit: fc.constantFrom(...alphabetOfRandomModels), maxLength: 12 });
const options: fc.Arbitrary<GenerateOptions> = fc.record(
  {
    temperature: number,
    topK: fc.oneof(fc.integer({ min: -1, max: 60 }), number),
    topP: number,
    minP: number,
    typicalP: number,
    repetitionPenalty: number,
    presencePenalty: number,
    frequencyPenalty: number,
    logitBias: fc.dictionary(fc.integer({ min: -1, max: 40 }).map(String), number, { maxKeys: 4 }),
    allowed: fc.oneof(text, fc.string({ unit: 'grapheme', maxLength: 5 })),
    prompt: fc.oneof(text, fc.string({ unit: 'binary', maxLength: 20 })),
    stop: fc.array(text, { maxLength: 4 }),
    unknown: fc.constantFrom('error', 'skip', 'nearest'),
    logprobs: fc.integer({ min: -1, max: 40 }),
    scorePrompt: fc.boolean(),
    n: fc.integer({ min: 0, max: 4 }),
    seed: fc.oneof(fc.maxSafeNat(), number),
  },
  { requiredKeys: [] },
);

it('generate(): any options either write a text within its length or give a typed error', async () => {
  await fc.assert(
    fc.asyncProperty(options, fc.integer({ min: -1, max: 30 }), async (given, length) => {
      try {
        const { choices } = await model.complete({ ...given, length }).result();
        expect(choices).toHaveLength(given.n ?? 1);
        for (const choice of choices) {
          expect(choice.generated).toBeLessThanOrEqual(length);
          for (const stop of given.stop ?? []) expect(choice.text).not.toContain(stop);
          for (const character of choice.text) {
            expect(given.allowed ?? alphabetOfRandomModels).toContain(character);
          }
        }
      } catch (error) {
        if (!isFolioError(error)) throw error;
        expect(['invalid_parameter', 'unknown_character']).toContain(error.code);
      }
    }),
    { numRuns: 800 },
  );
});

it.each<[string, Record<string, unknown>]>([
  ['prompt: expected a text or a list of ids, received 5.', { prompt: 5 }],
  ['prompt[1]: expected a whole number from 0 to', { prompt: [0, 99] }],
  ['stop: expected a list of texts that are not empty, received "\\n".', { stop: '\n' }],
  ['banned: expected a list of texts', { banned: 'abc' }],
  ['unknown: expected error, skip or nearest, received "drop".', { unknown: 'drop' }],
  ['copyGuard: expected an object of an index and a length', { copyGuard: { length: 20 } }],
  ['overlap: expected an index', { overlap: 'corpus' }],
  ['signal: expected an AbortSignal', { signal: 5 }],
  ['from: expected the bytes of a state', { from: 'state' }],
  ['length: expected a whole number from 0', { length: -1 }],
])('complete() says of what no compiler checked: %s', (words, given) => {
  expect(() => model.complete(given)).toThrow(words);
});

it('complete() gives all faults together', () => {
  const faults = (given: unknown): unknown => {
    try {
      model.complete(given as GenerateOptions);
    } catch (error) {
      if (isFolioError(error)) return [error.code, error.details.faults?.map(({ where }) => where)];
    }
    return undefined;
  };
  const wrong = { seed: -1, temperature: 9, stop: 7, topP: 2 };
  expect(faults(wrong)).toEqual(['invalid_parameter', ['stop', 'seed', 'temperature', 'topP']]);
  expect(() => model.complete('ROMEO:' as GenerateOptions)).toThrow('options: expected an object');
});

it('score() says of what no compiler checked', async () => {
  await expect(model.score(5 as unknown as string)).rejects.toThrow('text: expected a text, received 5.');
  await expect(model.score('a', { top: -1 })).rejects.toThrow('top: expected a whole number');
});
