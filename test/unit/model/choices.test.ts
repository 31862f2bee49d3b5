import { describe, expect, it } from 'vitest';
import { buildCopyIndex, openCopyIndex } from '../../../src/model/copy-index.ts';
import type { GenerateOptions } from '../../../src/model/model.ts';
import { randomModel } from '../../random-model.ts';

const model = randomModel();
const choices = ['cab', 'bad', 'c', 'face it', 'cabbage', 'A!'];

const write = async (options: GenerateOptions) => {
  const result = await model.complete({ length: 40, seed: 1, ...options }).result();
  return result.choices[0]!;
};

/** ln P of a text after a prompt, by scoring the whole. */
const logprobAfter = async (prompt: string, text: string): Promise<number> => {
  const { characters } = await model.score(prompt + text);
  return characters.slice([...prompt].length).reduce((sum, { logprob }) => sum + logprob, 0);
};

/** The chi-square of counts against probabilities, and its 99.9th percentile by Wilson and Hilferty. */
const chiSquareOf = (counts: readonly number[], probabilities: readonly number[]): [number, number] => {
  const draws = counts.reduce((sum, count) => sum + count, 0);
  const bins = probabilities.flatMap((p, i) => (p * draws >= 5 ? [[counts[i]!, p * draws] as const] : []));
  const freedom = Math.max(1, bins.length - 1);
  const limit = freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3;
  return [bins.reduce((sum, [count, of]) => sum + (count - of) ** 2 / of, 0), limit];
};

const softmax = (logits: readonly number[]): number[] => {
  const weights = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
};

describe('choices', () => {
  it('have the probabilities that scoring gives, and are drawn by them', async () => {
    const logprobs = await Promise.all(choices.map((text) => logprobAfter('A cab, ', text)));
    for (const temperature of [1, 0.5]) {
      const n = 3000;
      const result = await model.complete({ prompt: 'A cab, ', choices, seed: 5, n, temperature }).result();
      const scores = result.choices[0]!.choiceScores!;
      expect(scores.map(({ text }) => text)).toEqual(choices);
      scores.forEach(({ logprob, probability }, i) => {
        expect(logprob).toBeCloseTo(logprobs[i]!, 9);
        expect(probability).toBeCloseTo(softmax(logprobs)[i]!, 9);
      });
      const counts = choices.map((text) => result.choices.filter((one) => one.text === text).length);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(n);
      const [chiSquare, limit] = chiSquareOf(
        counts,
        softmax(logprobs.map((logprob) => logprob / temperature)),
      );
      expect(chiSquare).toBeLessThan(limit);
    }
  });

  it('are the likeliest one at temperature 0, and cuts see whole texts', async () => {
    const logprobs = await Promise.all(choices.map((text) => logprobAfter('', text)));
    const best = choices[logprobs.indexOf(Math.max(...logprobs))];
    for (const options of [{ temperature: 0 }, { topK: 1 }, { topP: 0.0001 }]) {
      expect((await write({ choices, ...options })).text).toBe(best);
    }
  });

  it('are written whole, with details, a reason and a state to go on from', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const events = model.complete({ choices, seed, logprobs: 2, stop: ['ab', 'a'] });
      let text = '';
      let details = 0;
      for await (const event of events) {
        text += event.text;
        details += event.characters?.length ?? 0;
      }
      const [choice] = (await events.result()).choices;
      expect(choices).toContain(text);
      expect(choice).toMatchObject({
        text,
        finishReason: 'stop',
        stopReason: { by: 'choice' },
        generated: text.length,
      });
      expect(details).toBe(text.length);
      const next = await write({ from: choice!.state, length: 20, temperature: 0 });
      expect(next.text).toBe((await write({ prompt: text, length: 20, temperature: 0 })).text);
      expect(await write({ choices, seed })).toMatchObject({ text });
    }
  });

  it('go on from a state, and give the same text for the same seed, whatever others write meanwhile', async () => {
    const { state } = await write({ prompt: 'ab', length: 9 });
    const alone = await write({ from: state, choices, seed: 9 });
    const together = await Promise.all(
      Array.from({ length: 6 }, (_, i) => write({ from: state, choices, seed: 9 + (i % 2) * 7 })),
    );
    expect(together[0]).toMatchObject({ text: alone.text, choiceScores: alone.choiceScores });
    const direct = await model.score('ab');
    expect(direct.characters).toHaveLength(2);
  });

  it('give way to the copy guard', async () => {
    const index = openCopyIndex(buildCopyIndex('abcabcabcabc', 4));
    const only = await write({ choices: ['abcabcabc'], copyGuard: { index, length: 6 } });
    expect(only).toMatchObject({ text: 'abcab', stopReason: { by: 'copy_guard' } });
  });

  it('may be stopped before they are known', async () => {
    const stop = new AbortController();
    const many = Array.from(
      { length: 200 },
      (_, i) => `${'abc'.repeat(60)}${'abcdefghij'[i % 10]}${'abcdefghijklmnopqrst'[Math.floor(i / 10)]}`,
    );
    const completions = model.complete({ choices: many, length: 400, signal: stop.signal });
    const result = completions.result();
    setTimeout(() => stop.abort(), 3);
    const [choice] = (await result).choices;
    expect(['aborted', 'stop']).toContain(choice!.finishReason);
    if (choice!.finishReason === 'aborted') expect(choice!.text.length).toBeLessThan(182);
    expect((await write({ from: choice!.state, length: 5 })).text).toHaveLength(5);
  });

  it('are refused with their place', async () => {
    const cases: [GenerateOptions, string, string][] = [
      [{ choices: [] }, 'choices', 'invalid_parameter'],
      [{ choices: ['a', ''] }, 'choices[1]', 'invalid_parameter'],
      [{ choices: ['a', 'b', 'a'] }, 'choices[2]', 'invalid_parameter'],
      [{ choices: ['a', 'é'] }, 'choices[1]', 'unknown_character'],
      [{ choices: ['a', 'abcd'], length: 3 }, 'choices[1]', 'invalid_parameter'],
      [{ choices: ['a'], pattern: 'a' }, 'choices', 'invalid_parameter'],
      [{ jsonSchema: { type: 'null' }, pattern: 'a' }, 'jsonSchema', 'invalid_parameter'],
    ];
    for (const [options, where, code] of cases) {
      const expected = { code, details: expect.objectContaining({ where }) };
      await expect(model.complete(options).prepare()).rejects.toMatchObject(expected);
      await expect(write(options)).rejects.toMatchObject(expected);
    }
  });
});
