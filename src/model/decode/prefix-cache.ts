/**
 * States of sequences that have read the beginning of a prompt, for the next prompt that begins alike. Bounded by bytes,
 * the least recently used out first.
 */
export class PrefixCache {
  readonly #capacity: number; // bytes
  readonly #states = new Map<string, Float32Array>(); // least recently used first
  /** How many states there are of each length, so that a look-up tries only lengths that exist. */
  readonly #lengths = new Map<number, number>();
  #bytes = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get byteLength(): number {
    return this.#bytes;
  }

  /** The longest known beginning of these characters that leaves at least one to feed. */
  find(ids: readonly number[]): { readonly length: number; readonly state: Float32Array } | undefined {
    if (this.#lengths.size === 0) return undefined; // as at a start
    const text = keyOf(ids);
    const lengths = [...this.#lengths.keys()].filter((length) => length < ids.length).sort((a, b) => b - a);
    for (const length of lengths) {
      const key = text.slice(0, length * UNITS);
      const state = this.#states.get(key);
      if (state === undefined) continue;
      this.#states.delete(key);
      this.#states.set(key, state);
      return { length, state };
    }
    return undefined;
  }

  /** @param state After these characters were fed; kept as it is, not copied. */
  add(ids: readonly number[], state: Float32Array): void {
    const key = keyOf(ids);
    if (this.#states.has(key) || sizeOf(key, state) > this.#capacity) return;
    this.#states.set(key, state);
    this.#count(ids.length, 1);
    this.#bytes += sizeOf(key, state);
    for (const [oldest, old] of this.#states) {
      if (this.#bytes <= this.#capacity) break;
      this.#states.delete(oldest);
      this.#count(oldest.length / UNITS, -1);
      this.#bytes -= sizeOf(oldest, old);
    }
  }

  #count(length: number, by: number): void {
    const count = (this.#lengths.get(length) ?? 0) + by;
    if (count === 0) this.#lengths.delete(length);
    else this.#lengths.set(length, count);
  }
}

/** A character's UTF-16 units in a key: an id may be above 65,535. */
const UNITS = 2;

const keyOf = (ids: readonly number[]): string => {
  const parts: string[] = [];
  for (let from = 0; from < ids.length; from += 4096) {
    const units = ids.slice(from, from + 4096).flatMap((id) => [id >>> 16, id & 0xffff]);
    parts.push(String.fromCharCode(...units));
  }
  return parts.join('');
};

const sizeOf = (key: string, state: Float32Array): number => 2 * key.length + state.byteLength;
