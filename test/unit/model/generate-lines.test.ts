import { describe, expect, it } from 'vitest';
import { generateLines } from '../../../src/model/lines/generate-lines.ts';
import { buildLineIndex, openLineIndex } from '../../../src/model/lines/line-index.ts';
import { randomModel } from '../../random-model.ts';

const collect = async (lines: AsyncIterable<string>): Promise<string[]> => {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
};

describe('generateLines', () => {
  const model = randomModel();
  const options = { lines: 70, seed: 11, length: 200 };

  it('writes so many whole lines, the same for the same seed', async () => {
    const lines = await collect(generateLines(model, options));
    expect(lines).toHaveLength(70);
    for (const line of lines) expect(line).toMatch(/^[^\n]*\S[^\n]*$/);
    expect(await collect(generateLines(model, options))).toEqual(lines);
    expect(await collect(generateLines(model, { ...options, seed: 12 }))).not.toEqual(lines);
  });

  it('begins each with the prompt', async () => {
    const alphabet = model.alphabet.characters.filter((character) => /\w/.test(character));
    const prompt = `${alphabet[0]}${alphabet[1]}`;
    const lines = await collect(generateLines(model, { ...options, lines: 5, prompt }));
    for (const line of lines) expect(line.startsWith(prompt)).toBe(true);
    await expect(collect(generateLines(model, { ...options, prompt: 'a\nb' }))).rejects.toMatchObject({
      code: 'invalid_parameter',
    });
  });

  it('leaves out lines of the corpus and repeats, where only new ones count', async () => {
    const first = await collect(generateLines(model, options));
    const newTo = openLineIndex(buildLineIndex(first));
    const lines = await collect(generateLines(model, { ...options, newTo }));
    expect(lines).toHaveLength(70);
    expect(lines.filter((line) => first.includes(line))).toEqual([]);
    expect(new Set(lines).size).toBe(70);
  });

  it('gives up with what it found where nothing new comes', async () => {
    const all = { lines: 0, byteLength: 0, has: () => true };
    await expect(collect(generateLines(model, { ...options, newTo: all }))).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringMatching(/^0 of 70 lines .* higher temperature/),
    });
  });

  it.each([0, 1.5, Number.NaN])('refuses %s lines', async (lines) => {
    await expect(collect(generateLines(model, { lines }))).rejects.toMatchObject({
      code: 'invalid_parameter',
    });
  });
});
