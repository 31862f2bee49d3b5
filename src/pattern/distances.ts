import { type AlphabetClasses, EDGE, LINE_END, WORD, WORD_IGNORING_CASE } from './alphabet-classes.ts';
import type { Assertion } from './expression.ts';
import { ACCEPT, ASSERT, type Nondeterministic, SPLIT, TAKE } from './nondeterministic.ts';

/** Farther than any text is long. */
export const UNREACHABLE = 2 ** 30;

/** Whether an assertion holds between a character and the next, given by their kinds. */
export const holds = ({ at, multiline, ignoreCase }: Assertion, before: number, after: number): boolean => {
  switch (at) {
    case 'start':
      return before === EDGE || (multiline && (before & LINE_END) !== 0);
    case 'end':
      return after === EDGE || (multiline && (after & LINE_END) !== 0);
    default: {
      const bit = ignoreCase ? WORD_IGNORING_CASE : WORD;
      return (((before & bit) !== 0) !== ((after & bit) !== 0)) === (at === 'word');
    }
  }
};

/** The kinds of characters that an automaton distinguishes, an edge of the text among them. */
export const kindsOf = ({ kinds }: AlphabetClasses, hasAssertions: boolean): readonly number[] =>
  hasAssertions ? [EDGE, ...new Set(kinds)] : [EDGE];

/**
 * How many characters are at least missing until the automaton accepts, from each state after each kind of character:
 * [size * kinds]. A breadth-first search backwards from acceptance over (state, kind before, kind after), in which
 * steps without a character cost nothing.
 */
export const distancesOf = (
  automaton: Nondeterministic,
  classes: AlphabetClasses,
  kinds: readonly number[],
): Int32Array => {
  const { size, kind, next, extra, assertions } = automaton;
  const several = kinds.length > 1;
  const many = kinds.length;
  const node = (state: number, before: number, after: number): number =>
    (state * many + before) * many + after;
  /** Which kinds each test's characters may have. */
  const kindsOfTest = classes.matches.map((matches) =>
    kinds.map((one) => matches.some((match, i) => match === 1 && (!several || classes.kinds[i] === one))),
  );
  const nodes = size * many * many;
  const edges = new ReverseEdges(nodes, nodes * Math.max(2, many));
  for (let state = 0; state < size; state++) {
    for (let before = 0; before < many; before++) {
      for (let after = 0; after < many; after++) {
        const from = node(state, before, after);
        if (kind[state] === SPLIT) {
          edges.add(from, node(next[state]!, before, after), 0);
          edges.add(from, node(extra[state]!, before, after), 0);
        } else if (kind[state] === ASSERT) {
          if (holds(assertions[extra[state]!]!, kinds[before]!, kinds[after]!)) {
            edges.add(from, node(next[state]!, before, after), 0);
          }
        } else if (kind[state] === TAKE && kindsOfTest[extra[state]!]![after]) {
          for (let then = 0; then < many; then++) edges.add(from, node(next[state]!, after, then), 1);
        }
      }
    }
  }
  const ends = Array.from({ length: many }, (_, before) => node(ACCEPT, before, 0));
  const distances = edges.distancesTo(ends);
  return Int32Array.from({ length: size * many }, (_, at) =>
    distances.subarray(at * many, (at + 1) * many).reduce((least, one) => Math.min(least, one), UNREACHABLE),
  );
};

/** A graph by the edges that lead to each node, with costs of 0 or 1. */
class ReverseEdges {
  readonly #last: Int32Array; // [nodes]: the edge added last, -1 for none
  readonly #previous: Int32Array; // [edges]
  readonly #from: Int32Array; // [edges]
  readonly #cost: Uint8Array; // [edges]
  #count = 0;

  constructor(nodes: number, most: number) {
    this.#last = new Int32Array(nodes).fill(-1);
    this.#previous = new Int32Array(most);
    this.#from = new Int32Array(most);
    this.#cost = new Uint8Array(most);
  }

  add(from: number, to: number, cost: 0 | 1): void {
    const edge = this.#count++;
    this.#from[edge] = from;
    this.#cost[edge] = cost;
    this.#previous[edge] = this.#last[to]!;
    this.#last[to] = edge;
  }

  distancesTo(ends: readonly number[]): Int32Array {
    const distances = new Int32Array(this.#last.length).fill(UNREACHABLE);
    let near = [...ends];
    for (const end of ends) distances[end] = 0;
    for (let distance = 0; near.length > 0; distance++) {
      const far: number[] = [];
      for (let to = near.pop(); to !== undefined; to = near.pop()) {
        if (distances[to] !== distance) continue;
        for (let edge = this.#last[to]!; edge >= 0; edge = this.#previous[edge]!) {
          const from = this.#from[edge]!;
          const through = distance + this.#cost[edge]!;
          if (through >= distances[from]!) continue;
          distances[from] = through;
          (this.#cost[edge] === 0 ? near : far).push(from);
        }
      }
      near = far;
    }
    return distances;
  }
}
