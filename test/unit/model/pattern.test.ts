import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { buildCopyIndex, openCopyIndex } from '../../../src/model/copy-index.ts';
import type { GenerateOptions } from '../../../src/model/model.ts';
import { flagSets, patterns, wholeMatch } from '../../pattern-arbitrary.ts';
import { alphabetOfRandomModels, randomModel } from '../../random-model.ts';

const model = randomModel();

const write = async (options: GenerateOptions) => {
  const { choices } = await model.complete({ length: 40, seed: 1, ...options }).result();
  return choices[0]!;
};

const failureOf = (options: GenerateOptions): Promise<unknown> =>
  write(options).then(
    ({ text }) => `no error, but ${text}`,
    (error: unknown) => error,
  );

describe('a text under a pattern', () => {
  it('always matches within its length, or is refused before its first character', async () => {
    const lengths = fc.integer({ min: 0, max: 12 });
    const seeds = fc.integer({ min: 0, max: 1e6 });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(patterns, flagSets, lengths, seeds, async (source, flags, length, seed) => {
        const pattern = new RegExp(source, flags.includes('v') ? flags : `${flags}u`);
        let text: string;
        try {
          ({ text } = await write({ pattern, length, seed, temperature: seed % 3, topP: 0.9, n: 1 }));
        } catch (error) {
          refused++;
          expect(error).toMatchObject({ code: 'pattern_impossible' });
          return;
        }
        expect([...text].length).toBeLessThanOrEqual(length);
        expect(wholeMatch(source, flags).test(text), JSON.stringify(text)).toBe(true);
      }),
      { numRuns: 1500 },
    );
    expect(refused).toBeGreaterThan(10);
    expect(refused).toBeLessThan(1000);
  });

  /** The probability of each text, by the plainest code there is: every text is tried, every prefix looked at. */
  const exactly = (source: string, length: number, letters: string): ReadonlyMap<string, number> => {
    const matches = wholeMatch(source, '');
    const texts = [''];
    for (let from = 0, size = 0; size < length; size++) {
      const to = texts.length;
      for (let i = from; i < to; i++) for (const letter of letters) texts.push(texts[i]! + letter);
      from = to;
    }
    const viable = new Set<string>();
    for (const text of texts.filter((one) => matches.test(one))) {
      for (let size = 0; size <= text.length; size++) viable.add(text.slice(0, size));
    }
    const found = new Map<string, number>();
    const walk = (text: string, probability: number): void => {
      if (text.length === length) {
        found.set(text, probability);
        return;
      }
      const logits = distributionAfter(text);
      const may = [...letters].filter((letter) => viable.has(text + letter));
      const total = may.reduce((sum, letter) => sum + logits.get(letter)!, 0);
      const ends = matches.test(text);
      if (ends) found.set(text, probability * (1 - total));
      for (const letter of may) walk(text + letter, (probability * logits.get(letter)!) / (ends ? 1 : total));
    };
    walk('', 1);
    return found;
  };

  const distributionAfter = (text: string): ReadonlyMap<string, number> => {
    const sequence = model.start();
    let logits = sequence.step(model.alphabet.idOf('\n')!);
    for (const character of text) logits = sequence.step(model.alphabet.idOf(character)!);
    const weights = [...logits].map(Math.exp);
    const sum = weights.reduce((all, weight) => all + weight, 0);
    sequence.close();
    return new Map(weights.map((weight, id) => [model.alphabet.piece(id), weight / sum]));
  };

  test.each([
    ['[abc]{1,3}', 3, 'abc'],
    ['(?:ab|ba|c)+', 4, 'abc'],
    ['a?b?c?', 3, 'abc'],
    ['(?:a|b)*c', 4, 'abc'],
    ['a(?:b\\b ?)*', 4, 'ab '],
  ])(
    '/%s/ within %i characters has the distribution that enumeration gives',
    async (source, length, letters) => {
      const expected = exactly(source, length, letters);
      const draws = 4000;
      const { choices } = await model.complete({ pattern: source, length, seed: 7, n: draws }).result();
      const counts = new Map<string, number>();
      for (const { text } of choices) counts.set(text, (counts.get(text) ?? 0) + 1);
      expect([...counts.keys()].filter((text) => !expected.has(text))).toEqual([]);
      // Texts of fewer than five expected draws are counted together.
      const bins: [count: number, expected: number][] = [];
      let rare: [number, number] = [0, 0];
      for (const [text, probability] of expected) {
        const bin: [number, number] = [counts.get(text) ?? 0, draws * probability];
        if (bin[1] >= 5) bins.push(bin);
        else rare = [rare[0] + bin[0], rare[1] + bin[1]];
      }
      if (rare[1] > 0) bins.push(rare);
      expect(bins.reduce((sum, [, of]) => sum + of, 0)).toBeCloseTo(draws, 6);
      const chiSquare = bins.reduce((sum, [count, of]) => sum + (count - of) ** 2 / of, 0);
      const freedom = bins.length - 1;
      // Wilson and Hilferty's approximation of the 99.9th percentile.
      const limit = freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3;
      expect(freedom).toBeGreaterThan(2);
      expect(chiSquare).toBeLessThan(limit);
    },
  );

  it('says what ended it', async () => {
    expect(await write({ pattern: '[a-c]{4}', length: 9 })).toMatchObject({
      text: expect.stringMatching(/^[a-c]{4}$/),
      finishReason: 'stop',
      stopReason: { by: 'pattern' },
      generated: 4,
    });
    expect(await write({ pattern: '[^]*', length: 9 })).toMatchObject({
      finishReason: 'length',
      generated: 9,
    });
    expect(await write({ pattern: '', length: 9 })).toMatchObject({ text: '', finishReason: 'stop' });
    expect(
      await write({ pattern: '(?:abc)*', length: 4, logitBias: { [model.alphabet.idOf('a')!]: 50 } }),
    ).toMatchObject({ text: 'abc', finishReason: 'length' });
    expect((await write({ pattern: '[^]*', length: 9 })).stopReason).toBeUndefined();
  });

  it('is the plain text where the pattern allows everything', async () => {
    const plain = await write({ prompt: 'A', length: 60 });
    expect((await write({ prompt: 'A', length: 60, pattern: '[^]*' })).text).toBe(plain.text);
    expect((await write({ prompt: 'A', length: 60, pattern: '[^]{60}' })).text).toBe(plain.text);
  });

  it('does not end by itself before minLength', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { text } = await write({ pattern: '[a-f]+', length: 12, minLength: 8, seed });
      expect(text.length).toBeGreaterThanOrEqual(8);
    }
    // What the pattern cannot make longer ends when it is complete.
    expect((await write({ pattern: '[a-f]{3}', length: 12, minLength: 8 })).text).toHaveLength(3);
    expect(await write({ pattern: '(?:abc)*', length: 4, minLength: 4 })).toMatchObject({ text: 'abc' });
  });

  it('ends at a stop string only where it matches without it', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const { text, stopReason } = await write({ pattern: '(?:[ab]{2})+', stop: ['b'], length: 10, seed });
      expect(text).toMatch(/^(?:[ab]{2})+$/);
      if (stopReason?.by === 'stop') expect(stopReason.text).toBe('b');
    }
    const reasons = await Promise.all(
      Array.from({ length: 50 }, (_, seed) =>
        write({ pattern: '(?:[ab]{2})+', stop: ['b'], length: 10, seed, minLength: 2 }),
      ),
    );
    expect(reasons.some(({ stopReason }) => stopReason?.by === 'stop')).toBe(true);
  });

  it('is over what is allowed', async () => {
    expect((await write({ pattern: '[a-z]{6}', allowed: 'xyz' })).text).toMatch(/^[xyz]{6}$/);
    expect(await failureOf({ pattern: '[a-f]+', allowed: 'xyz' })).toMatchObject({
      code: 'pattern_impossible',
    });
  });

  it('gives way to the copy guard, and says so', async () => {
    const corpus = 'abcabcabcabcabcabc';
    const index = openCopyIndex(buildCopyIndex(corpus, 4));
    const copyGuard = { index, length: 6 };
    const { text, finishReason, stopReason } = await write({ pattern: '(?:abc){6}', copyGuard });
    expect(corpus.startsWith(text)).toBe(true);
    expect(text.length).toBeLessThan(6);
    expect({ finishReason, stopReason }).toEqual({ finishReason: 'stop', stopReason: { by: 'copy_guard' } });
    for (let seed = 0; seed < 20; seed++) {
      const other = await write({ pattern: '[abc]{12}', copyGuard, seed });
      expect(other.text).toMatch(/^[abc]{12}$/); // there was always another way
      for (let at = 0; at + 6 <= 12; at++) expect(corpus).not.toContain(other.text.slice(at, at + 6));
    }
  });

  it('goes on in its pattern from a state, and begins it anew with another one', async () => {
    const pattern = '(?:[a-c]{3}[.!])+';
    const whole = new RegExp(`^${pattern}$`);
    for (let seed = 0; seed < 20; seed++) {
      const first = await write({ pattern, length: 10, seed, temperature: 2 });
      const second = await write({ pattern, length: 10, from: first.state, temperature: 2 });
      expect(first.text).toMatch(whole);
      expect(first.text + second.text).toMatch(whole);
    }
    const half = await write({ pattern: '[a-c]{4}', length: 4 });
    expect(await write({ pattern: '[a-c]{4}', from: half.state })).toMatchObject({
      text: '',
      finishReason: 'stop',
    });
    expect((await write({ pattern: '[a-c]{5}', from: half.state })).text).toMatch(/^[a-c]{5}$/);
    expect((await write({ length: 7, from: half.state })).text).toHaveLength(7);
  });

  it('may be stopped half-way and gone on with', async () => {
    const pattern = '(?:[a-c]{50}!){40}';
    const stop = new AbortController();
    const completions = model.complete({ pattern, length: 3000, seed: 3, signal: stop.signal });
    let text = '';
    for await (const event of completions) {
      text += event.text;
      if (text.length > 100) stop.abort();
    }
    const [choice] = (await completions.result()).choices;
    expect(choice).toMatchObject({ finishReason: 'aborted' });
    expect(choice!.text.length).toBeLessThan(2040);
    const rest = await write({ pattern, length: 3000, seed: 3, from: choice!.state });
    expect(choice!.text + rest.text).toBe((await write({ pattern, length: 3000, seed: 3 })).text);
    expect(choice!.text + rest.text).toMatch(new RegExp(`^${pattern}$`));
  });

  it('is left alone when it is aborted before it is ready', async () => {
    const stop = new AbortController();
    stop.abort();
    const { choices } = await model.complete({ pattern: 'abc', length: 5, signal: stop.signal }).result();
    expect(choices[0]).toMatchObject({ text: '', finishReason: 'aborted' });
    expect((await write({ pattern: 'abc', from: choices[0]!.state })).text).toBe('abc');
  });

  it('is refused with the reason', async () => {
    expect(await failureOf({ pattern: 'a(?=b)' })).toMatchObject({
      code: 'invalid_parameter',
      details: { where: 'pattern' },
    });
    expect(await failureOf({ pattern: 'a{50}' })).toMatchObject({
      code: 'pattern_impossible',
      message: expect.stringMatching(/at most 40 characters .* matches \/a\{50\}\/; the shortest .* 50/),
    });
    expect(await failureOf({ pattern: '\\d{4}' })).toMatchObject({
      message: expect.stringContaining('the alphabet has no "\\\\d"'),
    });
    expect(await failureOf({ pattern: 'DEF' })).toMatchObject({
      message: expect.stringMatching(/has no "F", "E", "D"; ignoring case \(flag i\), some do/),
    });
    expect(await failureOf({ pattern: '(a{500}){500}' })).toMatchObject({ code: 'limit_exceeded' });
    expect((await write({ pattern: /DEF/i })).text).toBe('def');
    expect(alphabetOfRandomModels).not.toContain('D');
  });
});
