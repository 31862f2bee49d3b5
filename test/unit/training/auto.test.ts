import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { estimate } from '../../../training/corpus/estimate.ts';
import {
  BASE_ALPHABET,
  BASE_UNITS,
  type CorpusFacts,
  chooseRecipe,
  knownShare,
} from '../../../training/presets/auto.ts';
import { evidence } from '../../../training/presets/evidence.ts';
import { presets } from '../../../training/presets/presets.ts';
import { readSavedModel } from '../../../training/publish/saved-model.ts';

const facts = (characters: number, known = 1): CorpusFacts => ({ characters, kind: 'text', known });

describe('the preset auto', () => {
  it('knows the alphabet and the layers of the model that ships', async () => {
    const folder = 'models/shakespeare';
    const { version } = JSON.parse(readFileSync(`${folder}/current.json`, 'utf8')) as { version: string };
    const base = await readSavedModel(async (file) => readFileSync(`${folder}/${version}/${file}`));
    expect([...BASE_ALPHABET]).toEqual(base.alphabet);
    expect(base.network.layers.map(({ units }) => units)).toEqual(BASE_UNITS);
  });

  it('starts from the base while a text is small and in its letters', () => {
    expect(chooseRecipe(facts(30_000), { base: true })).toMatchObject({ fromBase: true });
    expect(chooseRecipe(facts(1_000_000), { base: true })).toMatchObject({
      fromBase: false,
      settings: { units: presets.standard.units, epochs: presets.standard.epochs },
      why: expect.stringContaining('400,000'),
    });
    expect(chooseRecipe(facts(30_000, 0.05), { base: true })).toMatchObject({
      fromBase: false,
      why: expect.stringContaining('5 %'),
    });
    expect(chooseRecipe(facts(30_000), { base: false })).toMatchObject({ fromBase: false });
  });

  it('takes a small network for a list, and fresh weights', () => {
    const list = (characters: number) =>
      chooseRecipe({ characters, kind: 'lines', known: 1 }, { base: true });
    expect(list(30_000)).toMatchObject({ fromBase: false, settings: { units: presets.tiny.units } });
    expect(list(200_000)).toMatchObject({ fromBase: false, settings: { units: presets.standard.units } });
  });

  it('counts the characters that the base knows by how often they stand', () => {
    const alphabet = [
      { character: 'e', count: 90 },
      { character: 'я', count: 10 },
    ];
    expect(knownShare(alphabet)).toBe(0.9);
  });

  it('says what it rests on in docs/quality.md, row by row', () => {
    const document = readFileSync('docs/quality.md', 'utf8');
    const rows = evidence.map(
      ({ text, characters, kind, known, fromBase, how, ngramLoss, loss }) =>
        `| ${text} | ${characters.toLocaleString('en')} | ${kind} | ${(100 * known).toFixed(0)} % | ${fromBase ? 'the base' : 'fresh'} | ${how} | ${ngramLoss.toFixed(3)} | ${loss.toFixed(3)} | ${(loss / ngramLoss).toFixed(2)} |`,
    );
    for (const row of rows) expect(document).toContain(row);
  });
});

describe('estimate', () => {
  it('predicts from the training that is most like it', () => {
    const ngramLosses = { 3: 2, 4: 1.8, 5: 1.7, 6: 1.75 };
    for (const { characters, kind, known, fromBase, loss, ngramLoss } of evidence) {
      if (chooseRecipe({ characters, kind, known }, { base: true }).fromBase !== fromBase) continue;
      const made = estimate({ characters, kind, known }, 60, ngramLosses);
      expect(made).toMatchObject({ preset: 'auto', fromBase });
      expect(made.expectedLoss / 1.7).toBeCloseTo(loss / ngramLoss, 2);
    }
  });

  it('takes less time for a fine-tuning than for a training from fresh weights', () => {
    const ngramLosses = { 3: 2, 4: 1.8, 5: 1.7, 6: 1.75 };
    const small = estimate(facts(100_000), 60, ngramLosses);
    const large = estimate(facts(1_000_000), 60, ngramLosses);
    expect(small.seconds).toBeLessThan(large.seconds / 4);
  });
});
