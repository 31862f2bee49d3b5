import { FolioError } from '../../errors.ts';
import type { KernelInfo } from '../stepper.ts';
import { kernelBytes } from './kernel-bytes.ts';

/** What the compiled kernel exports; addresses are for kernel-stepper.ts alone. */
export interface KernelExports {
  /** 1 where int8 products use the host's dot product with addition. */
  readonly fusedDot: { value: number };
  heapBase(): number;
  stepF32(network: number, n: number): void;
  stepInt8(network: number, n: number): void;
  /** The sequences of a step by several threads, the caller's included. @returns 1 where a worker took part */
  stepTogether(pool: number, threads: number, n: number): number;
  /** One sequence, its layers in parts for as many threads as come. @returns 1 where a worker took part */
  stepInParts(pool: number, parts: number): number;
  /** What a worker thread does until `shutdown`. */
  work(pool: number, thread: number): void;
  shutdown(pool: number): void;
  quantiseState(network: number, slot: number): void;
  /** Raises outputs' ranges to the largest weights of a chunk. @returns 0 where halves are not finite */
  widen(chunk: number, ranges: number): number;
  /** @returns a chunk's blocks of 4 inputs that are zero, in so many of the tiles */
  zeroBlocks(chunk: number, looks: number): number;
  packF32(chunk: number, to: number, tileRows: number): void;
  packHalves(chunk: number, to: number): void;
  /** 1 where int8 matrices may be in streams. */
  streamable(): number;
  packInt8(chunk: number, to: number, ranges: number, sums: number, lanes: number, order: number): void;
  /** Makes scales and starts of ranges and sums. @returns 0 where strips have to be packed again */
  finishInt8(rows: number, ranges: number, sums: number, lanes: number): number;
  /** @param most the largest multiplier of a group */
  packInt4(chunk: number, to: number, ranges: number, sums: number, most: number): void;
  finishInt4(rows: number, ranges: number, sums: number, most: number): void;
  packTable(chunk: number, to: number, ranges: number): void;
  finishTable(rows: number, ranges: number): void;
  /** Drops the zero blocks of packed tiles in place. @returns how many stay */
  compress(
    weights: number,
    tiles: number,
    rest: number,
    blocks: number,
    blockBytes: number,
    kept: number,
    list: number,
    int8: number,
  ): number;
}

/** Node's own decoder where there is one: a loop that is not yet compiled costs a cold start milliseconds. */
const decode = (base64: string): Uint8Array<ArrayBuffer> =>
  typeof Buffer === 'function'
    ? new Uint8Array(Buffer.from(base64, 'base64'))
    : Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

// Calls are marked pure: a bundler then drops the kernel where nothing is generated.
const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

type Build = 'plain' | 'relaxed';

const OWN_MEMORY = 1; // flags of a memory with a maximum, in WebAssembly's binary format
const SHARED_MEMORY = 3;

const decoded = {
  plain: /* @__PURE__ */ once(() => decode(kernelBytes.plain.base64)),
  relaxed: /* @__PURE__ */ once(() => decode(kernelBytes.relaxed.base64)),
};

/** A module of one function, with an instruction of relaxed SIMD: `i32x4.relaxed_dot_i8x16_i7x16_add_s` of vectors of ones. */
const relaxedProbe = [
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0],
  ...[65, 1, 253, 15, 65, 1, 253, 15, 65, 1, 253, 15, 253, 147, 2, 11],
];

/** Whether this host can run the build that uses relaxed SIMD. */
export const relaxedSimdSupported = /* @__PURE__ */ once(
  () => hasWebAssembly() && WebAssembly.validate(Uint8Array.from(relaxedProbe)),
);

const hasWebAssembly = (): boolean => typeof WebAssembly === 'object';

/** Either build for a memory of its own and for one that is shared between threads: one byte differs. */
export const kernelWasm = (build: Build, shared = false): Uint8Array<ArrayBuffer> => {
  const bytes = decoded[build]();
  bytes[kernelBytes[build].memoryFlags] = shared ? SHARED_MEMORY : OWN_MEMORY;
  return bytes;
};

const compile = (build: Build, shared: boolean): WebAssembly.Module => {
  if (!hasWebAssembly()) {
    throw new FolioError(
      'model_unsupported',
      'This host has no WebAssembly, which runs the models: Node has none with --jitless, some browsers none in a mode of high security.',
      { where: 'kernel', expected: 'WebAssembly' },
    );
  }
  try {
    return new WebAssembly.Module(kernelWasm(build, shared));
  } catch (cause) {
    throw new FolioError(
      'model_unsupported',
      `This host does not compile WebAssembly from a program's own bytes (${String(cause)}). ` +
        'Import folio/kernel.wasm, which the host compiles, and pass it as the option `kernel`.',
      { where: 'kernel', cause },
    );
  }
};

const modulesOf = (build: Build) => ({
  own: /* @__PURE__ */ once(() => compile(build, false)),
  shared: /* @__PURE__ */ once(() => compile(build, true)),
});

const modules = { plain: /* @__PURE__ */ modulesOf('plain'), relaxed: /* @__PURE__ */ modulesOf('relaxed') };

/** Compiles the build that this host can run, ahead of its first instance, which throws where none can be compiled. */
export const compileKernel = (): void => {
  try {
    modules[relaxedSimdSupported() ? 'relaxed' : 'plain'].own();
  } catch {
    // the first instance throws it again
  }
};

let wide: WebAssembly.Module | undefined;

/** Has later instances of the relaxed build made of it: compiled by the host in another way, for shared memory (src/wide-vectors.ts). */
export const useWideKernel = (module: WebAssembly.Module | undefined): void => {
  wide = module;
};

/** Which code multiplies int8 on this host. */
export const kernelBuild = (
  relaxed = relaxedSimdSupported(),
  fusedDot = relaxed && instantiateKernel().fusedDot.value === 1,
): KernelInfo['build'] => {
  if (!relaxed) return 'plain';
  if (wide) return 'relaxed-wide';
  return fusedDot ? 'relaxed-fused' : 'relaxed';
};

export interface KernelHost {
  /** Either build with a memory of its own, compiled by the host. Default: compiled here. */
  readonly compiled?: WebAssembly.Module | undefined;
  /** Default: whether this host has relaxed SIMD. */
  readonly relaxed?: boolean;
  /** Whether other threads may share the memory. Default false. */
  readonly shared?: boolean;
  /** Bytes that its memory starts with, at least. */
  readonly bytes?: number;
}

/** Bytes by which a memory grows. */
export const PAGE = 65_536;
const MOST_PAGES = 65_536; // a 32-bit address space

export interface Kernel extends KernelExports {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/**
 * A new instance with a memory of its own; the code is compiled once a process.
 *
 * @throws FolioError `model_unsupported` on hosts that do not let programs compile WebAssembly
 */
export const instantiateKernel = ({
  compiled,
  relaxed = compiled === undefined && relaxedSimdSupported(),
  shared = false,
  bytes = PAGE,
}: KernelHost = {}): Kernel => {
  if (compiled !== undefined && !shared) return instantiate(compiled, bytes, shared);
  if (relaxed && wide) return instantiate(wide, bytes, true);
  return instantiate(modules[relaxed ? 'relaxed' : 'plain'][shared ? 'shared' : 'own'](), bytes, shared);
};

const instantiate = (module: WebAssembly.Module, bytes: number, shared: boolean): Kernel => {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE), maximum: MOST_PAGES, shared });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { ...(exports as unknown as KernelExports), module, memory };
};
