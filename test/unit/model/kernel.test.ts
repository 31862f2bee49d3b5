import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sourceDigest } from '../../../src/model/kernel/build.ts';
import { kernelBytes } from '../../../src/model/kernel/kernel-bytes.ts';
import { kernelWasm, relaxedSimdSupported } from '../../../src/model/kernel/kernel-module.ts';
import { createKernelStepper } from '../../../src/model/kernel/kernel-stepper.ts';
import { firstLayer, type Network } from '../../../src/model/network.ts';
import type { Precision, Stepper } from '../../../src/model/stepper.ts';
import { inHalves } from '../../in-halves.ts';
import { createQuantisedReferenceStepper } from '../../oracles/quantised-reference-stepper.ts';
import { createReferenceStepper } from '../../oracles/reference-stepper.ts';
import { networkShape, nudged, randomNetwork } from '../../random-network.ts';
import { stepCases } from '../../step.cases.ts';
import { bitsOf, expectSameBits, walk } from '../../walk.ts';

const builds = [
  ['plain', false],
  ['relaxed', true],
] as const;

const kernel = (precision: Precision, relaxed: boolean) => (network: Network) =>
  createKernelStepper(network, precision, { relaxed });

const composed = { relaxed: true, fusedDot: false } as const;
const orders = [
  { ...composed, order: 'streams' },
  { ...composed, order: 'ahead' },
] as const;

/** Every way in which a host may compute in whole numbers. */
const wholeKernels = (network: Network, precision: 'int8' | 'int4'): readonly Stepper[] =>
  [{ relaxed: false }, composed, ...orders, { relaxed: true, fusedDot: true }].map((options) =>
    createKernelStepper(network, precision, options),
  );

const digests = { int8: '0e0b7bd557d2bfa4', int4: '8f33b0b26b677dbb' } as const;

const distance = (a: Float32Array, b: Float32Array): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

describe('the kernel', () => {
  it('is the one that its source makes', async () => {
    expect(kernelBytes.source, 'run npm run build:kernel').toBe(await sourceDigest());
  });

  it('has a build for hosts without relaxed SIMD, and one for this host', () => {
    const plain = Uint8Array.from(Buffer.from(kernelBytes.plain.base64, 'base64'));
    expect(WebAssembly.validate(plain)).toBe(true);
    expect(relaxedSimdSupported()).toBe(true);
    expect(WebAssembly.validate(kernelWasm('relaxed'))).toBe(true);
    expect(WebAssembly.Module.imports(new WebAssembly.Module(plain))).toEqual([
      { module: 'env', name: 'memory', kind: 'memory' },
    ]);
  });

  for (const precision of ['f32', 'int8', 'int4'] as const) {
    for (const [build, relaxed] of builds) {
      describe(`${precision}, ${build} SIMD`, () => stepCases(kernel(precision, relaxed)));
    }
  }

  it.each(builds)('in f32, %s SIMD, agrees with its plain twin over the whole family', (_, relaxed) => {
    fc.assert(
      fc.property(networkShape(), fc.integer({ min: 1, max: 5 }), (shape, n) => {
        const network = randomNetwork(shape);
        const twins = [1, 2, 3, 4].map((seed) => nudged(network, seed));
        const steppers = [network, ...twins].map(createReferenceStepper);
        let peak = 1; // relu and linear may blow a state up, and its errors with it
        walk([...steppers, kernel('f32', relaxed)(network)], { steps: 8, n, seed: shape.seed }, (logits) => {
          const [expected, ...others] = logits as [Float32Array, ...Float32Array[]];
          const actual = others.pop()!;
          for (let slot = 0; slot < n; slot++) {
            peak = Math.max(peak, ...steppers[0]!.read(slot).map(Math.abs));
          }
          // Some networks make much of each rounding: as much as of the last bits of their weights, whichever way these go.
          const bound = 1e-5 * peak + 30 * Math.max(...others.map((one) => distance(expected, one)));
          if (peak < 1e6) expect(distance(expected, actual)).toBeLessThan(bound);
        });
      }),
      { numRuns: 120 },
    );
  });

  describe.each(['int8', 'int4'] as const)('in %s', (precision) => {
    it('gives the bits of its plain twin over the whole family, in either build', () => {
      fc.assert(
        fc.property(networkShape({ units: 70 }), fc.integer({ min: 1, max: 5 }), (shape, n) => {
          const network = randomNetwork(shape);
          const steppers = [
            createQuantisedReferenceStepper(network, precision),
            ...wholeKernels(network, precision),
          ];
          walk(steppers, { steps: 8, n, seed: shape.seed }, expectSameBits);
        }),
        { numRuns: 120 },
      );
    });

    it('gives the same bits in either build over thousands of steps', () => {
      const network = randomNetwork({
        vocabulary: 65,
        layers: [
          { kind: 'lstm', units: 100 },
          { kind: 'lstm', units: 100 },
        ],
        seed: 1,
      });
      walk(wholeKernels(network, precision), { steps: 5000, n: 3, seed: 2 }, expectSameBits);
    });

    it('gives these bits on every host', () => {
      const layers = [
        { kind: 'lstm', units: 96 },
        { kind: 'lstm', units: 50 },
      ] as const;
      const network = randomNetwork({ vocabulary: 65, layers, seed: 1 });
      for (const stepper of wholeKernels(network, precision)) {
        const slots = [stepper.open(), stepper.open(), stepper.open()];
        const hash = createHash('sha256');
        let ids = [1, 2, 3];
        for (let step = 0; step < 300; step++) {
          hash.update(bitsOf(stepper.step(slots, ids)));
          ids = ids.map((id, i) => (id * 7 + i + step) % network.vocabulary);
        }
        expect(hash.digest('hex').slice(0, 16)).toBe(digests[precision]);
      }
    });

    it('never overflows, whatever the weights: all at one sign and size', () => {
      const network = randomNetwork({ vocabulary: 5, layers: [{ kind: 'lstm', units: 128 }], seed: 3 });
      firstLayer(network).recurrent.forEach((_, i, weights) => {
        weights[i] = i % 2 === 0 ? 1 : -1;
      });
      walk(
        [createQuantisedReferenceStepper(network, precision), ...wholeKernels(network, precision)],
        { steps: 50, n: 2, seed: 4 },
        expectSameBits,
      );
    });
  });

  it('packs halves to the same bits in every order, with groups of columns left over', () => {
    for (const units of [16, 40, 72, 100, 128]) {
      const layers = [
        { kind: 'lstm', units },
        { kind: 'gru', units: units + 8 },
      ] as const;
      const network = inHalves(randomNetwork({ vocabulary: 65, layers, seed: units }));
      const options = [{ ...composed, order: 'straight' }, ...orders, { relaxed: false }] as const;
      const steppers = options.map((option) => createKernelStepper(network, 'int8', option));
      walk(steppers, { steps: 20, n: 2, seed: units }, expectSameBits);
    }
  });

  it.each(builds)('reads ahead in f32 and from halves to the same bits, %s SIMD', (_, relaxed) => {
    for (const units of [1, 40, 100, 128]) {
      const layers = [
        { kind: 'lstm', units },
        { kind: 'gru', units: units + 8 },
      ] as const;
      const network = inHalves(randomNetwork({ vocabulary: 65, layers, seed: units }));
      for (const halves of [false, true]) {
        const steppers = (['straight', 'ahead'] as const).map((order) =>
          createKernelStepper(network, 'f32', { relaxed, halves, order }),
        );
        walk(steppers, { steps: 20, n: 1, seed: units }, expectSameBits);
      }
    }
  });

  it.each([
    [1, 'lstm'],
    [3, 'gru'],
    [129, 'lstm'],
    [257, 'gru'],
    [512, 'lstm'],
  ] as const)('runs %i units of %s', (units, kind) => {
    const network = randomNetwork({ vocabulary: 65, layers: [{ kind, units }], seed: units });
    const f32 = [createReferenceStepper(network), kernel('f32', true)(network)];
    walk(f32, { steps: 4, n: 1, seed: 5 }, ([expected, actual]) => {
      expect(distance(expected!, actual!)).toBeLessThan(1e-4);
    });
    for (const precision of ['int8', 'int4'] as const) {
      walk(
        [createQuantisedReferenceStepper(network, precision), kernel(precision, true)(network)],
        { steps: 4, n: 1, seed: 5 },
        expectSameBits,
      );
    }
  });

  it('holds little more than its weights', () => {
    const network = randomNetwork({ vocabulary: 65, layers: [{ kind: 'lstm', units: 512 }], seed: 1 });
    const weights = 65 * 2048 + 512 * 2048 + 2048 + 512 * 65 + 65;
    expect(createKernelStepper(network, 'f32').byteLength / (4 * weights)).toBeLessThan(1.2);
    expect(createKernelStepper(network, 'int8').byteLength / weights).toBeLessThan(1.2);
    expect(createKernelStepper(network, 'int4').byteLength / weights).toBeLessThan(0.76);
  });
});
