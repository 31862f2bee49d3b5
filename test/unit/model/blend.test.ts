import { describe, expect, it } from 'vitest';
import { blendModels } from '../../../src/model/decode/blend.ts';
import { createAlphabet } from '../../../src/model/format/alphabet.ts';
import type { Model } from '../../../src/model/model.ts';
import { alphabetOfRandomModels, randomModel, randomNetwork } from '../../random-model.ts';

const size = alphabetOfRandomModels.length;
const named = (name: string, seed: number, alphabet = alphabetOfRandomModels): Model =>
  randomModel({
    network: randomNetwork(size, 12, seed),
    alphabet: createAlphabet(alphabet, size),
    info: { name, version: '1', metadata: {} },
    digest: () => `sha256:${name}`,
  });
const [first, second, third] = [named('first', 5), named('second', 6), named('third', 7)];

/** ln P of each character after a text, by character, from one model. */
const logprobsAfter = (model: Model, text: string): ReadonlyMap<string, number> => {
  const sequence = model.start();
  let logits = sequence.step(model.alphabet.idOf('\n')!);
  for (const character of text) logits = sequence.step(model.alphabet.idOf(character)!);
  const largest = Math.max(...logits);
  const normaliser =
    largest + Math.log([...logits].reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  const found = new Map([...logits].map((logit, id) => [model.alphabet.piece(id), logit - normaliser]));
  sequence.close();
  return found;
};

describe('a blend', () => {
  it('has the weighted sum of the log-probabilities, normalised', async () => {
    const parts = [
      { model: first, weight: 0.5 },
      { model: second, weight: 0.3 },
      { model: third, weight: 0.2 },
    ];
    const blend = blendModels(parts);
    const { characters } = await blend.score('a cab. face');
    for (const [at, { logprob }] of characters.entries()) {
      const text = 'a cab. face';
      const each = parts.map(({ model }) => logprobsAfter(model, text.slice(0, at)));
      const sum = (character: string) =>
        parts.reduce((total, { weight }, i) => total + weight * each[i]!.get(character)!, 0);
      const all = [...alphabetOfRandomModels].map(sum);
      const normaliser = Math.log(all.reduce((total, one) => total + Math.exp(one), 0));
      expect(logprob).toBeCloseTo(sum(text[at]!) - normaliser, 5);
    }
  });

  it('is the model itself where both are the same, and takes an alphabet in another order', async () => {
    const options = { prompt: 'cab', length: 200, seed: 3 };
    const alone = await first.complete(options).result();
    const twice = blendModels([
      { model: first, weight: 1 },
      { model: named('again', 5), weight: 1 },
    ]);
    expect((await twice.complete(options).result()).choices[0]!.text).toBe(alone.choices[0]!.text);
    const backwards = [...alphabetOfRandomModels].toReversed().join('');
    const other = named('backwards', 9, backwards);
    const mixed = blendModels([
      { model: first, weight: 0.999 },
      { model: other, weight: 0.001 },
    ]);
    const [a, b] = [logprobsAfter(mixed, 'ab'), logprobsAfter(first, 'ab')];
    for (const [character, logprob] of b) expect(a.get(character)).toBeCloseTo(logprob, 1);
  });

  it('goes on exactly from a state, under patterns, choices and DRY, and with texts side by side', async () => {
    const parts = [
      { model: first, weight: 0.6 },
      { model: second, weight: 0.4 },
    ];
    const blend = blendModels(parts);
    const options = { prompt: 'ab', seed: 2, dryMultiplier: 2, pattern: '(?:[a-z]{1,5}[ .])*' };
    const whole = (await blend.complete({ ...options, length: 60 }).result()).choices[0]!;
    const half = (await blend.complete({ ...options, length: 30, minLength: 30 }).result()).choices[0]!;
    const again = blendModels(parts);
    const { prompt: _, ...rest } = options;
    const end = await again.complete({ ...rest, length: 60 - half.text.length, from: half.state }).result();
    expect(half.text + end.choices[0]!.text).toMatch(/^(?:[a-z]{1,5}[ .])*$/);
    expect(whole.text).toMatch(/^(?:[a-z]{1,5}[ .])*$/);
    const plain = { prompt: 'ab', seed: 2, length: 80 };
    const [one, others] = await Promise.all([
      blend.complete(plain).result(),
      blend.complete({ ...plain, n: 5 }).result(),
      first.complete({ ...plain, n: 3 }).result(),
    ]);
    expect(others.choices[0]!.text).toBe(one.choices[0]!.text);
    const start = (await blend.complete({ ...plain, length: 33 }).result()).choices[0]!;
    const { choices } = await blend.complete({ seed: 2, length: 47, from: start.state }).result();
    expect(start.text + choices[0]!.text).toBe(one.choices[0]!.text);
    const chosen = await blend.complete({ choices: ['cab', 'face'], seed: 1 }).result();
    expect(['cab', 'face']).toContain(chosen.choices[0]!.text);
  });

  it('ends with its own texts alone, and its states are its own', async () => {
    const parts = [
      { model: first, weight: 0.6 },
      { model: second, weight: 0.4 },
    ];
    const blend = blendModels(parts);
    const { choices } = await blend.complete({ length: 5 }).result();
    const running = blend.complete({ length: 100_000 }).result();
    setTimeout(() => blend.dispose(), 5);
    await expect(running).rejects.toMatchObject({ code: 'unavailable' });
    expect((await first.complete({ length: 5 }).result()).choices[0]!.text).toHaveLength(5);
    expect(() => first.complete({ from: choices[0]!.state })).toThrow(
      /a state of first@1, received one of 0\.6 of first@1 and 0\.4 of second@1/,
    );
  });

  it('is refused with a reason', () => {
    const wrong: [Parameters<typeof blendModels>[0], RegExp][] = [
      [[], /parts: expected 2 to 4 models/],
      [[{ model: first, weight: 1 }], /2 to 4 models/],
      [new Array(5).fill({ model: first, weight: 1 }), /2 to 4 models/],
      [
        [
          { model: first, weight: 1 },
          { model: second, weight: 0 },
        ],
        /parts\[1\]\.weight: expected a number above 0/,
      ],
      [
        [
          { model: first, weight: 1 },
          { model: second, weight: Number.NaN },
        ],
        /above 0/,
      ],
      [
        [
          { model: first, weight: 1 },
          { model: named('other', 3, `${alphabetOfRandomModels.slice(0, -1)}é`), weight: 1 },
        ],
        /the alphabet of first, received other, whose alphabet lacks "C" and has "é" besides\./,
      ],
      [
        [
          { model: first, weight: 1 },
          { model: randomModel({ precision: 'f32' }), weight: 1 },
        ],
        /in int8/,
      ],
      [
        [
          { model: first, weight: 1 },
          { model: { ...second }, weight: 1 },
        ],
        /opened here/,
      ],
    ];
    for (const [parts, message] of wrong) expect(() => blendModels(parts)).toThrow(message);
  });
});
