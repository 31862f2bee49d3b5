import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createKernelStepper, type KernelOptions } from '../../../src/model/kernel/kernel-stepper.ts';
import type { Network } from '../../../src/model/network.ts';
import type { Precision, Stepper } from '../../../src/model/stepper.ts';
import { createQuantisedReferenceStepper } from '../../oracles/quantised-reference-stepper.ts';
import { type NetworkShape, networkShape, numbers, prune, randomNetwork } from '../../random-network.ts';
import { expectSameBits, walk } from '../../walk.ts';

const builds: readonly KernelOptions[] = [
  { relaxed: false },
  { relaxed: true, fusedDot: false },
  { relaxed: true, fusedDot: true },
];

const kernels = (network: Network, precision: Precision, blockSparse: boolean): readonly Stepper[] =>
  builds.map((build) => createKernelStepper(network, precision, { ...build, blockSparse }));

const densities = (network: Network, precision: Precision = 'int8'): readonly number[] =>
  createKernelStepper(network, precision).kernel.density.map(({ density }) => density);

const recurrentKernels = (network: Network): readonly Float32Array[] =>
  network.layers.flatMap((layer) => ('recurrent' in layer ? [layer.recurrent] : []));

const twoLayers = (units: number): NetworkShape => ({
  vocabulary: 65,
  layers: [
    { kind: 'lstm', units },
    { kind: 'gru', units },
  ],
  seed: 1,
});

it('gives in int8 the bits of the plain twin, in every build, over the whole family', () => {
  fc.assert(
    fc.property(
      networkShape({ units: 100 }),
      fc.constantFrom(0.4, 0.7, 0.95, 1),
      fc.integer({ min: 1, max: 3 }),
      (shape, share, n) => {
        const network = prune(randomNetwork(shape), share, shape.seed);
        const steppers = [createQuantisedReferenceStepper(network), ...kernels(network, 'int8', true)];
        walk(steppers, { steps: 6, n, seed: shape.seed }, expectSameBits);
      },
    ),
    { numRuns: 50 },
  );
});

it('gives in f32 the bits of the dense kernel', () => {
  fc.assert(
    fc.property(
      networkShape({ units: 100 }),
      fc.constantFrom(0.4, 0.7, 0.95, 1),
      fc.integer({ min: 1, max: 3 }),
      (shape, share, n) => {
        const layers = shape.layers.map((layer) => ({ ...layer, activation: 'tanh' as const })); // no state blows up
        const network = prune(randomNetwork({ ...shape, layers }), share, shape.seed);
        const dense = kernels(network, 'f32', false);
        for (const [index, sparse] of kernels(network, 'f32', true).entries()) {
          walk([dense[index]!, sparse], { steps: 6, n, seed: shape.seed }, expectSameBits);
        }
      },
    ),
    { numRuns: 40 },
  );
});

it('sums singly what could overflow in fours, to the same bits', () => {
  const network = prune(randomNetwork(twoLayers(128)), 0.75, 2);
  // All of one size: four blocks that stand apart in the matrix meet in one sum.
  for (const recurrent of recurrentKernels(network)) {
    recurrent.forEach((weight, i) => {
      recurrent[i] = Math.sign(weight);
    });
  }
  walk(
    [createQuantisedReferenceStepper(network), ...kernels(network, 'int8', true)],
    { steps: 50, n: 2, seed: 3 },
    expectSameBits,
  );
});

it('sums in fours where weights are small beside the largest, to the same bits', () => {
  const network = prune(randomNetwork(twoLayers(128)), 0.75, 2);
  const next = numbers(4);
  for (const recurrent of recurrentKernels(network)) {
    recurrent.forEach((weight, i) => {
      recurrent[i] = weight * next() ** 6;
    });
  }
  walk(
    [createQuantisedReferenceStepper(network), ...kernels(network, 'int8', true)],
    { steps: 50, n: 2, seed: 3 },
    expectSameBits,
  );
});

it.each(['int8', 'f32'] as const)('says how much of each matrix is multiplied: %s', (precision) => {
  const [recurrent, input, second, output] = densities(
    prune(randomNetwork(twoLayers(256)), 0.75, 5),
    precision,
  );
  for (const density of [recurrent, input, second]) expect(density).toBeCloseTo(0.25, 1);
  expect(output).toBeLessThan(0.5);
  expect(densities(randomNetwork(twoLayers(64)), precision)).toEqual([1, 1, 1, 1]);
  expect(createKernelStepper(randomNetwork(twoLayers(64)), precision).kernel.density[1]).toEqual({
    matrix: 'gru_2/kernel',
    density: 1,
    weights: precision,
  });
});

it('leaves a matrix whole whose zeros are few', () => {
  expect(densities(prune(randomNetwork(twoLayers(256)), 0.1, 6))).toEqual([1, 1, 1, 1]);
});

it('holds no weights that are not multiplied', () => {
  const network = prune(randomNetwork({ ...twoLayers(512), vocabulary: 5 }), 0.75, 7);
  for (const precision of ['int8', 'f32'] as const) {
    const [dense, sparse] = [false, true].map(
      (blockSparse) => createKernelStepper(network, precision, { blockSparse }).byteLength,
    );
    expect(sparse! / dense!).toBeLessThan(0.35);
  }
});
