/**
 * Looks for stop strings in text that arrives piece by piece, in time that does not depend on their length: one
 * Knuth-Morris-Pratt automaton each.
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  readonly #failures: readonly Int32Array[];
  readonly #matched: number[];

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
    this.#failures = this.#stops.map(failureFunction);
    this.#matched = this.#stops.map(() => 0);
  }

  /** UTF-16 units at the end of the text that a stop string may begin with. */
  get held(): number {
    return this.#matched.reduce((most, matched) => Math.max(most, matched), 0);
  }

  /** Text that stands already and cannot be taken back. */
  pass(text: string): void {
    for (let i = 0; i < text.length; i++) this.#advance(text.charCodeAt(i));
  }

  /** @returns Units of `piece` read when a stop string was whole, and that string; undefined when none was */
  push(piece: string): { readonly read: number; readonly stop: string } | undefined {
    for (let i = 0; i < piece.length; i++) {
      const stop = this.#advance(piece.charCodeAt(i));
      if (stop !== '') return { read: i + 1, stop };
    }
    return undefined;
  }

  /** @returns The longest stop string that ends with this unit, or '' */
  #advance(unit: number): string {
    let found = '';
    this.#stops.forEach((stop, s) => {
      const failures = this.#failures[s]!;
      let matched = this.#matched[s]!;
      while (matched > 0 && stop.charCodeAt(matched) !== unit) matched = failures[matched - 1]!;
      if (stop.charCodeAt(matched) === unit) matched++;
      if (matched === stop.length) {
        if (matched > found.length) found = stop;
        matched = failures[matched - 1]!;
      }
      this.#matched[s] = matched;
    });
    return found;
  }
}

/** For every prefix of the string, the length of its longest proper prefix that also ends it. */
export const failureFunction = (text: string): Int32Array => {
  const failures = new Int32Array(text.length);
  for (let i = 1, matched = 0; i < text.length; i++) {
    while (matched > 0 && text[i] !== text[matched]) matched = failures[matched - 1]!;
    if (text[i] === text[matched]) matched++;
    failures[i] = matched;
  }
  return failures;
};
