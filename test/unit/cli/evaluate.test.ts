import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../../src/load-model.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { folioWithin } from '../../folio-command.ts';
import { publishTinyModel } from '../../tiny-model.ts';

let folder: string;
let corpus: string;
let text: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-evaluate-'));
  const store = await openStore(folder);
  await publishTinyModel(store);
  const { alphabet } = await loadModel({ store, name: 'tiny' });
  text = Array.from(
    { length: 1500 },
    (_, at) => alphabet.characters[(at * at + 7 * at) % alphabet.size],
  ).join('');
  corpus = join(folder, 'corpus.txt');
  await writeFile(corpus, text);
});
afterAll(() => rm(folder, { recursive: true }));

const evaluate = async (...args: string[]) => {
  const { code, stdout, stderr } = await folioWithin([
    'evaluate',
    'tiny',
    corpus,
    '--store',
    folder,
    ...args,
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
};

describe('folio evaluate', () => {
  it('gives the mean surprise of a model that reads the whole text once', async () => {
    const { evaluation } = JSON.parse(await evaluate('--whole', '--generate', '0', '--json'));
    const store = await openStore(folder);
    const model = await loadModel({ store, name: 'tiny' }, { precision: 'f32' });
    const run = model.start();
    const ids = model.alphabet.encode(text).ids;
    let nats = 0;
    for (let at = 0; at + 1 < ids.length; at++) {
      const logits = Array.from(run.step(ids[at]!));
      nats += Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[ids[at + 1]!]!;
    }
    expect(evaluation).toMatchObject({ characters: 1499, unknown: 0 });
    expect(evaluation.loss).toBeCloseTo(nats / 1499, 5);
    expect(evaluation.bitsPerCharacter).toBeCloseTo(nats / 1499 / Math.LN2, 5);
  });

  it('measures the held-out tenth, and looks generated text up in the corpus', async () => {
    const output = await evaluate('--generate', '400');
    expect(output).toMatch(/the last tenth of the text, all of it, 150 characters, state carried/);
    expect(output).toMatch(/\d\.\d{4} nats per character\n/);
    expect(output).toMatch(/0 % of 152 generated windows of 32 characters stand in the corpus/);
  });
});
