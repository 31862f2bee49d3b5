import { isUtf8 } from 'node:buffer';
import { FolioError } from '../../src/errors.ts';
import { fileKind } from '../../src/file-kind.ts';
import { several } from '../report/format.ts';
import { guessEncoding, isUtf32, sequenceLength, utf8Faults, utf16Kind } from './encoding-guess.ts';

/** Surrogate pairs of which each half is encoded by itself, as some old databases write emoji; no WHATWG encoding. */
const CESU8 = 'cesu-8';
/** Faults among so many sound characters are strays in a UTF-8 text, not another encoding. */
const STRAYS = 1 / 20;
const ENOUGH_SOUND = 20;

/**
 * The name of an encoding as it is used here: a label of the Encoding Standard, or `cesu-8`.
 *
 * @throws FolioError `invalid_parameter` for a name that is unknown
 */
export const encodingLabel = (given: string): string => {
  if (given.toLowerCase() === CESU8) return CESU8;
  try {
    return new TextDecoder(given).encoding;
  } catch (cause) {
    throw new FolioError('invalid_parameter', `There is no encoding ${JSON.stringify(given)}.`, {
      where: '--encoding',
      expected: 'a name such as utf-8, windows-1252, utf-16le, gbk, shift_jis, koi8-r or cesu-8',
      received: given,
      cause,
    });
  }
};

/**
 * What a source is, where its first bytes show that it is no text in the encoding: in words that follow “it is”.
 *
 * @param start The first bytes of the source, 64 kB or so.
 */
export const notText = (start: Uint8Array, encoding: string): string | undefined => {
  const kind = fileKind(start);
  if (kind !== undefined || encoding !== 'utf-8') return kind;
  if (isUtf32(start)) return 'UTF-32 text: convert it with `iconv -f UTF-32 -t UTF-8`';
  const utf16 = utf16Kind(start);
  if (utf16 === undefined) return undefined;
  const mark = utf16.mark ? 'with its byte order mark' : 'without a byte order mark';
  return `UTF-16 text ${mark}: add \`--encoding ${utf16.encoding}\`, or convert it with \`iconv -f ${utf16.encoding.toUpperCase()} -t UTF-8\``;
};

/** Turns chunks of bytes into code points and stops at the first that are not of the encoding, naming the place. */
export class CorpusDecoder {
  readonly #source: string;
  readonly #encoding: string;
  readonly #decoder: TextDecoder;
  #started = false;
  #offset = 0; // bytes before the next chunk, without those pending
  #line = 1;
  #pending = new Uint8Array(0); // of UTF-8: a character cut off at the end of the last chunk

  /** @param encoding As `encodingLabel` gives it. */
  constructor(source: string, encoding = 'utf-8') {
    this.#source = source;
    this.#encoding = encoding;
    this.#decoder = new TextDecoder(encoding === CESU8 ? 'utf-8' : encoding, {
      fatal: true,
      ignoreBOM: true,
    });
  }

  /**
   * @param bytes The next chunk; characters may straddle chunks.
   * @returns Their text.
   * @throws FolioError `corpus_invalid`
   */
  push(bytes: Uint8Array): string {
    if (!this.#started && bytes.length > 0) {
      this.#started = true;
      const what = notText(bytes, this.#encoding);
      if (what !== undefined)
        this.#refuse(`${this.#source} is not UTF-8 at byte 0 (line 1): it is ${what}.`, bytes);
    }
    const text = this.#inUtf8 ? this.#utf8(bytes) : this.#other(bytes);
    this.#line += newlines(text);
    return text;
  }

  /** @throws FolioError `corpus_invalid` when the text breaks off inside a character */
  end(): void {
    if (this.#pending.length > 0) this.#broken(this.#pending);
    if (this.#inUtf8) return;
    try {
      this.#decoder.decode();
    } catch {
      this.#broken(new Uint8Array(0));
    }
  }

  get #inUtf8(): boolean {
    return this.#encoding === 'utf-8' || this.#encoding === CESU8;
  }

  #other(bytes: Uint8Array): string {
    try {
      const text = this.#decoder.decode(bytes, { stream: true });
      this.#offset += bytes.length;
      return text;
    } catch {
      const place = `between bytes ${this.#offset} and ${this.#offset + bytes.length}`;
      return this.#refuse(
        `${this.#source} is not ${this.#encoding} text, ${place} (from line ${this.#line}).`,
        bytes,
      );
    }
  }

  #utf8(chunk: Uint8Array): string {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const whole = bytes.length - unfinished(bytes, this.#encoding);
    const ready = bytes.subarray(0, whole);
    const sound = isUtf8(ready);
    if (!sound && this.#encoding !== CESU8) this.#fault(bytes);
    this.#pending = Uint8Array.from(bytes.subarray(whole));
    this.#offset += whole;
    return sound
      ? this.#decoder.decode(ready)
      : this.#decoder.decode(joinedPairs(ready, () => this.#fault(bytes)));
  }

  #broken(bytes: Uint8Array): never {
    this.#refuse(`${this.#place()}: the text ends inside a character.`, bytes);
  }

  #place(): string {
    return `${this.#source} is not ${this.#encoding.toUpperCase()} at byte ${this.#offset} (line ${this.#line})`;
  }

  /** @param bytes From the place where the decoder stands to the end of the chunk. */
  #fault(bytes: Uint8Array): never {
    const { first = 0, ...faults } = utf8Faults(bytes);
    const before = bytes.subarray(0, first);
    this.#offset += first;
    this.#line += newlines(Buffer.from(before).toString('latin1'));
    const found = bytes.subarray(first, first + Math.max(1, Math.min(4, sequenceLength(bytes[first]!))));
    this.#refuse(`${this.#place()}: ${advice(bytes, faults)}.`, found);
  }

  #refuse(message: string, bytes: Uint8Array): never {
    const hex = Buffer.from(bytes.subarray(0, 4))
      .toString('hex')
      .replace(/..(?=.)/g, '$& ');
    throw new FolioError('corpus_invalid', message, {
      where: `byte ${this.#offset}`,
      expected: `${this.#encoding.toUpperCase()} text`,
      received: `bytes ${hex}`,
    });
  }
}

const advice = (
  bytes: Uint8Array,
  { sound, stray, pairs, lone }: Omit<ReturnType<typeof utf8Faults>, 'first'>,
): string => {
  if (pairs > 0 && stray + lone === 0)
    return `it is CESU-8, with surrogate pairs in place of ${several(pairs, 'character')} such as emoji: add \`--encoding ${CESU8}\``;
  if (lone > 0 && stray === 0) return 'a lone surrogate, which no UTF-8 text may hold';
  const faults = stray + lone + pairs;
  if (sound >= ENOUGH_SOUND && faults <= STRAYS * sound)
    return `${several(faults, 'stray byte')} among ${several(sound, 'sound character')} of several bytes: repair the place, or leave such bytes out with \`iconv -f UTF-8 -t UTF-8 -c\``;
  const guess = guessEncoding(bytes);
  if (guess === undefined) return 'it is in no encoding that is known; convert it to UTF-8 with `iconv`';
  return `it looks like ${guess.title}; ${guess.evidence}. If these are right, add \`--encoding ${guess.encoding}\`, or convert it with \`iconv -f ${guess.encoding.toUpperCase()} -t UTF-8\``;
};

/** Bytes at the end that begin a character, and are too few for it. */
const unfinished = (bytes: Uint8Array, encoding: string): number => {
  const longest = encoding === CESU8 ? 6 : 4;
  for (let back = Math.min(longest - 1, bytes.length); back > 0; back--) {
    const at = bytes.length - back;
    const lead = bytes[at]!;
    const high =
      encoding === CESU8 &&
      lead === 0xed &&
      (back === 1 || (bytes[at + 1]! >= 0xa0 && bytes[at + 1]! <= 0xaf));
    const needed = high ? 6 : sequenceLength(lead);
    if (needed > back && bytes.subarray(at + 1).every((byte) => (byte & 0xc0) === 0x80 || byte === 0xed))
      return back;
  }
  return 0;
};

/** UTF-8 of bytes in CESU-8; `fail` where they are not. */
const joinedPairs = (bytes: Uint8Array, fail: () => never): Uint8Array => {
  const joined = Buffer.from(
    Buffer.from(bytes)
      .toString('latin1')
      .replace(/\xed([\xa0-\xaf])([\x80-\xbf])\xed([\xb0-\xbf])([\x80-\xbf])/g, (_, a, b, c, d) => {
        const half = (second: string, third: string) =>
          0xd000 | ((second.charCodeAt(0) & 0x3f) << 6) | (third.charCodeAt(0) & 0x3f);
        return Buffer.from(String.fromCharCode(half(a, b), half(c, d))).toString('latin1');
      }),
    'latin1',
  );
  return isUtf8(joined) ? joined : fail();
};

const newlines = (text: string): number => {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
};
