import { FolioError } from '../../src/errors.ts';

/** Character ids, one byte each while the alphabet has at most 256 characters. */
export type Ids = Uint8Array | Uint16Array;

const CODE_POINTS = 0x110000;
const MOST_CHARACTERS = 0xffff;
const NARROW = 256;

/**
 * Encodes a text that streams by, into one buffer that grows in place: a corpus costs one byte a character (two with
 * a large alphabet), and at no time a second copy. Ids are given in order of appearance until `finish` sorts them.
 */
export class Encoder {
  readonly #table = new Uint16Array(CODE_POINTS); // id + 1; 0 is unknown
  readonly #codePoints: number[] = [];
  readonly #counts: number[] = [];
  readonly #buffer: ArrayBuffer;
  #ids: Ids;
  #length = 0;

  /** @param capacity Characters at most, for the address space that is set aside. */
  constructor(capacity: number) {
    this.#buffer = new ArrayBuffer(0, { maxByteLength: 2 * Math.max(capacity, 1) });
    this.#ids = new Uint8Array(this.#buffer);
  }

  /** @param block Code points, of which the first `length` count. */
  push(block: Uint32Array, length: number): void {
    this.#reserve(this.#length + length);
    for (let at = 0; at < length; at++) {
      const code = block[at]!;
      let id = this.#table[code]! - 1;
      if (id < 0) id = this.#admit(code);
      this.#counts[id]!++;
      this.#ids[this.#length++] = id;
    }
  }

  /** Occurrences by code point, of all that was pushed. */
  counts(): Map<number, number> {
    return new Map(this.#codePoints.map((code, id) => [code, this.#counts[id]!]));
  }

  /**
   * Ends the text: characters are replaced as `fold` says and ids put in order of code point.
   *
   * @param fold Code point -> the one that stands for it, or undefined where it is dropped.
   */
  finish(fold: ReadonlyMap<number, number | undefined> = new Map()): { ids: Ids; alphabet: string[] } {
    const target = (code: number) => (fold.has(code) ? fold.get(code) : code);
    const kept = [...new Set(this.#codePoints.map(target))]
      .filter((code) => code !== undefined)
      .sort((a, b) => a - b);
    const order = new Map(kept.map((code, id) => [code, id]));
    const dropped = MOST_CHARACTERS;
    const next = Uint16Array.from(this.#codePoints, (code) => order.get(target(code) ?? -1) ?? dropped);

    const from = this.#ids;
    const into = kept.length <= NARROW ? new Uint8Array(this.#buffer) : new Uint16Array(this.#buffer);
    if (into.BYTES_PER_ELEMENT > from.BYTES_PER_ELEMENT) throw new Error('an alphabet only shrinks');
    let length = 0;
    for (let at = 0; at < this.#length; at++) {
      const id = next[from[at]!]!;
      if (id !== dropped) into[length++] = id; // never ahead of the reading
    }
    this.#buffer.resize(length * into.BYTES_PER_ELEMENT);
    return { ids: into, alphabet: kept.map((code) => String.fromCodePoint(code)) };
  }

  #admit(code: number): number {
    const id = this.#codePoints.length;
    if (id === NARROW) this.#widen();
    if (id === MOST_CHARACTERS)
      throw new FolioError('corpus_invalid', `The corpus has more than ${id} different characters.`, {
        expected: `at most ${id} different characters`,
        received: 'more: is it text?',
      });
    this.#codePoints.push(code);
    this.#counts.push(0);
    this.#table[code] = id + 1;
    return id;
  }

  #widen(): void {
    const narrow = this.#ids;
    this.#buffer.resize(Math.min(2 * narrow.length, this.#buffer.maxByteLength));
    const wide = new Uint16Array(this.#buffer);
    for (let at = this.#length - 1; at >= 0; at--) wide[at] = narrow[at]!; // from the end: in one buffer
    this.#ids = wide;
  }

  #reserve(length: number): void {
    const bytes = length * this.#ids.BYTES_PER_ELEMENT;
    if (bytes <= this.#buffer.byteLength) return;
    const room = Math.max(bytes, this.#buffer.byteLength + Math.max(1 << 20, this.#buffer.byteLength >> 3));
    this.#buffer.resize(Math.min(room, this.#buffer.maxByteLength));
  }
}
