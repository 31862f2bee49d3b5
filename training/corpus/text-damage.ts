/** What looks like damage done by earlier conversions. */
export interface TextDamage {
  /** U+FFFD, which stands where a conversion lost a character. */
  readonly replaced: number;
  /** Characters of UTF-8 that were read as Windows-1252. */
  readonly misread: { readonly count: number; readonly examples: readonly Misread[] };
  /** Letters written as a letter and combining marks, and those that are one character: both are mixed normal forms. */
  readonly decomposed: number;
  readonly composed: number;
  /** Characters that nobody sees: zero width spaces, word joiners, byte order marks within, soft hyphens. */
  readonly invisible: number;
  /** No-break spaces, and spaces of both kinds. */
  readonly noBreakSpaces: number;
  readonly spaces: number;
  /** Characters as HTML writes them: `&quot;`. */
  readonly entities: { readonly count: number; readonly examples: readonly string[] };
  /** Whether Project Gutenberg's header or licence stands around the text. */
  readonly gutenberg: boolean;
}

export interface Misread {
  readonly shown: string; // Ã©
  readonly meant: string; // é
}

const EXAMPLES = 3;

/** Characters of windows-1252 -> bytes. */
const bytes = new Map(
  Array.from({ length: 256 }, (_, byte) => [
    new TextDecoder('windows-1252').decode(Uint8Array.of(byte)),
    byte,
  ]),
);

/** A lead byte of UTF-8 as windows-1252 shows it, followed by what may be continuation bytes. */
const suspects = /[ÂÃÄÅÎÏÐÑ×Ø][^\0-\x7f]|[âã][^\0-\x7f]{2}|ð[^\0-\x7f]{3}|â€[�\u009d]?/gu;

/** @param text The text, or a part of it. */
export const textDamage = (text: string): TextDamage => {
  const examples = new Map<string, string>();
  let count = 0;
  for (const [shown] of text.matchAll(suspects)) {
    const meant = reread(shown);
    if (meant === undefined) continue;
    count++;
    if (examples.size < EXAMPLES) examples.set(shown, meant);
  }
  let decomposed = 0;
  for (const [pair] of text.matchAll(/\p{L}\p{M}/gu))
    if ([...pair.normalize('NFC')].length === 1) decomposed++;
  let composed = 0;
  for (const [letter] of text.matchAll(/[\u00c0-\u1fff]/g))
    if (/^\p{L}\p{M}+$/u.test(letter.normalize('NFD'))) composed++;
  const entities = text.match(/&(?:[a-z]{2,8}|#\d{1,6}|#x[\da-f]{1,5});/gi) ?? [];
  const occurrences = (characters: RegExp) => text.match(characters)?.length ?? 0;
  return {
    replaced: occurrences(/\ufffd/g),
    misread: { count, examples: [...examples].map(([shown, meant]) => ({ shown, meant })) },
    decomposed,
    composed,
    invisible: occurrences(/[\u00ad\u200b\u2060\ufeff]/g),
    noBreakSpaces: occurrences(/\u00a0/g),
    spaces: occurrences(/[ \u00a0]/g),
    entities: { count: entities.length, examples: [...new Set(entities)].slice(0, EXAMPLES) },
    gutenberg: /^\*\*\* ?(?:START|END) OF (?:THE|THIS) PROJECT GUTENBERG EBOOK/m.test(text),
  };
};

/** The one character that was meant, or undefined where the bytes are none. */
const reread = (shown: string): string | undefined => {
  if (/^â€[\ufffd\u009d]?$/u.test(shown)) return '”';
  const codes = Array.from(shown, (character) => bytes.get(character) ?? -1);
  if (codes.includes(-1)) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(codes));
    return [...text].length === 1 ? text : undefined;
  } catch {
    return undefined;
  }
};
