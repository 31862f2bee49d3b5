import type { Assertion, CharacterTest, Expression } from './expression.ts';
import { limitExceeded } from './fault.ts';

/**
 * An automaton of Thompson's kind (1968): states that take one character, that go on to others without one, or that
 * do so where an assertion holds. State 0 accepts.
 */
export interface Nondeterministic {
  readonly size: number;
  /** What each state does: [size] */
  readonly kind: Uint8Array;
  /** The next state, or the first of two: [size] */
  readonly next: Int32Array;
  /** The second of two next states, or the index in `tests` or `assertions`: [size] */
  readonly extra: Int32Array;
  readonly start: number;
  readonly tests: readonly CharacterTest[];
  readonly assertions: readonly Assertion[];
}

export const ACCEPT = 0;
export const TAKE = 1;
export const SPLIT = 2;
export const ASSERT = 3;

/** States that an automaton may have: what repeats count comes out several times. */
const MOST_STATES = 10_000;

export const nondeterministicOf = (expression: Expression): Nondeterministic => {
  const states = statesOf(expression) + 1;
  if (states > MOST_STATES) {
    const count = states < 1e9 ? `${states}` : 'over a thousand million';
    throw limitExceeded(`makes an automaton of ${count} states, of which at most ${MOST_STATES} are allowed`);
  }
  return new Builder(states).build(expression);
};

/** An upper bound of the states that an expression becomes. */
const statesOf = (expression: Expression): number => {
  switch (expression.kind) {
    case 'set':
    case 'assertion':
      return 1;
    case 'sequence':
      return expression.parts.reduce((sum, part) => sum + statesOf(part), 0);
    case 'choice':
      return expression.parts.reduce((sum, part) => sum + statesOf(part) + 1, 0);
    case 'list':
      return statesOf(expression.part) + statesOf(expression.separator) + 1;
    case 'repeat': {
      const { part, min, max } = expression;
      const one = statesOf(part);
      if (one === 0) return 0;
      if (max === Number.POSITIVE_INFINITY) return Math.max(min, 1) * one + 1;
      return max * one + (max - min);
    }
  }
};

class Builder {
  readonly #kind: Uint8Array;
  readonly #next: Int32Array;
  readonly #extra: Int32Array;
  readonly #tests = new Map<string, { readonly index: number; readonly test: CharacterTest }>();
  readonly #assertions: Assertion[] = [];
  #size = 1;

  constructor(most: number) {
    this.#kind = new Uint8Array(most);
    this.#next = new Int32Array(most);
    this.#extra = new Int32Array(most);
  }

  build(expression: Expression): Nondeterministic {
    const start = this.#add(expression, ACCEPT);
    const size = this.#size;
    return {
      size,
      kind: this.#kind.subarray(0, size),
      next: this.#next.subarray(0, size),
      extra: this.#extra.subarray(0, size),
      start,
      tests: [...this.#tests.values()].map(({ test }) => test),
      assertions: this.#assertions,
    };
  }

  /** Adds states that lead to `then`. @returns The first of them */
  #add(expression: Expression, then: number): number {
    switch (expression.kind) {
      case 'set':
        return this.#state(TAKE, then, this.#testIndex(expression.set));
      case 'assertion':
        return this.#state(ASSERT, then, this.#assertions.push(expression.assertion) - 1);
      case 'sequence':
        return expression.parts.reduceRight((after, part) => this.#add(part, after), then);
      case 'choice':
        return expression.parts
          .map((part) => this.#add(part, then))
          .reduceRight((others, first) => this.#state(SPLIT, first, others));
      case 'list': {
        const loop = this.#state(SPLIT, then, then);
        const body = this.#add(expression.part, loop);
        this.#next[loop] = this.#add(expression.separator, body);
        return body;
      }
      case 'repeat':
        return this.#addRepeat(expression, then);
    }
  }

  #addRepeat({ part, min, max }: Extract<Expression, { kind: 'repeat' }>, then: number): number {
    if (statesOf(part) === 0) return then;
    let at = then;
    let required = min;
    if (max === Number.POSITIVE_INFINITY) {
      const loop = this.#state(SPLIT, then, then);
      const body = this.#add(part, loop);
      this.#next[loop] = body;
      at = min === 0 ? loop : body;
      required = Math.max(0, min - 1);
    } else {
      // x{0,2} is (x(x)?)?: so few states are possible at one time.
      for (let i = min; i < max; i++) at = this.#state(SPLIT, this.#add(part, at), then);
    }
    for (let i = 0; i < required; i++) at = this.#add(part, at);
    return at;
  }

  #state(kind: number, next: number, extra: number): number {
    this.#kind[this.#size] = kind;
    this.#next[this.#size] = next;
    this.#extra[this.#size] = extra;
    return this.#size++;
  }

  #testIndex(test: CharacterTest): number {
    const known = this.#tests.get(test.key);
    if (known !== undefined) return known.index;
    const index = this.#tests.size;
    this.#tests.set(test.key, { index, test });
    return index;
  }
}
