import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAlphabet } from '../../../src/model/format/alphabet.ts';
import type { GenerateOptions } from '../../../src/model/model.ts';
import { type DryPenalty, dryPenaltyAfter } from '../../../src/model/sampling/dry.ts';
import { checkSampling } from '../../../src/model/sampling/sampling-options.ts';
import { plainDryPenalties } from '../../oracles/plain-dry.ts';
import { randomModel } from '../../random-model.ts';

const letters = "ab 'é.\n";
const alphabet = createAlphabet(letters, letters.length);

interface Given {
  readonly dryMultiplier: number;
  readonly dryBase: number;
  readonly dryAllowedLength: number;
  readonly dryPenaltyLastN: number;
}

const penaltyAfter = (text: string, given: Given, breakers: readonly string[] = []): DryPenalty =>
  dryPenaltyAfter(alphabet.encode(text).ids, checkSampling(given, alphabet), breakers, alphabet)!;

const lossesOf = (penalty: DryPenalty): ReadonlyMap<string, number> => {
  const scores = new Float64Array(letters.length);
  penalty.subtractFrom(scores);
  return new Map([...scores].flatMap((score, id) => (score === 0 ? [] : [[letters[id]!, -score] as const])));
};

const plain = (text: string, given: Given, breakers: readonly string[] = []) =>
  plainDryPenalties(text, {
    multiplier: given.dryMultiplier,
    base: given.dryBase,
    allowedLength: given.dryAllowedLength,
    window: given.dryPenaltyLastN,
    breakers,
  });

const sortedWithin = (losses: ReadonlyMap<string, number>) =>
  [...losses].map(([character, loss]) => [character, Math.round(loss * 1e6)] as const).toSorted();

/** Texts with runs that come again. */
const repetitive = fc
  .array(fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 4,
  })
  .chain((parts) => fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 30 }))
  .map((parts) => parts.join(''));

const givens = fc.record({
  dryMultiplier: fc.constantFrom(0.5, 2),
  dryBase: fc.constantFrom(1, 1.2, 3),
  dryAllowedLength: fc.integer({ min: 1, max: 6 }),
  dryPenaltyLastN: fc.integer({ min: 7, max: 40 }),
});

const someBreakers = fc.array(fc.constantFrom('\n', '. ', 'aa', 'z'), { maxLength: 2 });

describe('the DRY penalty', () => {
  it('is what comparing every place gives, as the text grows and after it is taken up again', () => {
    let weighed = 0;
    fc.assert(
      fc.property(repetitive, givens, someBreakers, fc.nat(20), (text, given, breakers, dropped) => {
        const penalty = penaltyAfter('', given, breakers);
        for (const id of alphabet.encode(text).ids) penalty.push(id);
        const expected = sortedWithin(plain(text, given, breakers));
        weighed += expected.length;
        expect(sortedWithin(lossesOf(penalty))).toEqual(expected);
        expect(sortedWithin(lossesOf(penalty.copy()))).toEqual(expected);
        // Taken up again with the last characters taken back, and written once more.
        const back = Math.min(dropped, text.length);
        const again = penaltyAfter(alphabet.decode(penalty.recent(back)), given, breakers);
        for (const id of alphabet.encode(text.slice(text.length - back)).ids) again.push(id);
        expect(sortedWithin(lossesOf(again))).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
    expect(weighed).toBeGreaterThan(200);
  });

  it('weighs the first characters of words, and leaves a word that has begun alone', () => {
    const given = { dryMultiplier: 1, dryBase: 2, dryAllowedLength: 3, dryPenaltyLastN: 100 };
    expect(lossesOf(penaltyAfter('ab b. ab ', given))).toEqual(new Map([['b', 1]]));
    expect(lossesOf(penaltyAfter('aab b. aab ', given))).toEqual(new Map([['b', 2]]));
    expect(lossesOf(penaltyAfter('ab b. ab', given))).toEqual(new Map());
    expect(lossesOf(penaltyAfter('a bab. a ba', given))).toEqual(new Map());
    expect(lossesOf(penaltyAfter('ab b. ab ', given, ['b ']))).toEqual(new Map());
    // No word begins in these.
    expect(lossesOf(penaltyAfter('aaaaaaaa', given))).toEqual(new Map([['a', 16]]));
    expect(lossesOf(penaltyAfter('........', given))).toEqual(new Map([['.', 16]]));
    expect([...lossesOf(penaltyAfter('.'.repeat(90), given)).values()]).toEqual([100]);
  });

  it('is left out where it can weigh nothing', () => {
    for (const given of [
      {},
      { dryMultiplier: 1, dryPenaltyLastN: 0 },
      { dryMultiplier: 1, dryAllowedLength: 40, dryPenaltyLastN: 40 },
    ]) {
      expect(dryPenaltyAfter([1], checkSampling(given, alphabet), [], alphabet)).toBeUndefined();
    }
  });

  it('takes little time in the worst text', () => {
    const given = { dryMultiplier: 1, dryBase: 1, dryAllowedLength: 1, dryPenaltyLastN: 8192 };
    const penalty = penaltyAfter('a'.repeat(20_000), given);
    expect(penalty.recent(0)).toHaveLength(8193);
  });
});

const model = randomModel();

const write = async (options: GenerateOptions) => {
  const { choices } = await model.complete({ length: 80, seed: 1, temperature: 0, ...options }).result();
  return choices[0]!;
};

const sharedRuns = (text: string, length: number): number => {
  const seen = new Set<string>();
  for (let at = 0; at + length <= text.length; at++) seen.add(text.slice(at, at + length));
  return text.length - length + 1 - seen.size;
};

describe('a text under the DRY penalty', () => {
  const dry = { dryMultiplier: 2, dryBase: 2, dryAllowedLength: 3 };

  it('repeats less', async () => {
    const options = { prompt: 'ab ', length: 300 };
    const loose = sharedRuns((await write(options)).text, 12);
    expect(loose).toBeGreaterThan(100);
    expect(sharedRuns((await write({ ...options, ...dry })).text, 12)).toBeLessThan(loose / 4);
  });

  it('goes on exactly from a state, stop strings held back or not', async () => {
    for (const [seed, stop] of [
      [1, []],
      [2, ['zzz', 'ab\n']],
      [3, ['a', 'b']],
    ] as const) {
      const options = { ...dry, prompt: 'cab cab cab ', seed, stop, temperature: 0.4, minLength: 500 };
      const whole = await write({ ...options, length: 400 });
      const { prompt: _, ...rest } = options;
      const first = await write({ ...options, length: 170 });
      const second = await write({ ...rest, length: 230, from: first.state });
      expect(first.text + second.text).toBe(whole.text);
    }
  });

  it('sees the prompt, and each of several texts by itself', async () => {
    const prompt = 'a bad cab. a bad ';
    const bias = { c: 4 };
    const free = await write({ prompt, length: 1, logitBias: bias });
    const { text } = await write({
      prompt,
      length: 1,
      logitBias: bias,
      dryMultiplier: 10,
      dryAllowedLength: 6,
      drySequenceBreakers: [],
    });
    expect(free.text).toBe('c');
    expect(text).not.toBe('c');
    const together = await model.complete({ ...dry, prompt, n: 3, seed: 4, length: 60 }).result();
    const alone = await model.complete({ ...dry, prompt, n: 1, seed: 4, length: 60 }).result();
    expect(together.choices[0]!.text).toBe(alone.choices[0]!.text);
  });

  it('goes together with patterns, banned strings and choices', async () => {
    const text = (await write({ ...dry, pattern: '(?:[ab]{3} )+', banned: ['aba'], length: 60 })).text;
    expect(text).toMatch(/^(?:[ab]{3} )+$/);
    expect(text).not.toContain('aba');
    const options = { choices: ['cab', 'bad'], seed: 3, temperature: 1 };
    expect((await write({ ...options, ...dry })).text).toBe((await write(options)).text);
  });

  it('is refused with a reason', async () => {
    await expect(write({ dryMultiplier: 1, drySequenceBreakers: [''] })).rejects.toMatchObject({
      code: 'invalid_parameter',
      details: { where: 'drySequenceBreakers' },
    });
    expect(() => model.complete({ dryBase: 0.5 })).toThrow('dryBase');
  });
});
