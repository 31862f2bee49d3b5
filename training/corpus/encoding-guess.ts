import { isUtf8 } from 'node:buffer';
import chardet from 'chardet';

/** Bytes that are looked at: the first of a file, or those around a fault. */
const SAMPLE = 256 * 1024;
/** Of fewer bytes, a zero byte says too little about an encoding. */
const MINIMUM_BYTES = 16;

/** How the bytes of a text that is not UTF-8 come about. */
export interface Utf8Faults {
  /** Sound characters of several bytes. */
  readonly sound: number;
  /** Bytes that belong to none. */
  readonly stray: number;
  /** Surrogate pairs, each half encoded by itself (CESU-8). */
  readonly pairs: number;
  /** Surrogates without their other half. */
  readonly lone: number;
  /** Where the first fault begins; undefined where there is none. */
  readonly first?: number;
}

const isSurrogate = (bytes: Uint8Array, at: number, low: number, high: number): boolean =>
  bytes[at] === 0xed && bytes[at + 1]! >= low && bytes[at + 1]! <= high && (bytes[at + 2]! & 0xc0) === 0x80;

/** Length in bytes of the character that a byte begins; 1 for those that begin none. */
export const sequenceLength = (lead: number): number =>
  lead >= 0xf0 && lead <= 0xf4 ? 4 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xc2 && lead <= 0xdf ? 2 : 1;

/** Counts what is sound and what is not in bytes that should be UTF-8. A character cut off at the end is no fault. */
export const utf8Faults = (bytes: Uint8Array): Utf8Faults => {
  const counts = { sound: 0, stray: 0, pairs: 0, lone: 0 };
  let first: number | undefined;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at]! < 0x80) {
      at++;
      continue;
    }
    const length = sequenceLength(bytes[at]!);
    const sequence = bytes.subarray(at, at + length);
    const continued = sequence.subarray(1).every((byte) => (byte & 0xc0) === 0x80);
    if (sequence.length < length && continued) break;
    if (length > 1 && isUtf8(sequence)) {
      counts.sound++;
      at += length;
      continue;
    }
    first ??= at;
    if (isSurrogate(bytes, at, 0xa0, 0xaf) && isSurrogate(bytes, at + 3, 0xb0, 0xbf)) {
      counts.pairs++;
      at += 6;
    } else if (isSurrogate(bytes, at, 0xa0, 0xbf)) {
      counts.lone++;
      at += 3;
    } else {
      counts.stray++;
      at++;
    }
  }
  return { ...counts, ...(first === undefined ? {} : { first }) };
};

/** Whether a text is UTF-32, by its mark: in little-endian order it begins as that of UTF-16. */
export const isUtf32 = ([a, b, c, d]: Uint8Array): boolean =>
  (a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff);

/**
 * Which UTF-16 a text is, if any: by its mark, or by zero bytes that stand in one half of the pairs alone while the
 * text reads well.
 */
export const utf16Kind = (
  start: Uint8Array,
): { encoding: 'utf-16le' | 'utf-16be'; mark: boolean } | undefined => {
  if (start[0] === 0xff && start[1] === 0xfe) return { encoding: 'utf-16le', mark: true };
  if (start[0] === 0xfe && start[1] === 0xff) return { encoding: 'utf-16be', mark: true };
  const even = start.subarray(0, SAMPLE & ~1).subarray(0, start.length & ~1);
  const zeros = [0, 0];
  for (let at = 0; at < even.length; at++) if (even[at] === 0) zeros[at & 1]!++;
  const [first = 0, second = 0] = zeros;
  if (first + second < 0.01 * even.length || even.length < MINIMUM_BYTES) return undefined;
  if (Math.min(first, second) > 0.05 * (first + second)) return undefined;
  const encoding = second > first ? 'utf-16le' : 'utf-16be';
  const text = decoded(even, encoding);
  return text !== undefined && readable(text) > 0.95 ? { encoding, mark: false } : undefined;
};

/** The text, or undefined where the bytes are not of this encoding. A character cut off at the end does not count. */
const decoded = (bytes: Uint8Array, encoding: string): string | undefined => {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
};

/** Share of characters that a text is made of: letters, marks, digits, punctuation, symbols, spaces. */
const readable = (text: string): number => {
  const count = text.match(/[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\t\r\n]/gu)?.length ?? 0;
  return count / Math.max(1, [...text].length);
};

/** Names of chardet -> labels of the Encoding Standard, whose `latin1` is windows-1252. */
const labels: Readonly<Record<string, string>> = {
  'ISO-8859-1': 'windows-1252',
  'ISO-8859-9': 'windows-1254',
  GB18030: 'gb18030',
};

/** For people, where the label does not say it. */
const titles: Readonly<Record<string, string>> = {
  'windows-1252': 'windows-1252 (Latin-1)',
  gb18030: 'GB18030 (GBK)',
};

export interface EncodingGuess {
  /** Label of the Encoding Standard. */
  readonly encoding: string;
  readonly title: string;
  /** `read so, its words are “naïve”, “café”`. */
  readonly evidence: string;
}

/** Which encoding a text that is not UTF-8 is most likely in, with words of it for a person to judge. */
export const guessEncoding = (bytes: Uint8Array): EncodingGuess | undefined => {
  const sample = bytes.subarray(0, SAMPLE);
  const found = chardet.analyse(sample).flatMap(({ name }) => {
    const label = labels[name] ?? name.toLowerCase();
    return /^(utf-8|ascii|utf-16|utf-32)/i.test(label) ? [] : [label];
  });
  const likely = found.map((label) =>
    label === 'windows-1254' && !isTurkish(sample) ? 'windows-1252' : label,
  );
  for (const encoding of [...new Set([...likely, 'windows-1252'])]) {
    const text = known(encoding) ? decoded(sample, encoding) : undefined;
    if (text === undefined || readable(text) < 0.95) continue;
    return { encoding, title: titles[encoding] ?? encoding, evidence: evidenceOf(text) };
  }
  return undefined;
};

/** The bytes of letters that Turkish has and Western languages hardly use: chardet takes any short list for Turkish. */
const isTurkish = (bytes: Uint8Array): boolean => {
  const high = bytes.filter((byte) => byte >= 0xc0);
  return (
    high.filter((byte) => [0xd0, 0xdd, 0xde, 0xf0, 0xfd, 0xfe].includes(byte)).length > 0.2 * high.length
  );
};

const known = (label: string): boolean => {
  try {
    new TextDecoder(label);
    return true;
  } catch {
    return false;
  }
};

const WORDS = 3;

const evidenceOf = (text: string): string => {
  const words = new Set(text.match(/\p{L}[\p{L}\p{M}’'-]*/gu)?.filter((word) => /[^\0-\x7f]/.test(word)));
  const inLetters = [...words].filter((word) => /[^\0-\x7f]/.test(word.replace(/[’'-]/g, '')));
  const shown = (inLetters.length > 0 ? inLetters : [...words]).slice(0, WORDS);
  return `read so, its words are ${shown.map((word) => `“${[...word].slice(0, 24).join('')}”`).join(', ')}`;
};
