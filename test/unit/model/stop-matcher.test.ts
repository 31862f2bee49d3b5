import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopMatcher } from '../../../src/model/decode/stop-matcher.ts';

const text = fc.string({ unit: fc.constantFrom('a', 'b', '\u{1f600}'), maxLength: 30 });
const stop = fc.string({ unit: fc.constantFrom('a', 'b', '\u{1f600}'), minLength: 1, maxLength: 5 });

describe('stop strings', () => {
  it('are found as soon as one is whole, and nothing is held back for long', () => {
    fc.assert(
      fc.property(text, fc.array(stop, { minLength: 1, maxLength: 4 }), (written, stops) => {
        const finder = new StopMatcher(stops);
        let read = '';
        for (const character of written) {
          const found = finder.push(character);
          const before = read;
          read += character;
          const ends = stops.filter((one) => read.endsWith(one)).map((one) => one.length);
          if (found === undefined) {
            expect(ends).toEqual([]);
            const held = Math.max(
              0,
              ...stops.flatMap((one) =>
                Array.from({ length: one.length - 1 }, (_, i) => i + 1).filter((n) =>
                  read.endsWith(one.slice(0, n)),
                ),
              ),
            );
            expect(finder.held).toBe(held);
          } else {
            expect(found.stop).toHaveLength(Math.max(...ends));
            expect(stops).toContain(found.stop);
            expect(before.length + found.read).toBe(read.length);
            return;
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are found across what was written earlier', () => {
    const finder = new StopMatcher(['abc']);
    finder.pass('xxab');
    expect(finder.held).toBe(2);
    expect(finder.push('c')).toEqual({ read: 1, stop: 'abc' });
  });
});
