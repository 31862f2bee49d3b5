import { FolioError } from '../../errors.ts';
import { PAGE } from './kernel-module.ts';

/** A 32-bit address space, less room for the slots. */
const LIMIT = 3.75 * 2 ** 30;

type Write = (buffer: ArrayBuffer, address: number) => void;

/** Hands out linear memory from its end. What was placed is written when the memory has grown to hold it all. */
export class Arena {
  #memory: WebAssembly.Memory;
  readonly #writes: (() => void)[] = [];
  #end: number;

  constructor(memory: WebAssembly.Memory, start: number) {
    this.#memory = memory;
    this.#end = start;
  }

  get byteLength(): number {
    return this.#memory.buffer.byteLength;
  }

  /** @returns the address of so many bytes, aligned to a cache line */
  place(bytes: number, write?: Write): number {
    const address = Math.ceil(this.#end / 64) * 64;
    this.#end = address + bytes;
    if (write) this.#writes.push(() => write(this.#memory.buffer, address));
    return address;
  }

  /** Copies bytes at once: they may be gone when all is committed. */
  placeBytes(bytes: Uint8Array): number {
    const address = this.place(bytes.length);
    this.commit();
    new Uint8Array(this.#memory.buffer, address, bytes.length).set(bytes);
    return address;
  }

  /**
   * Memory behind all that is placed, while `use` runs: zeros before, and zeros after. It may be borrowed again meanwhile,
   * but nothing can be placed.
   */
  borrow<T>(bytes: number, use: (address: number) => T): T {
    const end = this.#end;
    const address = this.place(bytes);
    growTo(this.#memory, this.#end);
    try {
      return use(address);
    } finally {
      this.bytes(address, bytes).fill(0);
      this.#end = end;
    }
  }

  /** A view, valid until the memory grows. */
  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, length);
  }

  /** A view, valid until the memory grows. */
  words(address: number, length: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, address, length);
  }

  placeWords(words: readonly number[]): number {
    return this.place(words.length * 4, (buffer, address) =>
      new Uint32Array(buffer, address, words.length).set(words),
    );
  }

  placeFloats(values: Float32Array): number {
    return this.place(values.length * 4, (buffer, address) =>
      new Float32Array(buffer, address, values.length).set(values),
    );
  }

  /** Copies all that was committed to another memory, at the same addresses, and goes on there. */
  moveTo(memory: WebAssembly.Memory): void {
    growTo(memory, this.byteLength);
    new Uint8Array(memory.buffer).set(new Uint8Array(this.#memory.buffer));
    this.#memory = memory;
  }

  /** @throws FolioError `model_unsupported` when that is more than this host gives */
  commit(): void {
    growTo(this.#memory, this.#end);
    for (const write of this.#writes.splice(0)) write();
  }
}

/**
 * Makes a memory at least so long.
 * @throws FolioError `model_unsupported` when that is more than this host gives
 */
const growTo = (memory: WebAssembly.Memory, bytes: number): void => {
  const missing = bytes - memory.buffer.byteLength;
  if (missing <= 0) return;
  try {
    if (bytes > LIMIT) throw new RangeError('beyond the address space');
    memory.grow(Math.ceil(missing / PAGE));
  } catch (cause) {
    throw new FolioError('model_unsupported', 'The model needs more memory than there is here.', {
      where: 'weights',
      expected: `at most ${LIMIT} bytes of memory`,
      received: `${bytes} bytes`,
      cause,
    });
  }
};
