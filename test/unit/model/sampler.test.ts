import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAlphabet } from '../../../src/model/format/alphabet.ts';
import type { SamplingOptions } from '../../../src/model/model.ts';
import { withDynamicTemperature } from '../../../src/model/sampling/dynamic-temperature.ts';
import { Random } from '../../../src/model/sampling/random.ts';
import { Sampler } from '../../../src/model/sampling/sampler.ts';
import { checkSampling } from '../../../src/model/sampling/sampling-options.ts';
import { TokenCounts } from '../../../src/model/sampling/token-counts.ts';

const letters = 'abcdefghij';
const alphabet = createAlphabet(letters, letters.length);
const logits = Float32Array.from([2, 1.5, 1.5, 0.3, 0, -0.2, -1, -2, -4, 1]);

interface Case {
  readonly name: string;
  readonly options: SamplingOptions;
  readonly prompt?: string;
  readonly generated?: string;
}

/** The distribution that the documentation promises, in the plainest code there is. */
const exactly = ({ options, prompt = '', generated = '' }: Case, from = logits): number[] => {
  const {
    temperature = 1,
    dynatempRange = 0,
    dynatempExponent = 1,
    topK = 0,
    topP = 1,
    minP = 0,
    typicalP = 1,
    repetitionPenalty = 1,
    presencePenalty = 0,
    frequencyPenalty = 0,
    logitBias = {},
    allowed = letters,
  } = options;
  const scores = [...from].map((logit, id) => {
    const letter = letters[id]!;
    const count = generated.split(letter).length - 1;
    let score = logit + (logitBias[id] ?? 0);
    if ((prompt + generated).includes(letter)) {
      score = score > 0 ? score / repetitionPenalty : score * repetitionPenalty;
    }
    score -= frequencyPenalty * count + (count > 0 ? presencePenalty : 0);
    return allowed.includes(letter) ? score : -Infinity;
  });
  const own = normalise(scores.map(Math.exp)).filter((value) => value > 0);
  const share =
    own.length < 2 ? 0 : -own.reduce((sum, value) => sum + value * Math.log(value), 0) / Math.log(own.length);
  const lowest = Math.max(0, temperature - dynatempRange);
  const heat =
    dynatempRange === 0
      ? temperature
      : lowest + (temperature + dynatempRange - lowest) * share ** dynatempExponent;
  let p = normalise(scores.map((score) => Math.exp((score - Math.max(...scores)) / heat)));
  const keepFirst = (order: number[], enough: (kept: number[]) => boolean): void => {
    const kept: number[] = [];
    for (const id of order) {
      kept.push(id);
      if (enough(kept)) break;
    }
    p = normalise(p.map((value, id) => (kept.includes(id) ? value : 0)));
  };
  const mass = (kept: number[]): number => kept.reduce((sum, id) => sum + p[id]!, 0);
  const ids = p.map((_, id) => id);
  const largestFirst = () => ids.toSorted((a, b) => p[b]! - p[a]! || a - b);
  if (topK > 0) keepFirst(largestFirst(), (kept) => kept.length === topK);
  if (topP < 1) keepFirst(largestFirst(), (kept) => mass(kept) >= topP);
  if (minP > 0) {
    const largest = Math.max(...p);
    p = normalise(p.map((value) => (value >= minP * largest ? value : 0)));
  }
  if (typicalP < 1) {
    const entropy = p.reduce((sum, value) => sum - (value > 0 ? value * Math.log(value) : 0), 0);
    const oddity = (id: number): number => Math.abs(-Math.log(p[id]!) - entropy);
    keepFirst(
      ids.toSorted((a, b) => oddity(a) - oddity(b) || a - b),
      (kept) => mass(kept) >= typicalP,
    );
  }
  return p;
};

const normalise = (weights: number[]): number[] => {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
};

const setUp = ({ options, prompt = '', generated = '' }: Case) => {
  const sampler = new Sampler(withDynamicTemperature(checkSampling(options, alphabet)), letters.length);
  const history = new TokenCounts(letters.length);
  history.prompt(alphabet.encode(prompt).ids);
  for (const id of alphabet.encode(generated).ids) history.add(id);
  return { sampler, history };
};

const cases: Case[] = [
  { name: 'plain', options: {} },
  { name: 'temperature 0.5', options: { temperature: 0.5 } },
  { name: 'temperature 2', options: { temperature: 2 } },
  { name: 'dynatemp 0.5', options: { dynatempRange: 0.5 } },
  {
    name: 'dynatemp 1.5, exponent 2',
    options: { temperature: 0.9, dynatempRange: 1.5, dynatempExponent: 2 },
  },
  { name: 'top_k 3', options: { topK: 3 } },
  { name: 'top_k 2, a tie at its edge', options: { topK: 2 } },
  { name: 'top_p 0.8', options: { topP: 0.8 } },
  { name: 'top_p 0', options: { topP: 0 } },
  { name: 'min_p 0.2', options: { minP: 0.2 } },
  { name: 'typical_p 0.6', options: { typicalP: 0.6 } },
  { name: 'repetition 1.5', options: { repetitionPenalty: 1.5 }, prompt: 'ah', generated: 'bb' },
  {
    name: 'presence and frequency',
    options: { presencePenalty: 0.7, frequencyPenalty: 0.4 },
    generated: 'aabj',
  },
  { name: 'bias', options: { logitBias: { 8: 6, 0: -100 } } },
  { name: 'allowed', options: { allowed: 'dih' } },
  {
    name: 'everything',
    options: {
      temperature: 0.8,
      dynatempRange: 0.3,
      topK: 8,
      topP: 0.95,
      minP: 0.02,
      typicalP: 0.9,
      repetitionPenalty: 1.2,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      logitBias: { 4: 1 },
      allowed: 'abcdefgij',
    },
    prompt: 'cad',
    generated: 'face',
  },
];

/** The 99.9th percentile of chi-square for 1 to 9 degrees of freedom. */
const critical = [10.8, 13.8, 16.3, 18.5, 20.5, 22.5, 24.3, 26.1, 27.9];

describe('the sampler', () => {
  it.each(cases)('$name: 40,000 choices fit the exact distribution', (given) => {
    const { sampler, history } = setUp(given);
    const expected = exactly(given);
    const random = Random.fromSeed(11);
    const counts = new Array<number>(letters.length).fill(0);
    const draws = 40_000;
    for (let i = 0; i < draws; i++) counts[sampler.choose(logits, history, random)]!++;
    const possible = expected.flatMap((p, id) => (p > 0 ? [id] : []));
    for (const [id, count] of counts.entries()) if (expected[id] === 0) expect(count).toBe(0);
    const chiSquare = possible.reduce(
      (sum, id) => sum + (counts[id]! - draws * expected[id]!) ** 2 / (draws * expected[id]!),
      0,
    );
    expect(chiSquare).toBeLessThan(possible.length === 1 ? 1e-6 : critical[possible.length - 2]!);
  });

  it('keeps what the plain formulas keep, whatever is asked', () => {
    const option = fc.record(
      {
        temperature: fc.double({ min: 0.05, max: 2, noNaN: true }),
        dynatempRange: fc.double({ min: 0, max: 2, noNaN: true }),
        dynatempExponent: fc.double({ min: 0.1, max: 5, noNaN: true }),
        topK: fc.integer({ min: 0, max: 12 }),
        topP: fc.double({ min: 0, max: 1, noNaN: true }),
        minP: fc.double({ min: 0, max: 1, noNaN: true }),
        typicalP: fc.double({ min: 0.01, max: 1, noNaN: true }),
        repetitionPenalty: fc.double({ min: 0.5, max: 2, noNaN: true }),
        presencePenalty: fc.double({ min: -2, max: 2, noNaN: true }),
        frequencyPenalty: fc.double({ min: -2, max: 2, noNaN: true }),
      },
      { requiredKeys: [] },
    );
    const text = fc.string({ unit: fc.constantFrom(...letters), maxLength: 6 });
    fc.assert(
      fc.property(option, text, text, fc.nat(), (options, prompt, generated, seed) => {
        const given = { name: '', options, prompt, generated };
        const { sampler, history } = setUp(given);
        const chosen = sampler.choose(logits, history, Random.fromSeed(seed));
        // Inverse transform over the kept, up to rounding at an edge.
        expect(exactly(given)[chosen]! > 0 || onTheEdge(given)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('takes the likeliest at temperature 0, of equals the lowest id', () => {
    const { sampler, history } = setUp({ name: '', options: { temperature: 0, logitBias: { 0: -1 } } });
    expect(sampler.choose(logits, history, Random.fromSeed(1))).toBe(1);
  });

  it('avoids what is banned, and says so when nothing is left', () => {
    const { sampler, history } = setUp({ name: '', options: { temperature: 0 } });
    const random = Random.fromSeed(1);
    expect(sampler.choose(logits, history, random, (id) => id < 3)).toBe(9);
    expect(sampler.choose(logits, history, random, () => true)).toBe(-1);
  });

  it('stays finite with logits that differ by hundreds', () => {
    const { sampler, history } = setUp({
      name: '',
      options: { temperature: 0.01, topP: 0.99, typicalP: 0.5 },
    });
    const steep = Float32Array.from({ length: 10 }, (_, id) => (id === 6 ? 500 : -500));
    expect(sampler.choose(steep, history, Random.fromSeed(1))).toBe(6);
  });

  it('reports every fault of its options at once', () => {
    expect(() =>
      checkSampling({ temperature: -1, topK: 1.5, topP: 2, logitBias: { 99: 1, 2: 500 } }, alphabet),
    ).toThrow(
      expect.objectContaining({
        code: 'invalid_parameter',
        details: expect.objectContaining({
          faults: expect.arrayContaining(
            ['temperature', 'topK', 'topP', 'logitBias', 'logitBias[2]'].map((where) =>
              expect.objectContaining({ where }),
            ),
          ),
        }),
      }),
    );
    expect(() => checkSampling({ allowed: '' }, alphabet)).toThrow(/allowed/);
    expect(() => checkSampling({ allowed: 'z' }, alphabet)).toThrow(/does not know/);
  });
});

/** Whether a cut falls so close to a sum, or between two so alike, that the order of additions decides. */
const onTheEdge = (given: Case): boolean => {
  const nudged = [1e-6, -1e-6].map((by) => {
    const { topP = 1, minP = 0, typicalP = 1 } = given.options;
    const options = { ...given.options, topP: topP + by, minP: minP + by, typicalP: typicalP + by };
    const apart = logits.map((logit, id) => logit + by * (id + 1));
    return exactly({ ...given, options }, apart)
      .map((p) => p > 0)
      .join();
  });
  return nudged[0] !== nudged[1];
};
