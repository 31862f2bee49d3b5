/**
 * SHA-256 (FIPS 180-4) of parts one after another, for hosts without a native one that answers at once. @returns [32]
 */
export const sha256 = (parts: readonly Uint8Array[]): Uint8Array => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const padded = new Uint8Array(Math.ceil((length + 9) / 64) * 64);
  let at = 0;
  for (const part of parts) {
    padded.set(part, at);
    at += part.length;
  }
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(length / 2 ** 29));
  view.setUint32(padded.length - 4, (length << 3) >>> 0);

  const hash = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)));
  const constants = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)));
  const words = new Int32Array(64);
  for (let from = 0; from < padded.length; from += 64) {
    for (let t = 0; t < 16; t++) words[t] = view.getInt32(from + 4 * t);
    compress(hash, words, constants);
  }
  const bytes = new Uint8Array(32);
  hash.forEach((word, i) => {
    new DataView(bytes.buffer).setInt32(4 * i, word);
  });
  return bytes;
};

/** One block: hash [8] is updated; words [64], of which the first 16 are given. */
const compress = (hash: Int32Array, words: Int32Array, constants: Int32Array): void => {
  for (let t = 16; t < 64; t++) {
    const x = words[t - 15]!;
    const y = words[t - 2]!;
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    words[t] = words[t - 16]! + s0 + words[t - 7]! + s1;
  }
  let a = hash[0]!;
  let b = hash[1]!;
  let c = hash[2]!;
  let d = hash[3]!;
  let e = hash[4]!;
  let f = hash[5]!;
  let g = hash[6]!;
  let h = hash[7]!;
  for (let t = 0; t < 64; t++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const first = (h + s1 + ((e & f) ^ (~e & g)) + constants[t]! + words[t]!) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => {
    hash[i]! += value;
  });
};

const rotate = (x: number, by: number): number => (x >>> by) | (x << (32 - by));

const primes = (count: number): number[] => {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
};

/** The first 32 bits behind the point. */
const fraction = (x: number): number => Math.floor((x - Math.floor(x)) * 2 ** 32);
