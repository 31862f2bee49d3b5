import type { AlphabetClasses } from './alphabet-classes.ts';
import { distancesOf, holds, kindsOf, UNREACHABLE } from './distances.ts';
import { ASSERT, type Nondeterministic, SPLIT, TAKE } from './nondeterministic.ts';

/** Where a text stands in its pattern, as a value: what a continuation carries. */
export interface SavedPosition {
  /** Of the numbering of states: another one cannot be gone on from. */
  readonly format: 1;
  readonly states: readonly number[];
  /** The kind of the last character. */
  readonly before: number;
}

/** Where a text stands in its pattern: a state of the deterministic automaton. */
export interface Position {
  /** Whether the text so far matches. */
  readonly accepts: boolean;
  /** Whether no character may follow. */
  readonly isComplete: boolean;
  /** Characters that are at least missing until the text matches; Infinity where it never can. */
  readonly distance: number;
  /**
   * Ids that may come next so that the text can match with at most so many characters more: [vocabulary], 0 or 1, not to
   * be written to.
   */
  maskFor(remaining: number): Uint8Array;
  /** After one more character; undefined where it may not follow. */
  next(id: number): Position | undefined;
  save(): SavedPosition;
}

/** A pattern over a model's alphabet. */
export interface Automaton {
  readonly start: Position;
  /** @returns undefined for a position of another automaton */
  restore(saved: SavedPosition): Position | undefined;
}

/** Bytes of states that are kept, about; all are forgotten when there are more. */
const MOST_BYTES = 2 ** 22;

/**
 * Makes the states of the deterministic automaton as texts come to them, by the subset construction (Rabin and
 * Scott 1959): a pattern whose automaton would explode costs no more than the texts that walk through it.
 */
export const createAutomaton = (source: Nondeterministic, classes: AlphabetClasses): Automaton => {
  const states = new States(source, classes);
  return {
    start: states.intern([source.start], 0),
    restore: ({ states: saved, before }) => {
      const kind = states.kinds.indexOf(before);
      const isSorted = saved.every((state, i) => state < source.size && state > (saved[i - 1] ?? -1));
      return isSorted && kind >= 0 ? states.intern(saved, kind) : undefined;
    },
  };
};

class States {
  readonly source: Nondeterministic;
  readonly classes: AlphabetClasses;
  readonly kinds: readonly number[];
  readonly #kindOfClass: Uint8Array; // [classes]: index in `kinds`
  readonly #distances: Int32Array; // [size * kinds]
  readonly #known = new Map<string, DeterministicState>();
  /** By the classes that they have. */
  readonly #masks = new Map<string, Uint8Array>();
  #bytes = 0;
  // Of `#close`: which states it has met, by the number of its call.
  readonly #met: Int32Array;
  #calls = 0;

  constructor(source: Nondeterministic, classes: AlphabetClasses) {
    this.source = source;
    this.classes = classes;
    this.kinds = kindsOf(classes, source.assertions.length > 0);
    this.#kindOfClass = classes.kinds.map((kind) => Math.max(0, this.kinds.indexOf(kind)));
    this.#distances = distancesOf(source, classes, this.kinds);
    this.#met = new Int32Array(source.size);
  }

  /** @param states Sorted; before assertions and steps without a character. */
  intern(states: readonly number[], before: number): DeterministicState {
    const key = String.fromCharCode(before, ...states);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { length } = this.kinds;
    let distance = UNREACHABLE;
    for (const state of states) distance = Math.min(distance, this.#distances[state * length + before]!);
    if (distance === UNREACHABLE) distance = Number.POSITIVE_INFINITY;
    const made = new DeterministicState(this, states, before, distance);
    this.#note(256 + 12 * states.length + 8 * this.classes.count);
    this.#known.set(key, made);
    return made;
  }

  /** @param live Whether the characters of each class are in it: [classes] */
  mask(live: readonly boolean[]): Uint8Array {
    const { ofId } = this.classes;
    const key = live.map(Number).join('');
    let mask = this.#masks.get(key);
    if (mask === undefined) {
      mask = new Uint8Array(ofId.length);
      for (let id = 0; id < mask.length; id++) mask[id] = live[ofId[id]!] === true ? 1 : 0;
      this.#note(mask.length);
      this.#masks.set(key, mask);
    }
    return mask;
  }

  #note(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= MOST_BYTES) return;
    for (const old of this.#known.values()) old.forget();
    this.#known.clear();
    this.#masks.clear();
    this.#bytes = 0;
  }

  /** What each class of characters leads to: [classes], undefined where it may not follow. */
  expand(states: readonly number[], before: number): readonly (DeterministicState | undefined)[] {
    const { matches, count } = this.classes;
    const found = new Map<string, DeterministicState | undefined>();
    const takenBy = this.kinds.map((_, after) => this.#takers(states, before, after));
    return Array.from({ length: count }, (_, one) => {
      const after = this.#kindOfClass[one]!;
      const { tests, targets } = takenBy[this.kinds.length === 1 ? 0 : after]!;
      const matching = tests.filter((test) => matches[test]![one] === 1);
      if (matching.length === 0) return undefined;
      const key = `${after}:${matching.join()}`;
      if (found.has(key)) return found.get(key);
      const reached = this.intern(union(matching.map((test) => targets.get(test)!)), after);
      const state = Number.isFinite(reached.distance) ? reached : undefined;
      found.set(key, state);
      return state;
    });
  }

  /** The states that a character of a kind leads to, by the test that it passes. */
  #takers(
    states: readonly number[],
    before: number,
    after: number,
  ): { readonly tests: readonly number[]; readonly targets: ReadonlyMap<number, readonly number[]> } {
    const { kind, next, extra, assertions } = this.source;
    const targets = new Map<number, number[]>();
    const call = ++this.#calls;
    const stack = [...states];
    for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
      if (this.#met[state] === call) continue;
      this.#met[state] = call;
      if (kind[state] === TAKE) {
        const test = extra[state]!;
        const reached = targets.get(test);
        if (reached === undefined) targets.set(test, [next[state]!]);
        else reached.push(next[state]!);
      } else if (kind[state] === SPLIT) stack.push(extra[state]!, next[state]!);
      else if (
        kind[state] === ASSERT &&
        holds(assertions[extra[state]!]!, this.kinds[before]!, this.kinds[after]!)
      ) {
        stack.push(next[state]!);
      }
    }
    return { tests: [...targets.keys()], targets };
  }
}

/** Sorted, each once. */
const union = (lists: readonly (readonly number[])[]): readonly number[] => {
  const all = lists.flat();
  // As they are found, they mostly descend.
  if (all.length > 1 && all[0]! > all[1]!) all.reverse();
  if (all.every((state, i) => i === 0 || state > all[i - 1]!)) return all;
  all.sort((a, b) => a - b);
  return all.filter((state, i) => state !== all[i - 1]);
};

class DeterministicState implements Position {
  readonly distance: number;
  readonly #states: States;
  readonly #own: readonly number[];
  readonly #before: number; // index of a kind
  #targets: readonly (DeterministicState | undefined)[] | undefined; // [classes]
  #mask: Uint8Array | undefined; // [vocabulary]
  #farthest = 0; // the greatest distance of a target
  #isComplete = false;

  constructor(states: States, own: readonly number[], before: number, distance: number) {
    this.#states = states;
    this.#own = own;
    this.#before = before;
    this.distance = distance;
  }

  get accepts(): boolean {
    return this.distance === 0;
  }

  get isComplete(): boolean {
    this.#reached();
    return this.#isComplete;
  }

  maskFor(remaining: number): Uint8Array {
    const targets = this.#reached();
    this.#mask ??= this.#states.mask(targets.map((target) => target !== undefined));
    if (remaining > this.#farthest) return this.#mask;
    return this.#states.mask(targets.map((target) => target !== undefined && target.distance < remaining));
  }

  next(id: number): Position | undefined {
    return this.#reached()[this.#states.classes.ofId[id]!];
  }

  save(): SavedPosition {
    return { format: 1, states: this.#own, before: this.#states.kinds[this.#before]! };
  }

  /** Lets go of what it leads to. */
  forget(): void {
    this.#targets = undefined;
    this.#mask = undefined;
  }

  #reached(): readonly (DeterministicState | undefined)[] {
    if (this.#targets === undefined) {
      this.#targets = this.#states.expand(this.#own, this.#before);
      this.#farthest = this.#targets.reduce((most, target) => Math.max(most, target?.distance ?? 0), 0);
      this.#isComplete = this.#targets.every((target) => target === undefined);
    }
    return this.#targets;
  }
}
