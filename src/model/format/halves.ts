import { invalid, phrase } from './invalid.ts';

/**
 * A matrix of IEEE 754 halves as it was published. The kernel packs it as it is: in a new process the first touch of memory
 * takes longer than anything else, and float32 takes twice as much.
 */
export class Halves {
  /** In the manifest. */
  readonly name: string;
  /** Little-endian, at an even address. */
  readonly bytes: Uint8Array;

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.bytes = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  }

  get length(): number {
    return this.bytes.length / 2;
  }

  /** @throws FolioError `model_invalid` for values that are not finite */
  toFloat32(): Float32Array {
    const { buffer, byteOffset } = this.bytes;
    return checkFinite(this.name, decodeFloat16(new Uint16Array(buffer, byteOffset, this.length)));
  }
}

/** A matrix's values, wherever it was read from. */
export const floatsOf = (matrix: Float32Array | Halves): Float32Array =>
  matrix instanceof Halves ? matrix.toFloat32() : matrix;

const strays = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** @throws FolioError `model_invalid` for values that are not finite. @returns the values */
export const checkFinite = (name: string, values: Float32Array): Float32Array => {
  // Built-in searches are as fast in a new process as later; a loop is not.
  const stray = strays.find((value) => values.includes(value));
  if (stray !== undefined) throw invalid(name, 'finite values', phrase(`${stray}`));
  return values;
};

/** IEEE 754 halves to float32. In a new process a loop takes longer than what the host has for it. */
export const decodeFloat16 = (halves: Uint16Array): Float32Array =>
  'Float16Array' in globalThis
    ? new Float32Array(new Float16Array(halves.buffer, halves.byteOffset, halves.length))
    : decodeFloat16Plainly(halves);

/**
 * The same for hosts without `Float16Array`: a half's bits, moved to a float32's places, are its value times 2^-112,
 * subnormals included.
 */
export const decodeFloat16Plainly = (halves: Uint16Array): Float32Array => {
  const values = new Float32Array(halves.length);
  const bits = new Int32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    bits[i] = ((half & 0x8000) << 16) | ((half & 0x7fff) << 13);
    values[i]! *= 2 ** 112;
    if ((half & 0x7c00) === 0x7c00) values[i]! *= (half & 0x3ff) === 0 ? Infinity : NaN;
  }
  return values;
};
