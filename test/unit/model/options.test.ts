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
