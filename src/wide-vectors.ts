import { setFlagsFromString } from 'node:v8';
import { kernelWasm, relaxedSimdSupported, useWideKernel } from './model/kernel/kernel-module.ts';
import { createKernelStepper } from './model/kernel/kernel-stepper.ts';
import type { ReadingOrder } from './model/kernel/packing/packer.ts';
import type { Threads } from './model/kernel/threads/worker-pool.ts';
import type { GruLayer, LstmLayer, Network } from './model/network.ts';
import { PRECISIONS, type Precision } from './model/stepper.ts';

/**
 * V8 where these flags have been tried: that of Node 24. In Node 22 they gain nothing, and Node 26 ends the process when
 * it compiles with them.
 */
const TRIED = /^13\.6\./;

/** Pairs of vectors of 128 bits become one of 256, and every function is compiled at once by the compiler that does that. */
const wanted = ['--experimental-wasm-revectorize', '--no-liftoff', '--no-wasm-lazy-compilation'];
const usual = ['--no-experimental-wasm-revectorize', '--liftoff', '--wasm-lazy-compilation'];

/** A section without a meaning, for V8 takes the code that it has where it knows the bytes. */
const SECTION = Uint8Array.of(0, 5, 4, ...Buffer.from('wide'));

/** The relaxed build for shared memory. The flags are a whole process', so they are set while it is compiled and no longer. */
const compileInPairs = (): WebAssembly.Module => {
  const bytes = Buffer.concat([kernelWasm('relaxed', true), SECTION]);
  for (const flag of wanted) setFlagsFromString(flag);
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    for (const flag of usual) setFlagsFromString(flag);
  }
};

interface Host {
  readonly v8: string;
  readonly arch: string;
  readonly compile: () => WebAssembly.Module;
}

const thisHost: Host = { v8: process.versions.v8, arch: process.arch, compile: compileInPairs };

/**
 * Has V8 pair the vectors of the kernel, for all models that this process opens later. It is for processes that are
 * Folio's own: no library changes the flags of a program that uses it.
 *
 * The bits must be those of the ordinary kernel, or that one stays.
 *
 * @returns why the ordinary kernel stays; undefined where vectors are paired
 */
export const widenVectors = ({ v8, arch, compile }: Host = thisHost): string | undefined => {
  if (arch !== 'x64') return `V8 pairs vectors on x86-64 alone, and this is ${arch}`;
  if (!TRIED.test(v8)) return `it was tried with the V8 of Node 24 alone (13.6), and this is ${v8}`;
  if (!relaxedSimdSupported()) return 'this host has no relaxed SIMD';
  try {
    const network = testNetwork();
    const expected = ways.map((way) => logitsOf(network, way));
    useWideKernel(compile());
    const differs = ways.find((way, i) => !logitsOf(network, way).equals(expected[i]!));
    if (differs === undefined) return undefined;
    useWideKernel(undefined);
    return `logits in ${differs.precision} differ from those of the ordinary kernel`;
  } catch (error) {
    useWideKernel(undefined);
    return String(error);
  }
};

/** The precisions, and the order in which large matrices are read. */
const ways: readonly { readonly precision: Precision; readonly order?: ReadingOrder }[] = [
  ...PRECISIONS.map((precision) => ({ precision })),
  { precision: 'f32', order: 'ahead' },
  { precision: 'int8', order: 'ahead' },
];

/** Steps in parts are tried where nobody comes to take one, so that the caller's thread computes all. */
const nobody: Threads = { count: 2, startAfter: 0, partBytes: 1, start: () => {} };

/** So many, that some are in parts: see `AdaptiveThreading`. */
const STEPS = 70;

/** Logits of one sequence and of three, in bits. */
const logitsOf = (network: Network, { precision, order }: (typeof ways)[number]): Buffer => {
  const stepper = createKernelStepper(network, precision, { threads: nobody, order });
  const slots = [stepper.open(), stepper.open(), stepper.open()];
  const rows: Buffer[] = [];
  for (let step = 0; step < STEPS; step++) {
    const running = step % 10 === 9 ? slots : slots.slice(0, 1);
    const logits = stepper.step(
      running,
      running.map((slot) => (5 * slot + step) % network.vocabulary),
    );
    rows.push(Buffer.from(new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength)));
  }
  stepper.dispose();
  return Buffer.concat(rows);
};

/** A layer of each kind, none of which has whole tiles alone; the second leaves out blocks of zeros. */
export const testNetwork = (): Network => {
  const vocabulary = 33;
  let state = 1;
  const uniform = (length: number): Float32Array =>
    new Float32Array(length).map(() => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes' generator
      return (state / 2 ** 31 - 1) / 4;
    });
  const weights = (inputs: number, units: number, gates: number) => ({
    ...{ name: `of_${units}`, inputs, units, activation: 'tanh' as const },
    kernel: uniform(gates * units * inputs),
    bias: uniform(gates * units),
  });
  const lstm = (inputs: number, units: number, zeros: boolean): LstmLayer => {
    const recurrent = uniform(4 * units * units);
    for (let row = 0; zeros && row < units; row += 8)
      recurrent.fill(0, 4 * units * row, 4 * units * (row + 4));
    return { kind: 'lstm', ...weights(inputs, units, 4), recurrentActivation: 'sigmoid', recurrent };
  };
  const gru = (inputs: number, units: number, resetAfter: boolean): GruLayer => ({
    ...{ kind: 'gru', ...weights(inputs, units, 3), recurrentActivation: 'sigmoid', resetAfter },
    recurrent: uniform(3 * units * units),
    recurrentBias: resetAfter ? uniform(3 * units) : new Float32Array(3 * units),
  });
  return {
    vocabulary,
    input: { kind: 'one-hot' },
    layers: [
      lstm(vocabulary, 80, false),
      lstm(80, 48, true),
      gru(48, 40, true),
      { kind: 'dense', ...weights(40, 36, 1) },
      gru(36, 44, false),
      { kind: 'normalization', name: 'normalization', inputs: 44, units: 44, epsilon: 1e-3 },
      { kind: 'simple-rnn', ...weights(44, 28, 1), recurrent: uniform(28 * 28) },
    ],
    output: { name: 'dense', inputs: 28, kernel: uniform(28 * vocabulary), bias: uniform(vocabulary) },
  };
};
