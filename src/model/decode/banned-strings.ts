import { failureFunction } from './stop-matcher.ts';

/** Follows a text and says which character would complete one of the strings that it must not hold. */
export class BannedStrings {
  readonly #strings: readonly string[];
  readonly #failures: readonly Int32Array[];
  /** UTF-16 units of each string that the text ends with. */
  readonly #matched: number[];

  /** @param strings None of them empty. */
  constructor(strings: readonly string[]) {
    this.#strings = strings;
    this.#failures = strings.map(failureFunction);
    this.#matched = strings.map(() => 0);
  }

  /** UTF-16 units of a text's end that a string may begin with. */
  get memory(): number {
    return Math.max(...this.#strings.map(({ length }) => length - 1));
  }

  /** What the text goes on with. */
  push(piece: string): void {
    for (let s = 0; s < this.#strings.length; s++) this.#matched[s] = this.#after(s, piece, false);
  }

  wouldComplete(piece: string): boolean {
    return this.#strings.some(({ length }, s) => this.#after(s, piece, true) === length);
  }

  /** @returns Units of a string that the text ends with after a piece; all of them if it `halts` where it is whole */
  #after(s: number, piece: string, halts: boolean): number {
    const string = this.#strings[s]!;
    const failures = this.#failures[s]!;
    let matched = this.#matched[s]!;
    for (let i = 0; i < piece.length; i++) {
      const unit = piece.charCodeAt(i);
      while (matched > 0 && string.charCodeAt(matched) !== unit) matched = failures[matched - 1]!;
      if (string.charCodeAt(matched) === unit) matched++;
      if (matched < string.length) continue;
      if (halts) return matched;
      matched = failures[matched - 1]!;
    }
    return matched;
  }
}
