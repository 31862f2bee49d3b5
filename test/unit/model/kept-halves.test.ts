import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Halves } from '../../../src/model/format/halves.ts';
import { createKernelStepper, type KernelOptions } from '../../../src/model/kernel/kernel-stepper.ts';
import type { Network } from '../../../src/model/network.ts';
import type { Precision } from '../../../src/model/stepper.ts';
import { halvesOf, inHalves } from '../../in-halves.ts';
import { type NetworkShape, networkShape, numbers, prune, randomNetwork } from '../../random-network.ts';
import { expectSameBits, walk } from '../../walk.ts';

/** Zeros, the smallest, the largest subnormal and the smallest normal one, and the largest that are kept; of either sign. */
const unusual = [0, 1, 2, 0x03ff, 0x0400, 0x0401, 0x57ff].flatMap((half) => [half, half | 0x8000]);

/** The network in halves, of which some are unusual. */
const withUnusual = (network: Network, seed: number): Network<Halves> => {
  const next = numbers(seed);
  return inHalves(network, (name, halves) => {
    for (const at of halves.keys()) {
      if (halves[at] !== 0 && next() < 0.02) halves[at] = unusual[Math.floor(next() * unusual.length)]!;
    }
    return halvesOf(name, halves);
  });
};

const formats = (network: Network<Halves>, options: KernelOptions, precision: Precision = 'f32') =>
  createKernelStepper(network, precision, options).kernel.density.map(({ weights }) => weights);

it.each([true, false])('weights that are kept as halves give the bits of f32: relaxed %s', (relaxed) => {
  fc.assert(
    fc.property(networkShape({ units: 70 }), fc.integer({ min: 1, max: 5 }), (shape, n) => {
      const network = withUnusual(randomNetwork(shape), shape.seed);
      const [f32, f16] = [false, true].map((halves) =>
        createKernelStepper(network, 'f32', { relaxed, halves }),
      );
      walk([f32!, f16!], { steps: 6, n, seed: shape.seed }, expectSameBits);
    }),
    { numRuns: 40 },
  );
});

const shape: NetworkShape = {
  vocabulary: 65,
  layers: [
    { kind: 'lstm', units: 40 },
    { kind: 'gru', units: 32, resetAfter: false },
    { kind: 'dense', units: 50 },
    { kind: 'normalization', units: 50 },
    { kind: 'simple-rnn', units: 32 },
  ],
  seed: 1,
};

it('keeps all that was published as halves, of every kind of layer', () => {
  const network = randomNetwork(shape);
  expect(new Set(formats(inHalves(network), { halves: true }))).toEqual(new Set(['f16']));
  expect(new Set(formats(network, { halves: true }))).toEqual(new Set(['f32']));
  for (const precision of ['int8', 'int4'] as const) {
    expect(formats(inHalves(network), { halves: true }, precision)[0]).toBe(precision);
  }
});

it('widens what could overflow: large weights, and what is multiplied with an output that has no bound', () => {
  const large = inHalves(randomNetwork(shape), (name, halves) => {
    if (name === 'gru_2/kernel') halves[7] = 0x5800; // 128
    return halvesOf(name, halves);
  });
  expect(formats(large, { halves: true }).slice(0, 4)).toEqual(['f16', 'f32', 'f16', 'f16']);

  const layers = [
    { kind: 'lstm', units: 40 },
    { kind: 'simple-rnn', units: 32, activation: 'relu' },
    { kind: 'gru', units: 32 },
  ] as const;
  const unbounded = inHalves(randomNetwork({ ...shape, layers }));
  expect(formats(unbounded, { halves: true })).toEqual(['f16', 'f16', 'f32', 'f32', 'f16', 'f16']);
});

it('leaves blocks of zeros out, to the same bits', () => {
  fc.assert(
    fc.property(
      networkShape({ units: 100 }),
      fc.constantFrom(0.4, 0.7, 0.95, 1),
      fc.integer({ min: 1, max: 3 }),
      (given, share, n) => {
        const network = withUnusual(prune(randomNetwork(given), share, given.seed), given.seed);
        for (const relaxed of [false, true]) {
          const [f32, f16] = [false, true].map((halves) =>
            createKernelStepper(network, 'f32', { relaxed, halves, blockSparse: halves }),
          );
          let staysFinite = true; // where weights of 127 blow a state up, zeros that are left out would have made NaN of it
          walk([f32!, f16!], { steps: 6, n, seed: given.seed }, (logits, step) => {
            for (let slot = 0; slot < n; slot++) staysFinite &&= f32!.read(slot).every(Number.isFinite);
            if (staysFinite) expectSameBits(logits, step);
          });
        }
      },
    ),
    { numRuns: 40 },
  );
});

it('leaves blocks out whose zeros are minus zero', () => {
  const layers = [{ kind: 'lstm', units: 96 }] as const;
  const pruned = inHalves(prune(randomNetwork({ ...shape, layers }), 0.8, 1), (name, halves) =>
    halvesOf(
      name,
      halves.map((half) => half || 0x8000),
    ),
  );
  const [recurrent] = createKernelStepper(pruned, 'f32', { halves: true }).kernel.density;
  expect(recurrent!.density).toBeLessThan(0.3);
  expect(recurrent!.weights).toBe('f16');
});

/** One layer, all weights 1 / 16, or 0 from a share of the inputs on. */
const ofUnits = (units: number, share = 1): Network<Halves> => {
  const matrix = (name: string, length: number): Halves =>
    halvesOf(name, new Uint16Array(length).fill(0x2c00, 0, length * share));
  return {
    vocabulary: 65,
    input: { kind: 'one-hot' },
    layers: [
      {
        kind: 'lstm',
        name: 'lstm_1',
        inputs: 65,
        units,
        activation: 'tanh',
        recurrentActivation: 'sigmoid',
        kernel: matrix('lstm_1/kernel', 65 * 4 * units),
        recurrent: matrix('lstm_1/recurrent_kernel', units * 4 * units),
        bias: new Float32Array(4 * units),
      },
    ],
    output: {
      name: 'dense',
      inputs: units,
      kernel: matrix('dense/kernel', units * 65),
      bias: new Float32Array(65),
    },
  };
};

it('keeps halves where what is multiplied of a network is larger than most caches, in half the memory', () => {
  expect(formats(ofUnits(768), {})).toEqual(['f32', 'f32']);
  expect(formats(ofUnits(1088, 0.5), {})).toEqual(['f32', 'f32']);
  const { kernel, byteLength } = createKernelStepper(ofUnits(1088), 'f32');
  expect(kernel.density.map(({ weights }) => weights)).toEqual(['f16', 'f16']);
  const multiplied = 1088 * 4 * 1088 + 1088 * 65;
  const table = 65 * 4 * 1088;
  expect(byteLength / (2 * multiplied + 4 * table)).toBeLessThan(1.1);
});
