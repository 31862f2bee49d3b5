/**
 * The rule for rare characters. An alphabet of at most 256 characters is kept whole. In a larger one, a character
 * that stands at most `limit` times is folded to its plain form where that is kept (é to e, a curly quote to a
 * straight one) and dropped otherwise; `limit` is 9, or as much less as keeps the share of text touched within 0.5 %.
 */
export const KEPT_WHOLE = 256;
const RARE = 9;
const MOST_TOUCHED = 0.005;

export interface RareCharacters {
  /** Occurrences up to which a character counts as rare; 0 where none does. */
  readonly limit: number;
  /** Code point -> the one that stands for it, or undefined where it is dropped. */
  readonly fold: ReadonlyMap<number, number | undefined>;
  readonly folded: { readonly characters: number; readonly occurrences: number };
  readonly dropped: { readonly characters: number; readonly occurrences: number };
}

/** @param counts Occurrences by code point. */
export const rareCharacters = (counts: ReadonlyMap<number, number>): RareCharacters => {
  const limit = counts.size <= KEPT_WHOLE ? 0 : rareLimit(counts);
  const kept = (code: number | undefined) => code !== undefined && (counts.get(code) ?? 0) > limit;
  const fold = new Map<number, number | undefined>();
  const folded = { characters: 0, occurrences: 0 };
  const dropped = { characters: 0, occurrences: 0 };
  for (const [code, count] of counts) {
    if (count > limit) continue;
    const plain = plainForm(code)?.[0]?.codePointAt(0);
    fold.set(code, kept(plain) ? plain : undefined);
    const sum = kept(plain) ? folded : dropped;
    sum.characters++;
    sum.occurrences += count;
  }
  return { limit, fold, folded, dropped };
};

const rareLimit = (counts: ReadonlyMap<number, number>): number => {
  const byCount = new Array<number>(RARE + 1).fill(0); // occurrences of all characters that stand so often
  let total = 0;
  for (const count of counts.values()) {
    total += count;
    if (count <= RARE) byCount[count]! += count;
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
  ['…', '.'],
  ['•', '*'],
  ['×', 'x'],
]);

/** The character without marks, width and ornament: one or several, or undefined where it has no such form. */
export const plainForm = (code: number): readonly string[] | undefined => {
  const character = String.fromCodePoint(code);
  const decomposed = character.normalize('NFKD').replace(/\p{M}/gu, '');
  const plain = punctuation.get(character) ?? decomposed;
  return plain.length > 0 && plain !== character ? [...plain] : undefined;
};
