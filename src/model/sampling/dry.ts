import type { Alphabet } from '../format/alphabet.ts';
import type { Sampling } from './sampling-options.ts';

/** A penalty takes no more than this from a logit: as good as leaving the character out, and always finite. */
const MOST_PENALTY = 100;

/** Characters by which places of a text are found: few places share so many. */
const MOST_GRAM = 4;

/** What the penalties of all completions of a request have in common. */
interface DryRules {
  readonly allowedLength: number;
  /** Characters that a repetition has before it is followed: no more than are allowed. */
  readonly gram: number;
  /** The size of the alphabet to the power of one less: what of a gram's number stays when another id is added. */
  readonly keep: number;
  readonly window: number;
  /** By the characters that a repetition has beyond what is allowed, from 0; the last for all that have more. */
  readonly penalties: readonly number[];
  /** Ids of each text over which no repetition is followed. */
  readonly breakers: readonly (readonly number[])[];
  /** [vocabulary]: 1 for the characters that words are made of. */
  readonly isWord: Uint8Array;
}

/**
 * The DRY penalty ("don't repeat yourself"; p-e-w 2024, as llama.cpp has it) for texts of characters. What the text's
 * last characters were followed by when they stood in it before becomes less likely, by `multiplier * base^(length -
 * allowedLength)` of its logit for the longest such repetition, from the allowed length on.
 *
 * It weighs the first characters of words alone, so that words which were begun are spelt to their end; and all
 * characters where no word began within the allowed length, as in an alphabet without words.
 */
export class DryPenalty {
  readonly #rules: DryRules;
  readonly #ids: number[] = [];
  /** The last ids as one number, and where each such number came last. */
  #gram = 0;
  readonly #last: Map<number, number>;
  /** At each place, the nearest one before at which the same gram ends, or -1. */
  readonly #before: number[] = [];
  /** How many characters that end at a place are also the last of the text that ends at `#seen` of that place. */
  readonly #lengths: number[] = [];
  readonly #seen: number[] = [];
  /** Where the last word began, and what follows the last breaker; -1 for the beginning. */
  #word = -1;
  #broken = 0;
  /** The longest repetition that each character would go on with: [vocabulary]. */
  readonly #longest: Int32Array;

  constructor(rules: DryRules, from?: DryPenalty) {
    this.#rules = rules;
    this.#last = new Map(from === undefined ? [] : from.#last);
    this.#longest = new Int32Array(rules.isWord.length);
  }

  /** The penalty of another completion that has the same text before it. */
  copy(): DryPenalty {
    const copy = new DryPenalty(this.#rules, this);
    copy.#ids.push(...this.#ids);
    copy.#gram = this.#gram;
    copy.#before.push(...this.#before);
    copy.#lengths.push(...this.#lengths);
    copy.#seen.push(...this.#seen);
    copy.#word = this.#word;
    copy.#broken = this.#broken;
    return copy;
  }

  /** What the text goes on with. */
  push(id: number): void {
    this.#append(id);
    const { gram } = this.#rules;
    const lengths = this.#lengths;
    const seen = this.#seen;
    const before = this.#before;
    const at = this.#ids.length - 1;
    const first = this.#first(at);
    for (let place = before[at]!; place >= first; place = before[place]!) {
      // Where the text was not followed to the place before, only the gram is the same.
      lengths[place] = seen[place - 1] === at - 1 ? lengths[place - 1]! + 1 : gram;
      seen[place] = at;
    }
  }

  /** The same for the beginning of a text, in time that grows with its length alone. */
  pushAll(ids: readonly number[]): void {
    for (const id of ids) this.#append(id);
    const last = ids.length - 1;
    commonPrefixes(ids.toReversed()).forEach((length, i) => {
      this.#lengths[last - i] = length;
      this.#seen[last - i] = last;
    });
  }

  #append(id: number): void {
    const { isWord, breakers, gram, keep } = this.#rules;
    const ids = this.#ids;
    const at = ids.length;
    const vocabulary = isWord.length;
    ids.push(id);
    this.#gram = (this.#gram % keep) * vocabulary + id;
    this.#before.push(at < gram - 1 ? -1 : (this.#last.get(this.#gram) ?? -1));
    if (at >= gram - 1) this.#last.set(this.#gram, at);
    this.#lengths.push(0);
    this.#seen.push(-1);
    if (at > 0 && isWord[id] === 1 && isWord[ids[at - 1]!] === 0) this.#word = at;
    if (breakers.some((breaker) => this.#endsWith(breaker))) this.#broken = at + 1;
  }

  /** The first place that the window has when the text ends at another one. */
  #first(at: number): number {
    return Math.max(0, at + 1 - this.#rules.window);
  }

  #endsWith(breaker: readonly number[]): boolean {
    const from = this.#ids.length - breaker.length;
    return from >= 0 && breaker.every((id, i) => this.#ids[from + i] === id);
  }

  /** @param scores [vocabulary], from which the penalties are subtracted. */
  subtractFrom(scores: Float64Array): void {
    const { allowedLength, penalties, isWord } = this.#rules;
    const ids = this.#ids;
    const at = ids.length - 1;
    const isAnywhere = at - this.#word >= allowedLength;
    if (at < 1 || !(isAnywhere || isWord[ids[at]!] === 0)) return;
    const unbroken = ids.length - this.#broken;
    const first = this.#first(at);
    const found: number[] = [];
    for (let place = this.#before[at]!; place >= first; place = this.#before[place]!) {
      const length = Math.min(this.#lengths[place]!, unbroken, place - first + 1);
      const next = ids[place + 1]!;
      if (length < allowedLength || length <= this.#longest[next]!) continue;
      if (!isAnywhere && isWord[next] === 0) continue;
      if (this.#longest[next] === 0) found.push(next);
      this.#longest[next] = length;
    }
    for (const id of found) {
      const beyond = Math.min(this.#longest[id]! - allowedLength, penalties.length - 1);
      scores[id]! -= penalties[beyond]!;
      this.#longest[id] = 0;
    }
  }

  /**
   * What has to be kept so that the penalty goes on exactly.
   *
   * @param dropped Characters at the end that are taken back.
   */
  recent(dropped: number): readonly number[] {
    const end = this.#ids.length - dropped;
    return this.#ids.slice(Math.max(0, end - memoryOf(this.#rules)), end);
  }
}

/** Characters that matter to what comes next. */
const memoryOf = ({ window, breakers }: DryRules): number =>
  window + Math.max(1, ...breakers.map((breaker) => breaker.length));

/**
 * The penalty after a text.
 *
 * @param before Ids of what stands before the first new character, the prompt included.
 * @returns undefined where the parameters leave it out
 */
export const dryPenaltyAfter = (
  before: readonly number[],
  sampling: Sampling,
  breakers: readonly string[],
  alphabet: Alphabet,
): DryPenalty | undefined => {
  const { dryMultiplier, dryBase, dryAllowedLength: allowedLength, dryPenaltyLastN: window } = sampling;
  if (dryMultiplier === 0 || window <= allowedLength) return undefined;
  const gram = Math.min(allowedLength, MOST_GRAM, Math.floor(52 / Math.log2(alphabet.size + 1)));
  const rules: DryRules = {
    allowedLength,
    gram,
    keep: new Array<number>(gram - 1).fill(alphabet.size).reduce((product, size) => product * size, 1),
    window,
    penalties: penaltiesOf(dryMultiplier, dryBase, window),
    breakers: breakers.flatMap((text) => {
      const { ids, replaced } = alphabet.encode(text, 'skip');
      return replaced.length > 0 || ids.length === 0 ? [] : [ids]; // what the model never writes breaks nothing
    }),
    isWord: Uint8Array.from(alphabet.characters, (_, id) => Number(isWordCharacter(alphabet.piece(id)))),
  };
  const penalty = new DryPenalty(rules);
  penalty.pushAll(before.slice(-memoryOf(rules)));
  return penalty;
};

/** For each place, how many ids from there on are also the first ones (the Z algorithm; Main and Lorentz 1984). */
const commonPrefixes = (ids: readonly number[]): Int32Array => {
  const lengths = new Int32Array(ids.length);
  for (let at = 1, from = 0, to = 0; at < ids.length; at++) {
    let length = at < to ? Math.min(to - at, lengths[at - from]!) : 0;
    while (at + length < ids.length && ids[length] === ids[at + length]) length++;
    lengths[at] = length;
    if (at + length > to) [from, to] = [at, at + length];
  }
  return lengths;
};

/** Letters, the marks upon them, digits and apostrophes. */
const isWordCharacter = (piece: string): boolean => /^[\p{L}\p{M}\p{N}'’]/u.test(piece);

/** Multiplied step by step: `**` is each engine's own affair. */
const penaltiesOf = (multiplier: number, base: number, most: number): readonly number[] => {
  const penalties: number[] = [];
  let penalty = multiplier;
  while (penalty < MOST_PENALTY && penalties.length < most) {
    penalties.push(penalty);
    if (base === 1) return penalties;
    penalty *= base;
  }
  return [...penalties, Math.min(MOST_PENALTY, penalty)];
};
