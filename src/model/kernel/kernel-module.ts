import { kernelBytes } from './kernel-bytes.ts';

/** What the compiled kernel exports; addresses are the door's business alone. */
export interface KernelExports {
  readonly memory: WebAssembly.Memory;
  /** 1 where int8 products use the host's dot product with addition. */
  readonly fusedDot: { value: number };
  heapBase(): number;
  stepF32(network: number, n: number): void;
  stepInt8(network: number, n: number): void;
  quantiseState(network: number, slot: number): void;
  packF32(
    source: number,
    stride: number,
    inputs: number,
    length: number,
    to: number,
    toStride: number,
    scratch: number,
  ): void;
  packInt8(
    source: number,
    stride: number,
    inputs: number,
    length: number,
    to: number,
    toStride: number,
    scales: number,
    starts: number,
    scratch: number,
  ): void;
  packTable(
    source: number,
    stride: number,
    inputs: number,
    length: number,
    to: number,
    toStride: number,
    scales: number,
    scratch: number,
  ): void;
}

/** Node's own decoder where there is one: a loop that is not yet compiled costs a cold start milliseconds. */
const decode = (base64: string): Uint8Array<ArrayBuffer> =>
  typeof Buffer === 'function'
    ? Uint8Array.from(Buffer.from(base64, 'base64'))
    : Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

const relaxedBytes = once(() => decode(kernelBytes.relaxed));

/** Whether this host can run the build that uses relaxed SIMD. */
export const relaxedSimdSupported = once(() => WebAssembly.validate(relaxedBytes()));

const modules = {
  relaxed: once(() => new WebAssembly.Module(relaxedBytes())),
  plain: once(() => new WebAssembly.Module(decode(kernelBytes.plain))),
};

/** A new instance with a memory of its own; the code is compiled once a process. */
export const instantiateKernel = (relaxed = relaxedSimdSupported()): KernelExports => {
  const { exports } = new WebAssembly.Instance(relaxed ? modules.relaxed() : modules.plain(), {});
  return exports as unknown as KernelExports;
};
