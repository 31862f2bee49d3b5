import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Position } from '../../../src/pattern/automaton.ts';
import { compilePattern } from '../../../src/pattern/compile-pattern.ts';
import { flagSets, patterns, wholeMatch } from '../../pattern-arbitrary.ts';
import { threadTime } from '../../thread-time.ts';

const characters = ['a', 'b', 'c', 'A', '\n', ' ', '1', 'é'];
const longest = 3;

/** Every text of at most so many characters, shorter ones first. */
const texts = ((): readonly string[] => {
  const all = [''];
  for (let length = 0, from = 0; length < longest; length++) {
    const to = all.length;
    for (let i = from; i < to; i++) for (const character of characters) all.push(all[i]! + character);
    from = to;
  }
  return all;
})();

const compiled = (source: string, flags = '', alphabet: readonly string[] = characters) => {
  const { automaton, fault } = compilePattern(source, flags, alphabet);
  if (fault !== undefined) throw new Error(fault.message);
  return automaton;
};

/** Where a text stands; undefined where nothing that begins so matches. */
const placeAfter = (start: Position, text: string): Position | undefined =>
  [...text].reduce<Position | undefined>(
    (position, character) => position?.next(characters.indexOf(character)),
    start,
  );

const faultOf = (source: string, flags = '', alphabet: readonly string[] = characters) => {
  const begin = threadTime();
  const { fault } = compilePattern(source, flags, alphabet);
  expect(threadTime() - begin).toBeLessThan(2000);
  return fault;
};

describe('an automaton', () => {
  it("accepts what the host's RegExp matches, and knows how many characters are missing", () => {
    fc.assert(
      fc.property(patterns, flagSets, (source, flags) => {
        const { start } = compiled(source, flags);
        const matches = wholeMatch(source, flags);
        /** Characters that are at least missing, where the text may still grow to a match of `longest`. */
        const missing = new Map<string, number>();
        for (const text of texts.toReversed()) {
          const least = characters.reduce(
            (found, character) =>
              Math.min(found, 1 + (missing.get(text + character) ?? Number.POSITIVE_INFINITY)),
            matches.test(text) ? 0 : Number.POSITIVE_INFINITY,
          );
          missing.set(text, least);
        }
        const wrong = texts.filter((text) => {
          const { accepts = false, distance = Number.POSITIVE_INFINITY } = placeAfter(start, text) ?? {};
          const expected = missing.get(text)!;
          const isRight = Number.isFinite(expected)
            ? distance === expected
            : distance > longest - text.length;
          return accepts !== (expected === 0) || !isRight;
        });
        expect(wrong).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  it('masks what does not lead to a match within the length', () => {
    const { start } = compiled('a*b{2}c');
    const allowed = (position: Position, remaining: number) =>
      characters.filter((_, id) => position.maskFor(remaining)[id] === 1).join('');
    expect(allowed(start, 4)).toBe('ab');
    expect(allowed(start, 3)).toBe('b');
    expect(allowed(start, 2)).toBe('');
    expect(allowed(placeAfter(start, 'ab')!, 2)).toBe('b');
    expect(placeAfter(start, 'abb')!.distance).toBe(1);
    expect(placeAfter(start, 'abbc')).toMatchObject({ accepts: true, isComplete: true });
  });

  it('goes on from a saved position, also over another part of the alphabet', () => {
    fc.assert(
      fc.property(
        patterns,
        fc.constantFrom('', 'i', 'm'),
        fc.integer({ min: 0, max: 72 }),
        (source, flags, place) => {
          const position = placeAfter(compiled(source, flags).start, texts[place]!);
          fc.pre(position !== undefined);
          const saved = JSON.parse(JSON.stringify(position.save()));
          const restored = compiled(source, flags).restore(saved)!;
          const wrong = texts
            .slice(0, 80)
            .filter((text) => placeAfter(restored, text)?.distance !== placeAfter(position, text)?.distance);
          expect(wrong).toEqual([]);
          const fewer = compilePattern(source, flags, characters, Uint8Array.from([1, 1, 1, 0, 0, 1, 1, 0]));
          expect(fewer.automaton?.restore(saved)?.accepts ?? position.accepts).toBe(position.accepts);
        },
      ),
      { numRuns: 200 },
    );
    expect(compiled('ab').restore({ format: 1, states: [99], before: 8 })).toBeUndefined();
    expect(compiled('ab').restore({ format: 1, states: [1, 1], before: 8 })).toBeUndefined();
  });

  it('forgets states when there are many, and walks on', () => {
    const { start } = compiled('(?:a|b)*a(?:a|b){18}');
    let position = start;
    let seed = 1;
    for (let i = 0; i < 60_000; i++) {
      seed = (seed * 48271) % 2147483647;
      position = position.next(seed & 1)!;
    }
    expect(position.distance).toBeLessThanOrEqual(19);
  });
});

describe('JavaScript’s syntax', () => {
  test.each([
    ['(?i:b)a', '', ['Ba', 'ba'], ['BA', 'b']],
    ['(?<year>\\d{2})', '', ['11'], ['1', 'aa']],
    ['\\"\\-\\:\\ ', '', ['"-: '], []],
    ['[\\]\\-a]', '', [']', '-', 'a'], ['b']],
    ['a.c', '', ['abc'], ['a\nc']],
    ['a.c', 's', ['a\nc'], []],
    ['a$\\n^b', 'm', ['a\nb'], ['ab']],
    ['[\\w--[ab]]', 'v', ['c'], ['a']],
    ['\\u{61}\\x62', '', ['ab'], []],
    ['', '', [''], ['a']],
    ['a|', '', ['', 'a'], ['b']],
    ['(?:){999999999}a', '', ['a'], ['']],
    ['[]', '', [], ['', 'a']],
    ['𝒳+', '', ['𝒳𝒳'], ['x']],
  ] as const)('/%s/%s', (source, flags, matching, others) => {
    const alphabet = [...'abcABC01 \n"-:]é𝒳'];
    const { start } = compiled(source, flags, alphabet);
    const accepts = (text: string): boolean =>
      [...text].reduce<Position | undefined>((at, one) => at?.next(alphabet.indexOf(one)), start)?.accepts ??
      false;
    expect(matching.filter((text) => !accepts(text))).toEqual([]);
    expect(others.filter(accepts)).toEqual([]);
  });

  test.each([
    ['(a', 'Unterminated group'],
    ['{"a": 1}', 'written \\{'],
    ['a(?=b)', 'look-around'],
    ['(?<!a)b', 'look-around'],
    ['(?=a)b\\1', 'look-around cannot be part of a pattern: "(?=a)"'],
    ['b\\1', 'Invalid escape at character 2, before "\\\\1"'],
    ['(a)\\1', 'a back-reference'],
    ['[z-a]', 'out of order'],
    ['\\p{Nonsense}', 'Invalid property name'],
    ['*', 'Nothing to repeat at the end'],
  ])('refuses /%s/: %s', (source, message) => {
    expect(faultOf(source)).toMatchObject({ kind: 'syntax', message: expect.stringContaining(message) });
  });

  test.each([
    ['[\\q{abc}]', 'v', 'a class of strings'],
    ['a', 'x', 'the flag "x"'],
  ])('refuses /%s/%s: %s', (source, flags, message) => {
    expect(faultOf(source, flags)).toMatchObject({
      kind: 'syntax',
      message: expect.stringContaining(message),
    });
  });
});

describe('what would take too much', () => {
  const cjk = Array.from({ length: 20_000 }, (_, i) => String.fromCodePoint(0x4e00 + i));

  test.each([
    ['nests too many brackets', `${'('.repeat(5000)}${')'.repeat(5000)}`, characters],
    ['is too long', 'a'.repeat(40_000), characters],
    ['repeats repeats', '((a{0,1000}){0,1000}){0,1000}', characters],
    ['repeats beyond all numbers', '((((a{9999999}){9999999}){9999999}){9999999}){9999999}', characters],
    [
      'is slow over a large alphabet',
      cjk
        .slice(0, 500)
        .map((c) => `[\\p{L}${c}]`)
        .join(''),
      cjk,
    ],
  ])('a pattern that %s ends in an error', (_, source, alphabet) => {
    expect(faultOf(source, '', alphabet)).toMatchObject({ kind: 'limit' });
  });

  test('what only explodes when it is made deterministic is used as it is', () => {
    expect(compiled('(?:a|b)*a(?:a|b){200}').start.distance).toBe(201);
  });
});
