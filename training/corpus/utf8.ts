import { FolioError } from '../../src/errors.ts';

/**
 * Turns chunks of bytes into code points and stops at the first ill-formed sequence, naming its offset; overlong
 * forms and surrogates are ill-formed. (The decoder of the WHATWG Encoding Standard, section 8.1.1; `TextDecoder`
 * reports that a text is faulty, but not where.)
 */
export class Utf8Decoder {
  readonly #source: string;
  #offset = 0; // bytes of finished sequences
  #line = 1;
  #pending: number[] = []; // bytes of the sequence under way
  #needed = 0;
  #lower = 0x80;
  #upper = 0xbf;
  #codePoint = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /**
   * @param bytes The next chunk; sequences may straddle chunks.
   * @param out Receives the code points: at least [bytes.length].
   * @returns How many were written.
   */
  push(bytes: Uint8Array, out: Uint32Array): number {
    let count = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (this.#needed === 0) {
        if (byte < 0x80) {
          if (byte === 10) this.#line++;
          this.#offset++;
          out[count++] = byte;
        } else this.#lead(byte);
      } else if (byte < this.#lower || byte > this.#upper) this.#fault([...this.#pending, byte]);
      else {
        this.#lower = 0x80;
        this.#upper = 0xbf;
        this.#codePoint = (this.#codePoint << 6) | (byte & 0x3f);
        this.#pending.push(byte);
        if (--this.#needed === 0) {
          out[count++] = this.#codePoint;
          this.#offset += this.#pending.length;
          this.#pending.length = 0;
        }
      }
    }
    return count;
  }

  /** @throws FolioError `corpus_invalid` when the text breaks off inside a character */
  end(): void {
    if (this.#needed > 0) this.#fault(this.#pending, 'the text ends inside a character');
  }

  #lead(byte: number): void {
    if (byte >= 0xc2 && byte <= 0xdf) this.#begin(byte, 1, 0x1f);
    else if (byte >= 0xe0 && byte <= 0xef) {
      if (byte === 0xe0) this.#lower = 0xa0;
      if (byte === 0xed) this.#upper = 0x9f; // surrogates lie above
      this.#begin(byte, 2, 0x0f);
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      if (byte === 0xf0) this.#lower = 0x90;
      if (byte === 0xf4) this.#upper = 0x8f; // U+10FFFF is the last
      this.#begin(byte, 3, 0x07);
    } else this.#fault([byte]);
  }

  #begin(byte: number, needed: number, mask: number): void {
    this.#needed = needed;
    this.#codePoint = byte & mask;
    this.#pending.push(byte);
  }

  #fault(bytes: readonly number[], what = advice(bytes, this.#offset)): never {
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new FolioError(
      'corpus_invalid',
      `${this.#source} is not UTF-8 at byte ${this.#offset} (line ${this.#line}): ${what}.`,
      { where: `byte ${this.#offset}`, expected: 'UTF-8 text', received: `bytes ${hex}` },
    );
  }
}

const advice = (bytes: readonly number[], offset: number): string => {
  const [first = 0, second = 0] = bytes;
  if (offset === 0 && first >= 0xfe)
    return 'it looks like UTF-16; convert it with `iconv -f UTF-16 -t UTF-8`';
  if (first === 0xed && second >= 0xa0) return 'a lone surrogate, which no UTF-8 text may hold';
  if (offset === 1 && first === 0x8b) return 'it looks like a gzip file; unpack it first';
  return 'if it is Latin-1, convert it with `iconv -f ISO-8859-1 -t UTF-8`';
};
