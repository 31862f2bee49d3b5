import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCopyIndex, openCopyIndex } from '../../../src/model/copy-index.ts';
import type { GenerateOptions } from '../../../src/model/model.ts';
import { randomModel } from '../../random-model.ts';

const model = randomModel();

const write = async (options: GenerateOptions) => {
  const { choices } = await model.complete({ length: 40, seed: 1, ...options }).result();
  return choices[0]!;
};

describe('banned strings', () => {
  it('never stand in a text', async () => {
    const some = fc.array(
      fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'g', 'p'), minLength: 1, maxLength: 3 }),
      {
        minLength: 1,
        maxLength: 6,
      },
    );
    await fc.assert(
      fc.asyncProperty(some, fc.nat(1000), async (banned, seed) => {
        const { text } = await write({ seed, length: 80, banned });
        expect(banned.filter((one) => text.includes(one))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('are seen across a continuation', async () => {
    const banned = ['ab', 'aab', 'ba'];
    for (let seed = 0; seed < 30; seed++) {
      const bias = { a: 6, b: 6 };
      const first = await write({ banned, logitBias: bias, length: 5, seed });
      const second = await write({ banned, logitBias: bias, length: 20, seed, from: first.state });
      const whole = await write({ banned, logitBias: bias, length: 25, seed });
      expect(first.text + second.text).toBe(whole.text);
      expect(banned.filter((one) => whole.text.includes(one))).toEqual([]);
    }
  });

  it('end a text that they leave nothing to go on with, pattern or not, and say so', async () => {
    expect(await write({ banned: ['ab'], pattern: '(?:ab)+' })).toMatchObject({
      text: 'a',
      finishReason: 'stop',
      stopReason: { by: 'banned' },
    });
    expect(await write({ banned: ['a'], allowed: 'a' })).toMatchObject({
      text: '',
      stopReason: { by: 'banned' },
    });
  });

  it('go together with the copy guard', async () => {
    const corpus = 'abcabcabcabcabcabc';
    const index = openCopyIndex(buildCopyIndex(corpus, 4));
    const { text } = await write({
      allowed: 'abc',
      banned: ['aa', 'bb', 'cc'],
      copyGuard: { index, length: 6 },
    });
    expect(text).not.toMatch(/aa|bb|cc/);
    for (let at = 0; at + 6 <= text.length; at++) expect(corpus).not.toContain(text.slice(at, at + 6));
  });

  it('are refused when they are empty', async () => {
    await expect(write({ banned: [''] })).rejects.toEqual(
      expect.objectContaining({
        code: 'invalid_parameter',
        details: expect.objectContaining({ where: 'banned' }),
      }),
    );
  });
});

describe('a stop string', () => {
  it('is part of the text with includeStop, and of its state', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const options = { seed, length: 200, stop: ['ca', 'bb'] };
      const without = await write(options);
      const { text, stopReason, generated, state } = await write({ ...options, includeStop: true });
      if (without.finishReason === 'length') continue;
      expect(stopReason).toEqual(without.stopReason);
      expect(text).toBe(without.text + (stopReason as { text: string }).text);
      expect(generated).toBe(text.length);
      const plain = await write({ seed, length: 60 + text.length });
      expect(text + (await write({ seed, length: 60, from: state })).text).toBe(plain.text);
    }
  });
});

describe('logitBias', () => {
  it('is given by id or by character', async () => {
    const id = model.alphabet.idOf('q')!;
    expect((await write({ logitBias: { [id]: 100 } })).text).toBe('q'.repeat(40));
    expect((await write({ logitBias: { q: 100 } })).text).toBe('q'.repeat(40));
    expect((await write({ logitBias: { "'q'": 100 } })).text).toBe('q'.repeat(40));
    expect((await write({ logitBias: { ' ': 100 } })).text).toBe(' '.repeat(40));
    expect(() => model.complete({ logitBias: { é: 1 } })).toThrow(
      expect.objectContaining({ code: 'invalid_parameter' }),
    );
  });
});
