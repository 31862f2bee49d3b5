import { cpus } from 'node:os';
import { useWideKernel } from '../src/model/kernel/kernel-module.ts';
import { createKernelStepper } from '../src/model/kernel/kernel-stepper.ts';
import type { Precision } from '../src/model/stepper.ts';
import { nodeThreads } from '../src/threads.ts';
import { widenVectors } from '../src/wide-vectors.ts';
import { overBestRival } from './best-rival.ts';
import { benchOptions, interleave, type Measured, type Ratio, report, type Subject } from './harness.ts';
import { memoryRoof } from './memory-roof.ts';
import { benchNetwork, type LstmNetwork, pruned, published, sizes, weightsPerStep } from './networks.ts';
import { checkStep } from './rivals/check-logits.ts';
import { onnxModels } from './rivals/network-files.ts';
import { onnxStep, onnxWebText } from './rivals/onnx.ts';
import { rawStep, statefulStep, tensorFlow, wasmTensorFlow, windowStep } from './rivals/tensorflow.ts';
import { textRivals } from './rivals/text-process.ts';
import { sampling } from './sampling.ts';

/** Milliseconds that a measurement lasts at least. */
const SPAN = 200;

type Batch = () => number | Promise<number>;

/** Repeats batches of characters until the time is up. @returns characters a second */
const rate = async (batch: Batch): Promise<number> => {
  let characters = 0;
  const start = performance.now();
  let end = start;
  do {
    const made = batch();
    characters += typeof made === 'number' ? made : await made;
    end = performance.now();
  } while (end - start < SPAN);
  return (1000 * characters) / (end - start);
};

/** This engine: n streams, 64 steps a batch, on one thread unless more are given. */
const folio = (
  network: LstmNetwork,
  precision: Precision,
  n: number,
  threads: number | undefined = 1,
): Batch => {
  const { vocabulary } = network;
  const stepper = createKernelStepper(published(network), precision, { threads: nodeThreads(threads) });
  const sample = sampling(vocabulary);
  const slots = Array.from({ length: n }, () => stepper.open());
  const ids = slots.map((_, i) => i % vocabulary);
  return () => {
    for (let step = 0; step < 64; step++) {
      const logits = stepper.step(slots, ids);
      for (let i = 0; i < n; i++) ids[i] = sample(logits.subarray(i * vocabulary, (i + 1) * vocabulary));
    }
    return 64 * n;
  };
};

/** The same as with FOLIO_WIDE_VECTORS, until its threads have started; what is made later has the ordinary kernel again. */
const wide = async (make: () => Batch): Promise<Batch> => {
  const reason = widenVectors();
  if (reason !== undefined) throw new Error(reason);
  try {
    const batch = make();
    await rate(batch);
    return batch;
  } finally {
    useWideKernel(undefined);
  }
};

/** onnxruntime, a call a character. */
const onnx = async (
  network: LstmNetwork,
  form: 'f32' | 'int8' | 'int8-channel',
  name: 'onnxruntime-node' | 'onnxruntime-web' = 'onnxruntime-node',
): Promise<Batch> => {
  const units = network.layers.map((layer) => layer.units);
  const step = await onnxStep(onnxModels(network), form, units, name);
  await checkStep(step, network, form === 'f32' ? 'f32' : 'int8');
  const sample = sampling(network.vocabulary);
  let id = 0;
  return async () => {
    id = sample(await step(id));
    return 1;
  };
};

const tfjs = async (
  step: (id: number) => Float32Array,
  network: LstmNetwork,
  { checked = true } = {},
): Promise<Batch> => {
  if (checked) await checkStep(step, network, 'f32');
  const sample = sampling(network.vocabulary);
  let id = 0;
  return () => {
    id = sample(step(id));
    return 1;
  };
};

const skipped = new Set<string>();

/** A rival that cannot be had here is left out, with a word. */
const optional = async (subject: string, add: () => Promise<void>): Promise<void> => {
  if (subject.startsWith('folio') && !subject.includes('-wide')) return add();
  const rival = subject.replace(/-(f32|int8|int4|raw|window|stateful).*/, '');
  if (skipped.has(rival)) return;
  try {
    await add();
  } catch (error) {
    skipped.add(rival);
    console.error(`${rival} is left out: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
  }
};

const processes: { dispose(): void }[] = [];

const { json, rounds, wanted } = benchOptions(9);
const roof = await memoryRoof();
const cases: Measured[] = [];

for (const [name, units] of Object.entries(sizes)) {
  const network = benchNetwork(units);
  const sparse = pruned(network, 0.75);
  const makers: Record<string, () => Batch | Promise<Batch>> = {
    'folio-f32': () => folio(network, 'f32', 1),
    'folio-int8': () => folio(network, 'int8', 1),
    'folio-int4': () => folio(network, 'int4', 1),
    'folio-f32-threads': () => folio(network, 'f32', 1, cpus().length),
    'folio-int8-threads': () => folio(network, 'int8', 1, cpus().length),
    'folio-int4-threads': () => folio(network, 'int4', 1, cpus().length),
    'folio-f32-sparse75': () => folio(sparse, 'f32', 1),
    'folio-int8-sparse75': () => folio(sparse, 'int8', 1),
    'folio-int8-sparse75-threads': () => folio(sparse, 'int8', 1, cpus().length),
    'folio-int8-n8': () => folio(network, 'int8', 8, cpus().length),
    'folio-int8-n32': () => folio(network, 'int8', 32, cpus().length),
    'folio-int8-n8-one-thread': () => folio(network, 'int8', 8),
    'folio-f32-n8': () => folio(network, 'f32', 8, cpus().length),
    'folio-wide-int8': () => wide(() => folio(network, 'int8', 1)),
    'folio-wide-int4': () => wide(() => folio(network, 'int4', 1)),
    'folio-wide-f32': () => wide(() => folio(network, 'f32', 1)),
    'folio-wide-int8-threads': () => wide(() => folio(network, 'int8', 1, cpus().length)),
    'folio-wide-int4-threads': () => wide(() => folio(network, 'int4', 1, cpus().length)),
    'folio-wide-int8-sparse75': () => wide(() => folio(sparse, 'int8', 1)),
    'folio-wide-int8-n8': () => wide(() => folio(network, 'int8', 8, cpus().length)),
    'folio-wide-int8-n8-one-thread': () => wide(() => folio(network, 'int8', 8)),
    'onnxruntime-f32': () => onnx(network, 'f32'),
    'onnxruntime-int8': () => onnx(network, 'int8'),
    'onnxruntime-int8-channel': () => onnx(network, 'int8-channel'),
    'onnxruntime-web-f32': () => onnx(network, 'f32', 'onnxruntime-web'),
    'onnxruntime-web-int8-channel': () => onnx(network, 'int8-channel', 'onnxruntime-web'),
    'onnxruntime-web-int8-loop': () => onnxWebText(onnxModels(network), 'int8', network),
    'tfjs-wasm-raw': async () => tfjs(rawStep(await wasmTensorFlow(), network), network),
    'tfjs-node-window': () => tfjs(windowStep(tensorFlow(), network), network, { checked: false }),
    'tfjs-node-stateful': () => tfjs(statefulStep(tensorFlow(), network), network),
    'tfjs-node-raw': () => tfjs(rawStep(tensorFlow(), network), network),
  };
  const unit = 'characters/s';
  const subjects: Subject[] = [];
  for (const [subject, make] of Object.entries(makers)) {
    if (!wanted(name, subject)) continue;
    await optional(subject, async () => {
      const batch = await make();
      await rate(batch); // warm
      subjects.push({ case: name, subject, unit, measure: () => rate(batch) });
    });
  }
  for (const { subject, start } of textRivals(cpus().length)) {
    if (!wanted(name, subject)) continue;
    await optional(subject, async () => {
      const text = await start(network);
      processes.push(text);
      subjects.push({ case: name, subject, unit, measure: () => text.measure(SPAN) });
    });
  }
  const weights = weightsPerStep(network);
  for (const [subject, bytes] of [
    ['memory-roof-f32', 4 * weights],
    ['memory-roof-f16', 2 * weights],
    ['memory-roof-int8', weights],
  ] as const) {
    for (const threads of roof.threaded ? new Set([1, cpus().length]) : [1]) {
      const row = threads > 1 ? `${subject}-threads` : subject;
      if (!wanted(name, row)) continue;
      const measure = (): number => roof.measure(bytes, SPAN / 1000, threads) / bytes;
      subjects.push({ case: name, subject: row, unit, measure });
    }
  }
  cases.push(...(await interleave(subjects, rounds)));
}
for (const process of [...processes, roof]) process.dispose();

const ratio = (what: string, a: string, b: string): Ratio[] =>
  Object.keys(sizes).map((name) => ({ what: `${name} ${what}`, case: name, a, b }));

const races = [...new Set([1, cpus().length])].flatMap((threads) =>
  (['int8', 'f32'] as const).flatMap((precision) => overBestRival(cases, precision, threads)),
);

/** What a step costs for each million of its weights: the same in every model, if nothing else counts. */
const costs = Object.entries(sizes).flatMap(([name, units]) => {
  const weights = weightsPerStep(benchNetwork(units));
  const cost = (['folio-f32', 'folio-int8'] as const).map((subject) => {
    const found = cases.find((one) => one.case === name && one.subject === subject);
    return found && `${subject} ${(1e12 / found.median / weights).toFixed(1)}`;
  });
  return cost.includes(undefined)
    ? []
    : [`  ${name}: ${weights.toLocaleString('en')} weights a step; ${cost.join(', ')} us a million`];
});

report(cases, {
  json,
  ratios: [
    ...ratio('int8 over onnxruntime int8, a call a character', 'folio-int8', 'onnxruntime-int8'),
    ...ratio('f32 over onnxruntime f32, a call a character', 'folio-f32', 'onnxruntime-f32'),
    ...ratio('int4 over int8', 'folio-int4', 'folio-int8'),
    ...ratio('int8, one text on all processors over one', 'folio-int8-threads', 'folio-int8'),
    ...ratio('f32, one text on all processors over one', 'folio-f32-threads', 'folio-f32'),
    ...ratio('int8, 75 % zero blocks over dense', 'folio-int8-sparse75', 'folio-int8'),
    ...ratio('f32, 75 % zero blocks over dense', 'folio-f32-sparse75', 'folio-f32'),
    ...ratio('int8, vectors in pairs over the ordinary kernel', 'folio-wide-int8', 'folio-int8'),
    ...ratio('int8, vectors in pairs, on all processors', 'folio-wide-int8-threads', 'folio-int8-threads'),
    ...ratio('int8, vectors in pairs, 8 streams', 'folio-wide-int8-n8', 'folio-int8-n8'),
    ...ratio('int8, vectors in pairs over oneDNN', 'folio-wide-int8', 'onednn-int8'),
    ...ratio(
      'int8, vectors in pairs over oneDNN, all processors',
      'folio-wide-int8-threads',
      'onednn-int8-threads',
    ),
    ...ratio('int8 over tfjs-node stateful', 'folio-int8', 'tfjs-node-stateful'),
    ...ratio('f32 over the memory roof', 'folio-f32', 'memory-roof-f32'),
    ...ratio('int8 over the memory roof', 'folio-int8', 'memory-roof-int8'),
    ...ratio('int8 over the memory roof, all processors', 'folio-int8-threads', 'memory-roof-int8-threads'),
    ...ratio(
      'int8, vectors in pairs over the memory roof, all processors',
      'folio-wide-int8-threads',
      'memory-roof-int8-threads',
    ),
    ...ratio(
      'oneDNN int8 over the memory roof, all processors',
      'onednn-int8-threads',
      'memory-roof-int8-threads',
    ),
    ...ratio('int8, 8 streams over one', 'folio-int8-n8', 'folio-int8'),
    ...ratio(
      'int8, 8 streams over onnxruntime int8, looped in its graph',
      'folio-int8-n8',
      'onnxruntime-loop-int8',
    ),
  ],
  notes: [
    ...(races.length > 0 ? [`Ours over the best rival\n${races.join('\n')}`] : []),
    `Memory roof: ${roof.how}.`,
    'Weights: float16 numbers, as Folio publishes them. Rivals are given the same numbers in float32; folio-f32 keeps those of large networks in 16 bits.',
    ...(costs.length > 0 ? [`Cost for each million weights\n${costs.join('\n')}`] : []),
  ],
});
