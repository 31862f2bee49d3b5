import { invalid, phrase } from '../model/format/invalid.ts';

/**
 * Reads numbers from a file's bytes, little-endian. Every read is checked: a file whose sizes or offsets lie ends in a
 * typed error and never in a read past its end.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  at: number;

  /** @param where The file or the part of it, for messages. */
  constructor(bytes: Uint8Array, where: string, at = 0) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
    this.at = at;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** The same bytes from another place. @throws FolioError `model_invalid` */
  from(offset: number): ByteReader {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > this.bytes.length) {
      throw invalid(this.#where, `an offset within its ${this.bytes.length} bytes`, offset);
    }
    return new ByteReader(this.bytes, this.#where, offset);
  }

  /** Where the next `length` bytes start, which count as read. @throws FolioError `model_invalid` */
  #take(length: number): number {
    const start = this.at;
    if (!Number.isSafeInteger(length) || length < 0 || length > this.bytes.length - start) {
      throw invalid(
        this.#where,
        `${length} bytes from byte ${start} on`,
        phrase(`a file of ${this.bytes.length} bytes: it is cut short or damaged`),
      );
    }
    this.at = start + length;
    return start;
  }

  skip(length: number): this {
    this.#take(length);
    return this;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** A 64-bit count or offset; one beyond 2^53 is no count of anything. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    return value > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : Number(value);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** Big-endian, as pickles have it. */
  f64BigEndian(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** A view of the next bytes. */
  slice(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  utf8(length: number): string {
    return new TextDecoder().decode(this.slice(length));
  }
}
