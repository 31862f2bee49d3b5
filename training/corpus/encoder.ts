import { FolioError } from '../../src/errors.ts';

/** Character ids, one byte each while the alphabet has at most 256 characters. */
export type Ids = Uint8Array | Uint16Array;

const CODE_POINTS = 0x110000;
const MOST_CHARACTERS = 0xffff;
const NARROW = 256;
const ROOM = 4096; // characters that a few folded ones may add
const ZERO_WIDTH_JOINER = 0x200d;

/** What changes the emoji before it: variation selectors, skin tones, the keycap, tags. */
const isModifier = (code: number): boolean =>
  (code >= 0xfe00 && code <= 0xfe0f) ||
  (code >= 0x1f3fb && code <= 0x1f3ff) ||
  code === 0x20e3 ||
  (code >= 0xe0020 && code <= 0xe007f);

const isPictograph = (code: number): boolean =>
  /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(String.fromCodePoint(code));

/** Where the emoji sequence begins whose last characters, a joiner among them, end a text of this length. */
const sequenceStart = (
  ids: Ids,
  length: number,
  joiner: number | undefined,
  modifiers: ReadonlySet<number>,
): number => {
  let start = length;
  while (joiner !== undefined && start > 0 && ids[start - 1] === joiner) {
    start--;
    while (start > 0 && modifiers.has(ids[start - 1]!)) start--;
    if (start > 0) start--; // the character before the joiner
  }
  return start;
};

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
    this.#buffer = new ArrayBuffer(0, { maxByteLength: 2 * (Math.max(capacity, 1) + ROOM) });
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
   * Ends the text: characters are replaced as `fold` says and ids put in order of code point. Where a character of an
   * emoji sequence is dropped, the rest of the sequence goes with it.
   *
   * @param fold Code point -> those that stand for it; none where it is dropped.
   */
  finish(fold: ReadonlyMap<number, readonly number[]> = new Map()): { ids: Ids; alphabet: string[] } {
    const target = (code: number): readonly number[] => fold.get(code) ?? [code];
    const kept = [...new Set(this.#codePoints.flatMap(target))].sort((a, b) => a - b);
    const order = new Map(kept.map((code, id) => [code, id]));
    const next = this.#codePoints.map((code) => target(code).map((one) => order.get(one)!));
    const growth = next.reduce((sum, ids, id) => sum + Math.max(0, ids.length - 1) * this.#counts[id]!, 0);

    const from = this.#moved(growth);
    const into = kept.length <= NARROW ? new Uint8Array(this.#buffer) : new Uint16Array(this.#buffer);
    if (into.BYTES_PER_ELEMENT > from.BYTES_PER_ELEMENT) throw new Error('an alphabet only shrinks');
    const joiner = order.get(ZERO_WIDTH_JOINER);
    const modifiers = new Set(kept.flatMap((code, id) => (isModifier(code) ? [id] : [])));
    let length = 0;
    let joinedToDropped = false; // a joiner after a dropped character takes the next one with it
    let afterDropped = false;
    for (let at = growth; at < growth + this.#length; at++) {
      const ids = next[from[at]!]!;
      if (ids.length === 1) {
        const id = ids[0]!;
        if (afterDropped && (id === joiner || modifiers.has(id))) {
          joinedToDropped = id === joiner;
          continue;
        }
        if (joinedToDropped) {
          joinedToDropped = false;
          continue;
        }
        afterDropped = false;
        into[length++] = id;
        continue;
      }
      joinedToDropped = false;
      afterDropped = ids.length === 0 && isPictograph(this.#codePoints[from[at]!]!);
      if (afterDropped) length = sequenceStart(into, length, joiner, modifiers);
      for (const id of ids) into[length++] = id; // never ahead of the reading
    }
    this.#buffer.resize(length * into.BYTES_PER_ELEMENT);
    return { ids: into, alphabet: kept.map((code) => String.fromCodePoint(code)) };
  }

  /** The ids moved up by `growth` places in the buffer, so that those that become several have room before them. */
  #moved(growth: number): Ids {
    if (growth === 0) return this.#ids;
    this.#reserve(this.#length + growth);
    this.#ids.copyWithin(growth, 0, this.#length);
    return this.#ids;
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
