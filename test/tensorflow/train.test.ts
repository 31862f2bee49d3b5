import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLineIndex } from '../../src/model/lines/line-index.ts';
import { Random } from '../../src/model/sampling/random.ts';
import { readPointer } from '../../src/store/models.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import type { TrainingEvent } from '../../training/events.ts';
import type { FitSettings } from '../../training/loop/fit-settings.ts';
import { loadTensorFlow } from '../../training/loop/tensorflow.ts';
import { openEvaluatedModel } from '../../training/publish/evaluated-model.ts';
import { type TrainOptions, train } from '../../training/train.ts';
import { madeUpText } from './text.ts';

const tf = loadTensorFlow();
const small: Partial<FitSettings> = { units: [20, 12], batch: 8, length: 16, epochs: 2, leastSteps: 1 };

let folder: string;
let store: Store;
let corpus: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-train-'));
  store = await openStore(folder);
  corpus = join(folder, 'corpus.txt');
  await writeFile(corpus, madeUpText(800));
});
afterAll(() => rm(folder, { recursive: true }));

const run = async (options: Partial<TrainOptions>): Promise<TrainingEvent[]> => {
  const events: TrainingEvent[] = [];
  const given: TrainOptions = {
    corpus: [corpus],
    name: 'made-up',
    preset: 'tiny',
    store,
    settings: small,
    force: true, // so little training does not beat a trigram model
    ...options,
  };
  for await (const event of train(given)) events.push(event);
  return events;
};

const checkpointsOf = async (name: string): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of store.list(`checkpoints/${name}/`)) keys.push(key);
  return keys;
};

const read = async (key: string): Promise<Uint8Array> => (await store.read(key))!.bytes;

/** Logarithms of stock tfjs' probabilities after each character: [length][vocabulary]. */
const stockLogs = async (key: string, ids: readonly number[], vocabulary: number): Promise<number[][]> => {
  const json = JSON.parse(new TextDecoder().decode(await read(`${key}/model.json`)));
  const weightData = (await read(`${key}/weights-1-of-1.bin`)).slice().buffer;
  const { modelTopology, weightsManifest } = json;
  const model = await tf.loadLayersModel(
    tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
  );
  return tf.tidy(() => {
    const inputs = tf.tensor2d([[...ids]], undefined, 'int32');
    const fed = model.inputs[0]!.shape.length === 2 ? inputs : tf.oneHot(inputs, vocabulary);
    const logs = (model.predict(fed) as Tensor).log().squeeze([0]).arraySync() as number[][];
    model.dispose();
    return logs;
  });
};

const kernelLogs = async (key: string, ids: readonly number[]): Promise<number[][]> => {
  const sequence = (await openEvaluatedModel((file) => read(`${key}/${file}`))).start();
  return ids.map((id) => {
    const logits = [...sequence.step(id)];
    const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
    return logits.map((logit) => logit - sum);
  });
};

describe('train', () => {
  test.each([
    { name: 'one-hot', settings: { ...small, shards: 'float32' as const } },
    { name: 'halves', settings: { ...small, shards: 'float16' as const } },
    { name: 'embedded', settings: { ...small, embedding: 5 } },
  ])('publishes a model that stock tfjs and the kernel read alike: $name', async ({ name, settings }) => {
    const events = await run({ name, settings });
    const published = events.at(-1)!;
    if (published.type !== 'published') throw new Error(`ended with ${published.type}`);
    const json = JSON.parse(new TextDecoder().decode(await read(`${published.key}/model.json`)));
    const { alphabet, training, corpus: source, tools } = json.userDefinedMetadata.folio;
    expect(training.validationLoss).toBeGreaterThan(0);
    expect(source.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(tools.tensorflow).toMatch(/^\d+\.\d+/);
    const ids = Array.from({ length: 40 }, (_, at) => (at * 7) % alphabet.length);
    const [stock, kernel] = [
      await stockLogs(published.key, ids, alphabet.length),
      await kernelLogs(published.key, ids),
    ];
    const worst = Math.max(
      ...stock.flatMap((row, at) => row.map((log, id) => Math.abs(log - kernel[at]![id]!))),
    );
    expect(worst).toBeLessThan(1e-4);
    expect((await readPointer(store, name))!.version).toBe(published.version);
    expect(await checkpointsOf(name)).toEqual([]);
    expect(
      JSON.parse(new TextDecoder().decode(await read(`${published.key}/report.json`))).epochs,
    ).toHaveLength(2);
  });

  test('auto starts from the base, whose digest is in metadata, report and gate', async () => {
    const made = (await run({ name: 'base' })).at(-1)!;
    if (made.type !== 'published') throw new Error('not published');
    const base = (file: string) => read(`${made.key}/${file}`);
    const parent = JSON.parse(new TextDecoder().decode(await base('model.json'))).userDefinedMetadata.folio;
    const settings = { batch: 8, length: 16, epochs: 1, leastSteps: 1 };
    // Its letters in disorder teach a trigram model nothing, and the base knows how often each stands.
    const disorder = join(folder, 'disorder.txt');
    const random = Random.fromSeed(1);
    const letters = [...madeUpText(800)].map((letter) => ({ letter, place: random.uniform() }));
    letters.sort((a, b) => a.place - b.place);
    await writeFile(
      disorder,
      letters
        .slice(0, 3000)
        .map(({ letter }) => letter)
        .join(''),
    );
    const events = await run({ name: 'heir', corpus: [disorder], preset: 'auto', base, settings });
    const lineage = { name: 'base', version: parent.version, digest: expect.stringMatching(/^sha256:/) };
    expect(events.find(({ type }) => type === 'started')).toMatchObject({
      parent: lineage,
      why: expect.stringContaining('the model that ships'),
      settings: { units: [20, 12] },
    });
    expect(events.find(({ type }) => type === 'gate')).toMatchObject({ parentLoss: expect.any(Number) });
    const heir = events.at(-1)!;
    if (heir.type !== 'published') throw new Error('not published');
    const json = (file: string) =>
      read(`${heir.key}/${file}`).then((bytes) => JSON.parse(new TextDecoder().decode(bytes)));
    expect((await json('model.json')).userDefinedMetadata.folio.parent).toEqual(
      (await json('report.json')).started.parent,
    );
  });

  test('auto has the n-gram model of a small text teach fresh weights', async () => {
    const text = join(folder, 'small.txt');
    await writeFile(text, madeUpText(2300));
    const settings = { units: [16], batch: 8, length: 16, epochs: 1, leastSteps: 1 };
    const events = await run({ name: 'fresh', corpus: [text], preset: 'auto', settings });
    const started = events.find((event) => event.type === 'started')!;
    expect(started).not.toHaveProperty('parent');
    expect(started).toMatchObject({
      why: expect.stringContaining('n-gram model teaches'),
      settings: { distillation: { ngrams: true } },
    });
    expect(events.findLast((event) => event.type === 'step')!.step).toBe(started.steps);
    expect(events.at(-1)).toMatchObject({ type: 'published' });
  });

  test('a list is learnt line by line: its index is published, and what it writes is measured', async () => {
    const names = Array.from({ length: 400 }, (_, at) => `n${(at * 7919) % 1000}`).sort();
    const list = join(folder, 'names.txt');
    await writeFile(list, names.join('\n'));
    const events = await run({ name: 'names', corpus: [list], check: /^n\d{1,3}$/u });
    const published = events.at(-1)!;
    if (published.type !== 'published') throw new Error('not published');
    const index = openLineIndex(await read(`${published.key}/line-index.bin`));
    expect(index.lines).toBe(new Set(names).size);
    expect(names.every((name) => index.has(name))).toBe(true);
    const report = JSON.parse(new TextDecoder().decode(await read(`${published.key}/report.json`)));
    expect(report.preflight.kind).toBe('lines');
    expect(report.lines).toMatchObject({ lines: 500, corpusValid: 1, valid: expect.any(Number) });
    expect(report.lines.unique).toBeGreaterThan(0);
  });

  test('goes on after an interruption and publishes the same weights', async () => {
    const whole = (await run({ name: 'whole' })).at(-1)!;
    const stop = new AbortController();
    const interrupted: TrainingEvent[] = [];
    const options = { corpus: [corpus], name: 'parts', preset: 'tiny' as const, store, settings: small };
    for await (const event of train({ ...options, signal: stop.signal })) {
      interrupted.push(event);
      if (event.type === 'epoch' && event.epoch === 1) stop.abort();
    }
    expect(interrupted.at(-1)).toMatchObject({ type: 'finished', reason: 'interrupted' });
    expect(await readPointer(store, 'parts')).toBeUndefined();
    await expect(
      run({ name: 'parts', settings: { ...small, batch: 4 }, resume: 'always' }),
    ).rejects.toMatchObject({
      code: 'checkpoint_mismatch',
      message: expect.stringContaining('batch was 8, is 4'),
    });
    // A trial under the same name, published meanwhile, leaves the checkpoint alone.
    const kept = await checkpointsOf('parts');
    expect(kept).toHaveLength(1);
    const trial = await run({ name: 'parts', settings: { ...small, batch: 4, epochs: 1 } });
    expect(trial.find((event) => event.type === 'warning')).toMatchObject({
      code: 'not_resumed',
      message: expect.stringMatching(/is kept.*batch was 8, is 4/),
    });
    expect(await checkpointsOf('parts')).toEqual(kept);
    // Interrupted once more, while the last checkpoint is written: it does not go on to publish.
    const late = new AbortController();
    const ending: TrainingEvent[] = [];
    for await (const event of train({ ...options, signal: late.signal })) {
      ending.push(event);
      if (event.type === 'checkpoint') late.abort();
    }
    expect(ending.at(-1)).toMatchObject({ type: 'finished', reason: 'interrupted', epoch: 2 });
    const resumed = await run({ name: 'parts', resume: 'always' });
    const { resumedAt, earlier = [] } = resumed.find((event) => event.type === 'started')!;
    expect(resumedAt).toBeGreaterThan(0);
    expect(earlier.flatMap((event) => (event.type === 'epoch' ? event.epoch : []))).toEqual([1, 2]);
    const published = resumed.at(-1)!;
    if (whole.type !== 'published' || published.type !== 'published') throw new Error('not published');
    expect(await read(`${published.key}/weights-1-of-1.bin`)).toEqual(
      await read(`${whole.key}/weights-1-of-1.bin`),
    );
  });

  test('keeps a worse model as a candidate, the pointer where it was, unless forced', async () => {
    await run({ name: 'guarded', settings: { ...small, epochs: 4 } });
    const before = (await readPointer(store, 'guarded'))!.version;
    const worse = { ...small, units: [2], epochs: 1, learningRate: 1e-4 };
    const rejected = (await run({ name: 'guarded', settings: worse, force: false })).at(-1)!;
    if (rejected.type !== 'rejected') throw new Error(`ended with ${rejected.type}`);
    expect((await readPointer(store, 'guarded'))!.version).toBe(before);
    expect(
      JSON.parse(new TextDecoder().decode(await read(`${rejected.key}/reason.json`))).reasons,
    ).not.toHaveLength(0);
    expect((await run({ name: 'guarded', settings: worse })).at(-1)).toHaveProperty('type', 'published');
  });

  test('starts from another model, whose lineage it keeps and with which the gate compares it', async () => {
    const parent = (await run({ name: 'parent' })).at(-1)!;
    if (parent.type !== 'published') throw new Error('not published');
    const file = join(folder, 'other.txt');
    await writeFile(file, `${madeUpText(800, 2)} é`);
    const events = await run({
      name: 'child',
      corpus: [file],
      from: (name) => read(`${parent.key}/${name}`),
      settings: { batch: 8, length: 16, leastSteps: 1, epochs: 1 },
    });
    const started = events.find((event) => event.type === 'started')!;
    expect(started.settings).toMatchObject({ units: small.units });
    const fresh = await run({ name: 'fresh', corpus: [file], settings: { ...small, epochs: 1 } });
    const validationLoss = (events: readonly TrainingEvent[]) =>
      events.find((event) => event.type === 'epoch')!.validationLoss;
    expect(validationLoss(events)).toBeLessThan(validationLoss(fresh));
    const gate = events.find((event) => event.type === 'gate')!;
    expect(gate.parentLoss).toBeGreaterThan(0);
    expect(gate.reasons.join(' ')).toMatch(/the model that it started from/);
    const published = events.at(-1)!;
    if (published.type !== 'published') throw new Error(`ended with ${published.type}`);
    const json = JSON.parse(new TextDecoder().decode(await read(`${published.key}/model.json`)));
    expect(json.userDefinedMetadata.folio.parent).toMatchObject({
      name: 'parent',
      version: parent.version,
      digest: expect.stringMatching(/^sha256:/),
    });
    expect(json.userDefinedMetadata.folio.alphabet).toContain('é');
  });

  test('learns from teachers of the same text, which metadata and report name, and refuses those of another', async () => {
    const teacher = (await run({ name: 'teacher', settings: { ...small, epochs: 1 } })).at(-1)!;
    if (teacher.type !== 'published') throw new Error('not published');
    const teachers = [(name: string) => read(`${teacher.key}/${name}`)];
    const events = await run({ name: 'taught', teachers, settings: { ...small, units: [16], epochs: 1 } });
    const started = events.find((event) => event.type === 'started')!;
    expect(started.settings).toMatchObject({
      distillation: { ownCharacter: 0.3 },
      dropout: { output: 0.05 },
    });
    expect(events.findLast((event) => event.type === 'step')!.step).toBe(started.steps);
    const published = events.at(-1)!;
    if (published.type !== 'published') throw new Error(`ended with ${published.type}`);
    const json = JSON.parse(new TextDecoder().decode(await read(`${published.key}/model.json`)));
    const lineage = { name: 'teacher', version: teacher.version, digest: expect.stringMatching(/^sha256:/) };
    expect(json.userDefinedMetadata.folio.teachers).toEqual([lineage]);
    const report = new TextDecoder().decode(await read(`${published.key}/report.html`));
    expect(report).toContain(`taught by teacher@${teacher.version}, trained on`);
    const stopped = await run({ name: 'stopped', teachers, settings: small, signal: AbortSignal.abort() });
    expect(stopped.map(({ type }) => type)).not.toContain('started');
    expect(stopped.at(-1)).toMatchObject({ type: 'finished', reason: 'interrupted', step: 0 });
    const other = join(folder, 'x.txt');
    await writeFile(other, `${madeUpText(800)} x`.repeat(2));
    await expect(run({ name: 'taught', corpus: [other], teachers })).rejects.toMatchObject({
      code: 'model_unsupported',
      details: { where: '--teacher' },
    });
  });

  test('needs a checkpoint where one is asked for', async () => {
    await expect(run({ name: 'nothing', resume: 'always' })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('reads the tutorial’s text as the tutorial did, words kept apart', async () => {
    const settings = { ...small, carryState: false };
    const published = (await run({ name: 'tutorial', preset: 'tutorial', settings })).at(-1)!;
    if (published.type !== 'published') throw new Error(`ended with ${published.type}`);
    const json = await readFile(join(folder, published.key, 'model.json'), 'utf8');
    const { alphabet } = JSON.parse(json).userDefinedMetadata.folio;
    expect(alphabet.join('')).toMatch(/^ [a-z0-9]+$/);
  });
});
