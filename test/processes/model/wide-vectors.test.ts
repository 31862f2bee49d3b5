import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { cachedDataVersionTag } from 'node:v8';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { kernelBuild, kernelWasm, useWideKernel } from '../../../src/model/kernel/kernel-module.ts';
import { createKernelStepper, type KernelStepper } from '../../../src/model/kernel/kernel-stepper.ts';
import { AdaptiveThreading } from '../../../src/model/kernel/threads/adaptive-threading.ts';
import type { Layer, Network } from '../../../src/model/network.ts';
import type { Precision } from '../../../src/model/stepper.ts';
import { nodeThreads } from '../../../src/threads.ts';
import { testNetwork, widenVectors } from '../../../src/wide-vectors.ts';
import { inHalves } from '../../in-halves.ts';
import { createQuantisedReferenceStepper } from '../../oracles/quantised-reference-stepper.ts';
import { networkShape, prune, randomNetwork } from '../../random-network.ts';
import { expectSameBits, walk } from '../../walk.ts';

const here = { v8: process.versions.v8, arch: process.arch };
const tried = { v8: '13.6.233', arch: 'x64' };
const isTried = here.arch === 'x64' && here.v8.startsWith('13.6.');
const never = (): never => expect.fail('nothing should be compiled');

describe('the ordinary kernel stays', () => {
  it.each([
    [
      'V8 is another',
      { ...tried, v8: '14.6.202' },
      /tried with the V8 of Node 24 alone \(13\.6\), and this is 14\.6/,
    ],
    ['V8 is older', { ...tried, v8: '12.4.254' }, /and this is 12\.4/],
    ['the processor is another', { ...tried, arch: 'arm64' }, /x86-64 alone, and this is arm64/],
  ])('where %s', (_, host, reason) => {
    expect(widenVectors({ ...host, compile: never })).toMatch(reason);
    expect(kernelBuild()).not.toBe('relaxed-wide');
  });

  it('where a bit differs', () => {
    const compile = () => new WebAssembly.Module(kernelWasm('plain', true)); // which rounds f32 twice
    expect(widenVectors({ ...tried, compile })).toBe(
      'logits in f32 differ from those of the ordinary kernel',
    );
    expect(kernelBuild()).not.toBe('relaxed-wide');
  });

  it('where V8 does not compile it', () => {
    const compile = () => new WebAssembly.Module(Uint8Array.of(1));
    expect(widenVectors({ ...tried, compile })).toMatch(/CompileError/);
    expect(kernelBuild()).not.toBe('relaxed-wide');
  });
});

it('is decided by layers of every kind, each of which the logits depend on', () => {
  const { layers, ...network } = testNetwork();
  const kinds: Readonly<Record<Layer['kind'], true>> = {
    ...{ lstm: true, gru: true, 'simple-rnn': true, dense: true, normalization: true },
  };
  expect(new Set(layers.map(({ kind }) => kind))).toEqual(new Set(Object.keys(kinds)));
  expect(layers.flatMap((one) => (one.kind === 'gru' ? [one.resetAfter] : []))).toEqual([true, false]);
  const logitsOf = (changed: Network): Float32Array => {
    const stepper = createKernelStepper(changed, 'f32');
    const slot = stepper.open();
    for (let id = 0; id < 4; id++) stepper.step([slot], [id]);
    return stepper.step([slot], [4]).slice();
  };
  const expected = logitsOf({ ...network, layers });
  for (const [at, layer] of layers.entries()) {
    const changed =
      layer.kind === 'normalization'
        ? { ...layer, epsilon: 1 }
        : { ...layer, bias: layer.bias.map((value, unit) => (unit === 0 ? value + 0.01 : value)) };
    expect(logitsOf({ ...network, layers: layers.with(at, changed) })).not.toEqual(expected);
  }
});

describe.runIf(isTried)('the kernel with its vectors in pairs', () => {
  const networks = fc
    .sample(networkShape({ units: 100 }), { numRuns: 40, seed: 1 })
    .map((shape) => prune(randomNetwork(shape), shape.seed % 2 === 0 ? 0 : 0.7, shape.seed));
  const ordinary = (precision: Precision): readonly KernelStepper[] =>
    networks.map((network) => createKernelStepper(network, precision));
  const large = (precision: Precision): readonly [Network, KernelStepper][] =>
    [0, 0.75].map((zeros) => {
      const layers = [{ kind: 'lstm', units: 520 } as const, { kind: 'gru', units: 200 } as const];
      const network = prune(randomNetwork({ vocabulary: 65, layers, seed: 1 }), zeros, 1);
      return [network, createKernelStepper(network, precision)];
    });
  let inF32: readonly KernelStepper[];
  let ofLarge: Record<Precision, readonly [Network, KernelStepper][]>;
  let ofHalves: KernelStepper;
  const published = inHalves(
    randomNetwork({ vocabulary: 65, layers: [{ kind: 'lstm', units: 200 }], seed: 1 }),
  );

  beforeAll(() => {
    inF32 = ordinary('f32');
    ofLarge = { f32: large('f32'), int8: large('int8'), int4: large('int4') };
    ofHalves = createKernelStepper(published, 'f32', { halves: true });
    const flags = cachedDataVersionTag(); // changes with V8's flags
    expect(widenVectors()).toBeUndefined();
    expect(cachedDataVersionTag()).toBe(flags);
    return () => useWideKernel(undefined);
  });

  it.each(['int8', 'int4'] as const)(
    'has the bits of the plain twin in %s over the whole family',
    (precision) => {
      for (const [seed, network] of networks.entries()) {
        const wide = createKernelStepper(network, precision);
        const ahead = createKernelStepper(network, precision, { order: 'ahead' });
        expect(wide.kernel.build).toBe('relaxed-wide');
        walk(
          [createQuantisedReferenceStepper(network, precision), wide, ahead],
          { steps: 8, n: 1 + (seed % 3), seed },
          expectSameBits,
        );
      }
    },
  );

  it('has the bits of the ordinary kernel in f32 over the whole family', () => {
    for (const [seed, network] of networks.entries()) {
      const wide = createKernelStepper(network, 'f32');
      const ahead = createKernelStepper(network, 'f32', { order: 'ahead' });
      walk([inF32[seed]!, wide, ahead], { steps: 8, n: 1 + (seed % 3), seed }, expectSameBits);
    }
    const wide = createKernelStepper(published, 'f32', { halves: true });
    const ahead = createKernelStepper(published, 'f32', { halves: true, order: 'ahead' });
    walk([ofHalves, wide, ahead], { steps: 20, n: 3, seed: 1 }, expectSameBits);
  });

  it.each(['int8', 'int4', 'f32'] as const)(
    'has them in larger networks and by threads, in %s',
    (precision) => {
      const together = vi.spyOn(AdaptiveThreading.prototype, 'together', 'get').mockReturnValue(true);
      onTestFinished(() => together.mockRestore());
      for (const [network, one] of ofLarge[precision]) {
        for (const n of [1, 5]) {
          const alone = createKernelStepper(network, precision);
          const threads = { ...nodeThreads(3), startAfter: -1, partBytes: 1 };
          const several = createKernelStepper(network, precision, { threads });
          onTestFinished(() => several.dispose());
          walk([one, alone, several], { steps: 100, n, seed: n }, expectSameBits);
        }
      }
    },
  );
});

it('writes the same text with FOLIO_WIDE_VECTORS, and says where it has no effect', async () => {
  const written = async (value: string) => {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['src/cli/main.ts', 'generate', '--model', 'models/shakespeare', '--seed', '1', '--length', '300'],
      { env: { ...process.env, FOLIO_WIDE_VECTORS: value } },
    );
    return { stdout, hasNoEffect: stderr.includes('FOLIO_WIDE_VECTORS has no effect: ') };
  };
  const [usual, wide] = [await written('false'), await written('true')];
  expect(usual.hasNoEffect).toBe(false);
  expect(wide).toEqual({ stdout: usual.stdout, hasNoEffect: !isTried });
});
