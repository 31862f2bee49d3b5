import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { createKernelStepper } from '../../src/model/kernel/kernel-stepper.ts';
import { readExpected, readModel, worstDifference } from '../import-fixtures.ts';

const run = promisify(execFile);

/** Models of each library; FOLIO_FORMATS makes them more. */
const MODELS = Number(process.env.FOLIO_FORMATS ?? 5);
const STEPS = 200;
const SEED = 20_261_127;

const ids = (vocabulary: number): number[] =>
  Array.from({ length: STEPS }, (_, i) => (i * i * 7 + 3 * i + 1) % vocabulary);

const activation = fc.constantFrom('tanh', 'sigmoid', 'relu', 'linear', 'hard_sigmoid');
const gate = fc.constantFrom('sigmoid', 'hard_sigmoid', 'sigmoid');

const kerasLayer = (kinds: readonly string[]) =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    units: fc.integer({ min: 1, max: 40 }),
    activation: fc.oneof(fc.constant('tanh'), activation),
    recurrentActivation: gate,
    useBias: fc.boolean(),
    resetAfter: fc.boolean(),
  });

const recurrent = kerasLayer(['lstm', 'gru', 'simple-rnn', 'lstm-cell']);
const between = kerasLayer(['dense', 'layer-normalization', 'batch-normalization', 'dropout']);

const kerasSpec = fc
  .record({
    vocabulary: fc.integer({ min: 2, max: 60 }),
    embedding: fc.option(fc.integer({ min: 1, max: 16 }), { nil: null }),
    maskZero: fc.boolean(),
    functional: fc.boolean(),
    early: fc.array(between, { maxLength: 1 }),
    layers: fc.array(fc.tuple(recurrent, fc.array(between, { maxLength: 2 })), {
      minLength: 1,
      maxLength: 3,
    }),
    cells: fc.boolean(),
    lora: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ early, layers, cells, lora, ...spec }) => {
    const chain = [...early, ...layers.flatMap(([layer, after]) => [layer, ...after])];
    const stacked = cells && layers.length < 3 ? [{ ...layers[0]![0], kind: 'cells' }] : [];
    return {
      ...spec,
      layers: [...chain, ...stacked],
      lora: lora && spec.embedding !== null && !spec.functional,
      ids: ids(spec.vocabulary),
      files: ['model.keras', 'model.h5', 'model.weights.h5'],
    };
  });

const torchSpec = fc
  .record({
    vocabulary: fc.integer({ min: 2, max: 60 }),
    embedding: fc.option(fc.integer({ min: 2, max: 16 }), { nil: 0 }),
    front: fc.option(fc.integer({ min: 2, max: 20 }), { nil: 0, freq: 3 }),
    kind: fc.constantFrom('lstm', 'gru', 'rnn'),
    units: fc.oneof(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 126, max: 140 })),
    depth: fc.integer({ min: 1, max: 3 }),
    bias: fc.boolean(),
    nonlinearity: fc.constantFrom('tanh', 'relu'),
    hidden: fc.option(fc.integer({ min: 2, max: 20 }), { nil: 0 }),
    norm: fc.boolean(),
    seed: fc.nat(),
  })
  .map((spec) => ({
    ...spec,
    ids: ids(spec.vocabulary),
    files: [
      ...[
        'state.pt',
        'old.pt',
        'views.pt',
        'checkpoint.pt',
        'full.pt',
        'averaged.pt',
        'old.onnx',
        'turned.onnx',
      ],
      ...['old-states.onnx'],
      // The format sorts by name: a normalization's place is lost, and the order of nn.Linear of one size or before the
      // recurrent layers. PyTorch unrolls an nn.RNN.
      ...(spec.norm || spec.front > 0 || (spec.hidden === spec.units && spec.vocabulary === spec.units)
        ? []
        : ['state.safetensors']),
      ...(spec.kind === 'rnn' ? [] : ['model.onnx', 'states.onnx']),
    ],
  }));

/** Has the library make the models, and reads every file of each. */
const compare = async <Spec extends { readonly files: readonly string[] }>(
  tools: string,
  script: string,
  specs: readonly Spec[],
  optionsOf: (spec: Spec) => Parameters<typeof readModel>[2],
): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-formats-'));
  try {
    const named = specs.map((spec, i) => ({ ...spec, name: String(i) }));
    await writeFile(join(folder, 'specs.json'), JSON.stringify(named));
    await run(
      join(tools, 'python'),
      [join(import.meta.dirname, script), join(folder, 'specs.json'), folder],
      {
        maxBuffer: 1 << 26,
      },
    );
    const worst = new Map<string, number>();
    for (const { name, files, ...spec } of named) {
      const expected = readExpected(join(folder, name));
      // relu and linear layers may make the values large, and their roundings with them.
      const scale = Math.max(1, ...expected.logits.flat().map(Math.abs));
      if (!(scale < 1e4)) continue;
      for (const file of files) {
        const network = await readModel(join(folder, name), file, optionsOf(named[Number(name)]!));
        for (const create of [undefined, (given: typeof network) => createKernelStepper(given, 'f32')]) {
          const difference = worstDifference(network, expected, create) / scale;
          worst.set(file, Math.max(worst.get(file) ?? 0, difference));
          expect(difference, `${file} of ${JSON.stringify(spec)}`).toBeLessThan(1e-4);
        }
      }
    }
    console.log(Object.fromEntries([...worst].map(([file, value]) => [file, value.toExponential(1)])));
    expect(worst.size).toBeGreaterThan(2);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

describe(`models over ${STEPS} steps give what their library computes`, () => {
  it('Keras 3: .keras, .h5, and weights with their configuration', async () => {
    const specs = fc.sample(kerasSpec, { numRuns: MODELS, seed: SEED });
    await compare(inject('kerasTools'), 'keras_models.py', specs, () => ({}));
  });

  it('PyTorch: state dicts, checkpoints, safetensors and ONNX of both exporters', async () => {
    const specs = fc.sample(torchSpec, { numRuns: MODELS, seed: SEED });
    await compare(inject('torchTools'), 'torch_models.py', specs, ({ nonlinearity }) => ({
      nonlinearity: nonlinearity === 'relu' ? 'relu' : 'tanh',
      denseActivation: 'relu',
    }));
  });
});
