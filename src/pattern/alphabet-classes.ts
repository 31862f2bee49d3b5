import type { CharacterTest } from './expression.ts';
import { limitExceeded } from './fault.ts';

/** What an assertion asks of a character, as bits; the edges of the text have one of their own. */
export const WORD = 1;
export const WORD_IGNORING_CASE = 2;
export const LINE_END = 4;
export const EDGE = 8;

/** The alphabet's characters, grouped into classes whose members a pattern treats alike. */
export interface AlphabetClasses {
  readonly count: number;
  /** The class of each id, -1 for ids that no pattern generates: [vocabulary] */
  readonly ofId: Int32Array;
  /** Classes that each test matches: [tests][classes], 0 or 1 */
  readonly matches: readonly Uint8Array[];
  /** The bits of each class; all 0 where there are no assertions: [classes] */
  readonly kinds: Uint8Array;
}

/** Characters between two looks at the clock. */
const STRIDE = 4096;

/**
 * @param characters In id order; ids of no character, or of several code points, belong to no class.
 * @param allowed [vocabulary], 0 for ids that are never generated
 * @param deadline On `performance`'s clock.
 * @throws PatternFaultError
 */
export const classesOf = (
  characters: readonly string[],
  allowed: Uint8Array | undefined,
  tests: readonly CharacterTest[],
  hasAssertions: boolean,
  deadline: number,
): AlphabetClasses => {
  const ids = characters.flatMap((character, id) =>
    allowed?.[id] !== 0 && isCodePoint(character) ? [id] : [],
  );
  let looked = 0;
  const matching = (matches: (character: string) => boolean): Uint8Array =>
    Uint8Array.from(ids, (id) => {
      if (++looked % STRIDE === 0 && performance.now() > deadline) {
        throw limitExceeded('takes too long to look up in this alphabet');
      }
      return matches(characters[id]!) ? 1 : 0;
    });
  const columns = tests.map(({ matches }) => matching(matches));
  const kinds = hasAssertions
    ? [/^\w$/u, /^\w$/iu, /^[\n\r\u2028\u2029]$/u].map((kind) =>
        matching((character) => kind.test(character)),
      )
    : [];
  const classes = new Map<string, number>();
  const representatives: number[] = [];
  const ofId = new Int32Array(characters.length).fill(-1);
  const all = [...columns, ...kinds];
  const signature = new Uint16Array(Math.ceil(all.length / 16));
  ids.forEach((id, place) => {
    signature.fill(0);
    all.forEach((column, i) => {
      signature[i >> 4]! |= column[place]! << (i & 15);
    });
    const key = String.fromCharCode(...signature);
    let found = classes.get(key);
    if (found === undefined) {
      found = classes.size;
      classes.set(key, found);
      representatives.push(place);
    }
    ofId[id] = found;
  });
  return {
    count: classes.size,
    ofId,
    matches: columns.map((column) => Uint8Array.from(representatives, (place) => column[place]!)),
    kinds: Uint8Array.from(representatives, (place) =>
      kinds.reduce((bits, column, i) => bits | (column[place]! << i), 0),
    ),
  };
};

const isCodePoint = (character: string): boolean =>
  character !== '' && character.length === (character.codePointAt(0)! > 0xffff ? 2 : 1);
