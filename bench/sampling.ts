import { createAlphabet } from '../src/model/format/alphabet.ts';
import { Random } from '../src/model/sampling/random.ts';
import { Sampler } from '../src/model/sampling/sampler.ts';
import { checkSampling } from '../src/model/sampling/sampling-options.ts';
import { TokenCounts } from '../src/model/sampling/token-counts.ts';

/** At which every engine of the bench samples. */
export const TEMPERATURE = 0.8;

/** The product's sampler. @returns what chooses the next character from logits: [vocabulary] */
export const sampling = (vocabulary: number): ((logits: Float32Array) => number) => {
  const options = checkSampling({ temperature: TEMPERATURE }, createAlphabet(undefined, vocabulary));
  const sampler = new Sampler(options, vocabulary);
  const counts = new TokenCounts(vocabulary);
  const random = Random.fromSeed(1);
  return (logits) => sampler.choose(logits, counts, random);
};
