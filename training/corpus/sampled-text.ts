/** Code points of a text in evenly spaced blocks, in bounded memory, however long it turns out to be. */
export class SampledText {
  readonly #blockLength: number;
  readonly #maxBlocks: number;
  #blocks: Uint32Array[] = [];
  #stride = 1; // of so many blocks, one is kept
  #number = 0; // of the block that is being filled
  #filling: Uint32Array;
  #filled = 0;

  /** Keeps at most `maxBlocks` blocks of `blockLength` characters. */
  constructor(blockLength = 1 << 15, maxBlocks = 256) {
    this.#blockLength = blockLength;
    this.#maxBlocks = maxBlocks;
    this.#filling = new Uint32Array(blockLength);
  }

  push(block: Uint32Array, length: number): void {
    for (let at = 0; at < length; ) {
      const part = Math.min(length - at, this.#blockLength - this.#filled);
      if (this.#kept) this.#filling.set(block.subarray(at, at + part), this.#filled);
      this.#filled += part;
      at += part;
      if (this.#filled === this.#blockLength) this.#close();
    }
  }

  /** The blocks kept, in the order of the text. */
  blocks(): readonly Uint32Array[] {
    const last = this.#kept && this.#filled > 0 ? [this.#filling.subarray(0, this.#filled)] : [];
    return [...this.#blocks, ...last];
  }

  get #kept(): boolean {
    return this.#number % this.#stride === 0;
  }

  #close(): void {
    if (this.#kept) {
      this.#blocks.push(this.#filling);
      this.#filling = new Uint32Array(this.#blockLength);
    }
    if (this.#blocks.length === this.#maxBlocks) {
      this.#blocks = this.#blocks.filter((_, at) => at % 2 === 0);
      this.#stride *= 2;
    }
    this.#number++;
    this.#filled = 0;
  }
}
