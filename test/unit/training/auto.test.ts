import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../src/model/sampling/random.ts';
import { inspectCorpus } from '../../../training/corpus/corpus.ts';
import { estimate } from '../../../training/corpus/estimate.ts';
import { pick } from '../../../training/loop/samples.ts';
import type { EvaluatedModel } from '../../../training/metrics/held-out.ts';
import {
  BASE_ALPHABET,
  BASE_UNITS,
  type CorpusFacts,
  chooseRecipe,
  knownShare,
  lossMarginOf,
} from '../../../training/presets/auto.ts';
import { openBase } from '../../../training/presets/base.ts';
import { evidence } from '../../../training/presets/evidence.ts';
import { presets } from '../../../training/presets/presets.ts';
import { readSavedModel } from '../../../training/publish/saved-model.ts';

const facts = (characters: number, baseLoss: number | undefined = 1.7): CorpusFacts => ({
  ...{ characters, kind: 'text', known: 1, trigramLoss: 2, baseLoss },
});

/** Files of the model that ships. */
const readBase = async (file: string): Promise<Uint8Array> => {
  const folder = 'models/shakespeare';
  const { version } = JSON.parse(readFileSync(`${folder}/current.json`, 'utf8')) as { version: string };
  return readFileSync(`${folder}/${version}/${file}`);
};

/** So many characters that a model writes. */
const ownText = (model: EvaluatedModel, length: number): string => {
  const sequence = model.start();
  const random = Random.fromSeed(1);
  let id = model.alphabet.indexOf('\n');
  let text = '';
  while (text.length < length) {
    id = pick(sequence.step(id), 0.8, random);
    text += model.alphabet[id];
  }
  sequence.close();
  return text;
};

describe('the preset auto', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'folio-auto-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('knows the alphabet and the layers of the model that ships', async () => {
    const base = await readSavedModel(readBase);
    expect([...BASE_ALPHABET]).toEqual(base.alphabet);
    expect(base.network.layers.map(({ units }) => units)).toEqual(BASE_UNITS);
  });

  it('starts from the base while a text is small and the base predicts it better than its own trigram model', () => {
    expect(chooseRecipe(facts(30_000))).toMatchObject({
      fromBase: true,
      why: expect.stringContaining('1.70 nats per character untrained, a trigram model of the text 2.00'),
    });
    expect(chooseRecipe(facts(1_000_000))).toMatchObject({
      fromBase: false,
      settings: { units: presets.standard.units, epochs: presets.standard.epochs },
      why: expect.stringContaining('400,000'),
    });
    expect(chooseRecipe(facts(30_000, 2.1))).toMatchObject({
      fromBase: false,
      why: expect.stringContaining('unlike'),
    });
    expect(chooseRecipe({ ...facts(30_000), baseLoss: undefined })).toMatchObject({
      fromBase: false,
      why: 'there is no model to start from; the text’s own n-gram model teaches',
    });
    expect(chooseRecipe({ ...facts(30_000), kind: 'lines' })).toMatchObject({ fromBase: true });
  });

  it('has the n-gram model of a small text teach a network from fresh weights', () => {
    const { settings, why } = chooseRecipe(facts(30_000, 4));
    expect(settings).toMatchObject({ units: [256], distillation: { ngrams: true } });
    expect(why).toMatch(/unlike .*; the text’s own n-gram model teaches$/);
    expect(chooseRecipe({ ...facts(30_000, 4), isGiven: true }).settings).not.toHaveProperty('distillation');
    expect(chooseRecipe(facts(30_000)).settings.epochs).toBe(presets.standard.epochs); // of which fine-tuning takes a third
    expect(chooseRecipe(facts(100_000, 4)).settings).toMatchObject({ distillation: { ngrams: true } });
    expect(chooseRecipe(facts(160_000, 4)).settings).not.toHaveProperty('distillation');
  });

  it('has the n-gram model of a text teach beside the model that a training starts from, the one that ships or another', () => {
    const teaches = {
      distillation: { ngrams: true },
      dropout: { output: 0.05 },
      optimiser: { weightDecay: 0 },
    };
    expect(chooseRecipe(facts(300_000))).toMatchObject({
      fineTuning: teaches,
      settings: { units: presets.standard.units },
      why: expect.stringMatching(/small .*; the text’s own n-gram model teaches$/),
    });
    const given = (characters: number) => chooseRecipe({ ...facts(characters, 4), isGiven: true });
    expect(given(300_000)).toMatchObject({
      fineTuning: teaches,
      settings: { units: presets.standard.units },
    });
    for (const { fineTuning } of [given(500_000), chooseRecipe({ ...facts(300_000), kind: 'lines' })])
      expect(fineTuning).toEqual({});
  });

  it('fine-tunes on a small text by the rate of fresh weights, and on a very small one in few steps', () => {
    for (const { fineTuning } of [
      chooseRecipe(facts(30_000)),
      chooseRecipe({ ...facts(140_000, 4), isGiven: true }),
    ])
      expect(fineTuning).toEqual({ learningRate: 3e-3 });
    expect(chooseRecipe(facts(300_000)).fineTuning).toMatchObject({ learningRate: 3e-3 });
    expect(chooseRecipe(facts(3000)).fineTuning).toMatchObject({ leastSteps: 15, warmUp: 15 });
    expect(chooseRecipe({ ...facts(3000, 4), isGiven: true }).settings.units).toEqual(presets.standard.units);
    expect(chooseRecipe({ ...facts(30_000), kind: 'lines' }).fineTuning).toEqual({});
  });

  it('takes a small network for a list that is unlike the base', () => {
    const list = (characters: number) => chooseRecipe({ ...facts(characters, 4), kind: 'lines' });
    expect(list(30_000)).toMatchObject({ fromBase: false, settings: { units: presets.tiny.units } });
    for (const characters of [120_000, 200_000])
      expect(list(characters)).toMatchObject({
        fromBase: false,
        settings: { units: presets.standard.units },
      });
  });

  it('measures the base on the text: what it wrote itself is like it, notation is not', async () => {
    const base = await openBase(readBase);
    expect(base.fault).toBeUndefined();
    const inspected = async (text: string) => {
      await writeFile(join(folder, 'text.txt'), text);
      return (await inspectCorpus([join(folder, 'text.txt')], { base: base.model })).estimate;
    };
    const own = await inspected(ownText(base.model!, 3000));
    const notation = await inspected(
      Array.from(
        { length: 300 },
        (_, at) => `${'CDEFGAB'[at % 7]}${at % 5}|${'cdefgab'[(at * at) % 7]}2`,
      ).join(' '),
    );
    expect([own.fromBase, notation.fromBase]).toEqual([true, false]);
    expect(own.baseLoss).toBeLessThan(own.trigramLoss);
    expect(notation.baseLoss).toBeGreaterThan(notation.trigramLoss);
  });

  it('takes no text for one like the base’s because its characters are many and unknown', async () => {
    const { model } = await openBase(readBase);
    const random = Random.fromSeed(5);
    const text = Array.from({ length: 20_000 }, () =>
      String.fromCodePoint(0x4e00 + Math.floor(2000 * random.uniform() ** 2)),
    ).join('');
    await writeFile(join(folder, 'text.txt'), text);
    const { estimate } = await inspectCorpus([join(folder, 'text.txt')], { base: model });
    expect(estimate.trigramLoss).toBeGreaterThan(Math.log(2 * BASE_ALPHABET.length));
    expect(estimate.baseLoss).toBeGreaterThan(estimate.trigramLoss);
    expect(estimate.fromBase).toBe(false);
  });

  it('says why it cannot start from a base that is damaged', async () => {
    const damaged = async (file: string) => (file === 'model.json' ? readBase(file) : new Uint8Array(9));
    expect((await openBase(damaged)).fault).toMatch(/^auto takes fresh weights: .* cannot be read\. /);
    expect((await openBase(async () => new Uint8Array(9))).fault).toMatch(/^auto takes fresh weights/);
  });

  it('counts the characters that the base knows by how often they stand', () => {
    const alphabet = [
      { character: 'e', count: 90 },
      { character: 'я', count: 10 },
    ];
    expect(knownShare(alphabet)).toBe(0.9);
  });

  it('says what it rests on in docs/quality.md', async () => {
    const page = readFileSync('docs/quality.md', 'utf8');
    const heads = ['text', 'characters', 'kind', 'known', 'from', 'how', 'n-gram', 'loss', 'ratio'];
    const rows = evidence.map(({ text, characters, kind, known, fromBase, how, ngramLoss, loss }) => [
      ...[text, characters.toLocaleString('en'), kind, `${(100 * known).toFixed(0)} %`],
      ...[fromBase ? 'the base' : 'fresh', how],
      ...[ngramLoss.toFixed(3), loss.toFixed(3), (loss / ngramLoss).toFixed(2)],
    ]);
    const table = [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');
    const [open, close] = ['<!-- evidence -->\n', '<!-- /evidence -->'];
    const [from, to] = [page.indexOf(open) + open.length, page.indexOf(close)];
    expect([page.includes(open), to > from]).toEqual([true, true]);
    await expect(`${page.slice(0, from)}\n${table}\n${page.slice(to)}`).toMatchFileSnapshot(
      join(process.cwd(), 'docs/quality.md'),
    );
  });
});

describe('estimate', () => {
  it('predicts from the training that is most like it', () => {
    for (const { characters, kind, known, fromBase, loss, ngramLoss } of evidence) {
      const facts = { characters, kind, known, trigramLoss: 2, baseLoss: fromBase ? 1.9 : 2.1 };
      if (chooseRecipe(facts).fromBase !== fromBase) continue;
      const made = estimate(facts, 60, 1.7);
      expect(made).toMatchObject({ preset: 'auto', fromBase });
      expect(made.expectedLoss / 1.7).toBeCloseTo(loss / ngramLoss, 2);
    }
  });

  it('gives a range as wide as the worst error of the evidence, each training predicted from the others', () => {
    const [first] = evidence;
    const training = (characters: number, loss: number) => ({ ...first!, characters, loss, ngramLoss: 1 });
    expect(lossMarginOf([training(1000, 0.8), training(2000, 1)])).toBeCloseTo(0.25);
    const margin = lossMarginOf(evidence);
    expect(margin).toBeGreaterThan(0);
    const { expectedLoss, expectedLossRange } = estimate(facts(30_000), 60, 1.7);
    const [low, high] = expectedLossRange.map((loss) => loss / expectedLoss);
    expect([low, high]).toEqual([expect.closeTo(1 - margin), expect.closeTo(1 + margin)]);
  });

  it('takes less time for a fine-tuning than for a training from fresh weights', () => {
    const small = estimate(facts(100_000), 60, 1.7);
    const large = estimate(facts(1_000_000), 60, 1.7);
    expect(small.seconds).toBeLessThan(large.seconds / 4);
  });
});
