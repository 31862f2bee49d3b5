import { describe, expect, test } from 'vitest';
import { FolioError } from '../../src/errors.ts';
import { hasBfloat16 } from '../../src/training-jobs/bfloat16.ts';
import type { TrainingEvent } from '../../training/events.ts';
import {
  type Configuration,
  decodeCheckpoint,
  encodeCheckpoint,
  type FitState,
} from '../../training/loop/checkpoint.ts';
import { type FitOptions, type FitResult, fitNetwork } from '../../training/loop/fit.ts';
import type { FitSettings } from '../../training/loop/fit-settings.ts';
import { Kernels } from '../../training/loop/kernels.ts';
import { loadTensorFlow } from '../../training/loop/tensorflow.ts';
import { presets } from '../../training/presets/presets.ts';
import { corpusOf, madeUpText } from './text.ts';

const tf = loadTensorFlow();
const kernels = new Kernels(tf);
const corpus = corpusOf(madeUpText(1500));
const settings: FitSettings = {
  ...presets.tiny,
  units: [24, 16],
  batch: 8,
  length: 16,
  epochs: 3,
  leastSteps: 1,
  dropout: { input: 0.1, between: 0.2, output: 0.2, recurrent: 0.2, perSequence: true },
  optimiser: { ...presets.standard.optimiser, averaging: 0.99 },
};

const run = async (
  options: FitOptions,
  events: TrainingEvent[] = [],
  chosen = settings,
): Promise<FitResult> => {
  const fitting = fitNetwork(kernels, corpus, chosen, options);
  for (;;) {
    const { value, done } = await fitting.next();
    if (done === true) return value;
    events.push(value);
  }
};

const bitsOf = (result: FitResult): Buffer =>
  Buffer.concat(result.weights.map(({ values }) => Buffer.from(values.buffer)));

/** Trains until the training stands at a step, and gives what it saved there. */
const interruptedAt = async (step: number, chosen = settings, from?: FitState): Promise<FitState> => {
  const stop = new AbortController();
  let saved: FitState | undefined;
  const save = (state: FitState) => {
    saved = state;
    if (state.position === step - 1) stop.abort();
    return Promise.resolve({ key: 'none', bytes: 0 });
  };
  const result = await run({ from, signal: stop.signal, saveEvery: 0, save }, [], chosen); // saves after every step
  expect(result.reason).toBe('interrupted');
  expect(saved!.position).toBe(step);
  return saved!;
};

describe('a training', () => {
  const differing: Partial<FitSettings>[] = [
    { embedding: 0 },
    { embedding: 6 },
    { units: [16], batch: 32, leastSteps: 334 }, // long enough to be compiled, with streams for two groups
    ...(hasBfloat16() ? [{ precision: 'bf16' } as const] : []),
  ];
  test.each(differing)(
    'that was interrupted twice ends with the bits of one that was not: %o',
    async (differences) => {
      const chosen = { ...settings, ...differences };
      const whole = await run({}, [], chosen);
      expect(whole.reason).toBe('completed');
      const configuration: Configuration = { ...chosen };
      const passedOn = (state: FitState) =>
        decodeCheckpoint(encodeCheckpoint(state, configuration), configuration);
      let state: FitState | undefined;
      for (const step of [17, Math.floor(whole.steps / 2) + 1]) {
        state = passedOn(await interruptedAt(step, chosen, state));
      }
      const resumed = await run({ from: state }, [], chosen);
      expect(resumed.steps).toBe(whole.steps);
      expect(bitsOf(resumed).equals(bitsOf(whole))).toBe(true);
      expect(resumed.epochs).toEqual(whole.epochs);
    },
  );

  test('leaves as many tensors after an epoch as after the one before', async () => {
    const before = kernels.live;
    const counts: { tensors: number; live: number }[] = [];
    const fitting = fitNetwork(kernels, corpus, settings);
    for (let next = await fitting.next(); next.done !== true; next = await fitting.next()) {
      if (next.value.type === 'epoch') counts.push({ tensors: tf.memory().numTensors, live: kernels.live });
    }
    expect(counts).toHaveLength(3);
    expect(new Set(counts.map(({ tensors }) => tensors)).size).toBe(1);
    expect(new Set(counts.map(({ live }) => live)).size).toBe(1);
    expect(kernels.live).toBe(before);
  });

  test('goes on where a checkpoint cannot be written, and ends where one is needed', async () => {
    const events: TrainingEvent[] = [];
    const save = () => Promise.reject(new FolioError('store_failed', 'The disk is full.'));
    const short = { ...settings, epochs: 1 };
    const { reason } = await run({ save, saveEvery: 0 }, events, short);
    expect(reason).toBe('completed');
    expect(events).toContainEqual({
      type: 'warning',
      code: 'not_saved',
      message: expect.stringContaining('The disk is full.'),
    });
    const signal = AbortSignal.abort();
    await expect(run({ save, signal }, [], short)).rejects.toMatchObject({ code: 'store_failed' });
  });

  test('goes on one kernel at a time where TensorFlow refuses its steps as a graph, and says so', async () => {
    const refusing = new Kernels(tf);
    refusing.loadGraph = () => {
      throw new Error('Op type not registered.');
    };
    const stop = new AbortController();
    const events: TrainingEvent[] = [];
    const long = { ...settings, leastSteps: 334 };
    const fitting = fitNetwork(refusing, corpus, long, { signal: stop.signal });
    for (let next = await fitting.next(); next.done !== true; next = await fitting.next()) {
      events.push(next.value);
      if (next.value.type === 'step') stop.abort();
    }
    expect(events[0]).toMatchObject({
      code: 'not_compiled',
      message: expect.stringContaining('Op type not registered.'),
    });
    expect(events.some(({ type }) => type === 'step')).toBe(true);
  });

  test('learns: its validation loss falls from epoch to epoch', async () => {
    const events: TrainingEvent[] = [];
    const result = await run({}, events);
    const losses = result.epochs.map(({ validationLoss }) => validationLoss);
    expect(losses[2]).toBeLessThan(losses[0]!);
    expect(result.best!.validationLoss).toBe(Math.min(...losses));
    expect(events.filter(({ type }) => type === 'sample')).toHaveLength(12);
  });

  test('that diverges goes back at half the rate, twice, then ends clearly', async () => {
    const events: TrainingEvent[] = [];
    const optimiser = { ...settings.optimiser, clipNorm: Number.MAX_VALUE };
    const wild = { ...settings, learningRate: 1e30, warmUp: 0, optimiser };
    await expect(run({}, events, wild)).rejects.toMatchObject({ code: 'training_diverged' });
    const rates = events.filter((event) => event.type === 'warning' && event.code === 'diverged');
    expect(rates).toHaveLength(2);
  });

  test('stops early, and is still stopped when it is gone on with', async () => {
    const impatient = { ...settings, units: [4], epochs: 30, patience: 1, learningRate: 0.5 };
    let saved: FitState | undefined;
    const save = (state: FitState) => {
      saved = state;
      return Promise.resolve({ key: 'none', bytes: 0 });
    };
    const result = await run({ save }, [], impatient);
    expect(result.reason).toBe('stopped_early');
    expect(result.best!.epoch).toBe(result.epochs.length - 1);
    const again = await run({ from: saved }, [], impatient);
    expect(again.reason).toBe('stopped_early');
    expect(bitsOf(again).equals(bitsOf(result))).toBe(true);
  });
});

describe('a checkpoint', () => {
  test('of another training is refused by naming what differs', async () => {
    const state = await interruptedAt(3);
    const bytes = encodeCheckpoint(state, { corpus: 'sha256:1', batch: 8 });
    expect(() => decodeCheckpoint(bytes, { corpus: 'sha256:2', batch: 8 })).toThrow(
      /corpus was "sha256:1", is "sha256:2"/,
    );
    expect(decodeCheckpoint(bytes, { corpus: 'sha256:1', batch: 8 }).position).toBe(3);
    const damaged = Uint8Array.from(bytes);
    damaged[damaged.length - 5]! ^= 1;
    for (const broken of [damaged, bytes.subarray(0, 100), new Uint8Array(2)]) {
      expect(() => decodeCheckpoint(broken, { corpus: 'sha256:1', batch: 8 })).toThrow(/damaged/);
    }
  });

  test('of an older format is refused by name', async () => {
    const configuration = { corpus: 'sha256:1' };
    const bytes = Buffer.from(encodeCheckpoint(await interruptedAt(3), configuration));
    bytes.set(Buffer.from('{"format":1'), bytes.indexOf('{"format":2'));
    expect(() => decodeCheckpoint(bytes, configuration)).toThrow(/format 1 of another version .* --fresh/);
  });
});
