/**
 * The rule for rare characters. An alphabet of at most 256 characters is kept whole. In a larger one, a character
 * that stands at most `limit` times is folded to its plain form where all of that is kept (é to e, a curly quote to a
 * straight one, a ligature to its letters) and dropped otherwise; those of ASCII are always kept; `limit` is 9, or as much less as keeps the share of text touched within 0.5 %.
 */
export const KEPT_WHOLE = 256;
const RARE = 9;
const MOST_TOUCHED = 0.005;
/** Characters of a plain form, at most: ½ has three. */
const LONGEST_FORM = 4;

export interface RareCharacters {
  /** Occurrences up to which a character counts as rare; 0 where none does. */
  readonly limit: number;
  /** Code point -> those that stand for it; none where it is dropped. */
  readonly fold: ReadonlyMap<number, readonly number[]>;
  readonly folded: RareCounts;
  readonly dropped: RareCounts;
}

export interface RareCounts {
  readonly characters: number;
  readonly occurrences: number;
  /** The characters, in order of code point. */
  readonly list: string;
}

/**
 * @param counts Occurrences by code point.
 * @param keepAll Keeps every character, however rare.
 */
export const rareCharacters = (counts: ReadonlyMap<number, number>, keepAll = false): RareCharacters => {
  const limit = keepAll || counts.size <= KEPT_WHOLE ? 0 : rareLimit(counts);
  const kept = (code: number) => (counts.get(code) ?? 0) > (code < 128 ? 0 : limit);
  const fold = new Map<number, readonly number[]>();
  const folded = { characters: 0, occurrences: 0, list: '' };
  const dropped = { characters: 0, occurrences: 0, list: '' };
  for (const [code, count] of [...counts].sort(([a], [b]) => a - b)) {
    if (kept(code)) continue;
    const plain = (plainForm(code) ?? []).map((character) => character.codePointAt(0)!);
    const known = plain.length > 0 && plain.length <= LONGEST_FORM && plain.every(kept);
    fold.set(code, known ? plain : []);
    const sum = known ? folded : dropped;
    sum.characters++;
    sum.occurrences += count;
    sum.list += String.fromCodePoint(code);
  }
  return { limit, fold, folded, dropped };
};

const rareLimit = (counts: ReadonlyMap<number, number>): number => {
  const byCount = new Array<number>(RARE + 1).fill(0); // occurrences of all characters that stand so often
  let total = 0;
  for (const [code, count] of counts) {
    total += count;
    if (code >= 128 && count <= RARE) byCount[count]! += count;
  }
  let touched = 0;
  for (let limit = 1; limit <= RARE; limit++) {
    touched += byCount[limit]!;
    if (touched > MOST_TOUCHED * total) return limit - 1;
  }
  return RARE;
};

const punctuation: ReadonlyMap<string, string> = new Map([
  ...[...'“”„‟«»″'].map((mark) => [mark, '"'] as const),
  ...[...'‘’‚‛‹›′`´'].map((mark) => [mark, "'"] as const),
  ...[...'‐‑‒–—―−'].map((mark) => [mark, '-'] as const),
  ['…', '...'],
  ['⁄', '/'],
  ['ß', 'ss'],
  ['æ', 'ae'],
  ['Æ', 'AE'],
  ['œ', 'oe'],
  ['Œ', 'OE'],
  ['•', '*'],
  ['×', 'x'],
]);

/** The character without marks, width and ornament: one or several, or undefined where it has no such form. */
export const plainForm = (code: number): readonly string[] | undefined => {
  const character = String.fromCodePoint(code);
  const decomposed = character.normalize('NFKD').replace(/\p{M}/gu, '');
  const plain =
    punctuation.get(character) ?? Array.from(decomposed, (part) => punctuation.get(part) ?? part).join('');
  return plain.length > 0 && plain !== character ? [...plain] : undefined;
};
