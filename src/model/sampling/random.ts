/**
 * A seeded source of uniform numbers, the same on every host: xoshiro128** 1.1 (Blackman & Vigna, "Scrambled linear
 * pseudorandom number generators", 2021), its state filled by SplitMix32-style mixing of seed and stream.
 */
export class Random {
  readonly #state: Uint32Array; // [4]

  private constructor(state: Uint32Array) {
    this.#state = state;
  }

  /**
   * @param seed A whole number from 0 to 2^53 - 1.
   * @param stream One of a seed's independent streams, such as the index of a completion.
   */
  static fromSeed(seed: number, stream = 0): Random {
    const words = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, stream >>> 0];
    const state = new Uint32Array(4);
    let mixed = 0x9e3779b9;
    for (let i = 0; i < 4; i++) {
      for (const word of words) mixed = mix((mixed ^ word) + 0x9e3779b9 + i);
      state[i] = mixed;
    }
    if (state.every((word) => word === 0)) state[0] = 1;
    return new Random(state);
  }

  /** Goes on where `save` was called: [4]. */
  static fromState(state: readonly number[]): Random {
    return new Random(Uint32Array.from(state));
  }

  save(): number[] {
    return [...this.#state];
  }

  fork(): Random {
    return new Random(this.#state.slice());
  }

  /** A multiple of 2^-53 in [0, 1). */
  uniform(): number {
    const high = this.#next() >>> 5;
    const low = this.#next() >>> 6;
    return (high * 2 ** 26 + low) * 2 ** -53;
  }

  #next(): number {
    const s = this.#state;
    const scrambled = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotate(s[3]!, 11);
    return scrambled;
  }
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** The finaliser of MurmurHash3 (Appleby): every bit of the input moves every bit of the output. */
const mix = (x: number): number => {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/** A seed for a request that names none: 0 to 2^53 - 1. It is no secret, and so needs no cryptography. */
export const drawSeed = (): number => Math.floor(Math.random() * 2 ** 53);

/**
 * The seed that the generator takes for a seed of 64 bits: itself below 2^53, else its words mixed, so that seeds that
 * differ give texts that differ.
 *
 * @param seed A whole number, or its decimal digits where they are too many for a number. Negative ones count as
 * their two's complement of 64 bits.
 * @returns 0 to 2^53 - 1
 */
export const foldSeed = (seed: number | string): number => {
  const bits = BigInt.asUintN(64, BigInt(seed));
  if (bits <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(bits);
  const low = Number(bits & 0xffffffffn);
  const high = Number(bits >> 32n);
  const first = mix(mix(low ^ 0x9e3779b9) ^ high);
  const second = mix(mix(high ^ 0x85ebca6b) ^ low ^ first);
  return (first & 0x1fffff) * 2 ** 32 + second;
};
