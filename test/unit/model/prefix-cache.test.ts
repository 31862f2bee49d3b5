import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrefixCache } from '../../../src/model/decode/prefix-cache.ts';

const ids = fc.array(fc.constantFrom(0, 1, 70_000), { maxLength: 8 });

describe('the prefix cache', () => {
  it('finds the longest beginning that leaves a character to feed', () => {
    fc.assert(
      fc.property(fc.array(ids, { maxLength: 10 }), ids, (known, asked) => {
        const cache = new PrefixCache(2 ** 20);
        known.forEach((beginning, i) => {
          cache.add(beginning, Float32Array.of(i));
        });
        const longest = Math.max(
          -1,
          ...known
            .filter((one) => one.length < asked.length && one.every((id, i) => id === asked[i]))
            .map((one) => one.length),
        );
        const found = cache.find(asked);
        expect(found?.length ?? -1).toBe(longest);
        if (found)
          expect(found.state[0]).toBe(known.findIndex((one) => `${one}` === `${asked.slice(0, longest)}`));
      }),
      { numRuns: 500 },
    );
  });

  it('never holds more than it may, and forgets what was not used for longest', () => {
    const cache = new PrefixCache(5000);
    for (let i = 0; i < 100; i++) {
      cache.find([0, 9]);
      cache.add([i], new Float32Array(250));
      expect(cache.byteLength).toBeLessThanOrEqual(5000);
    }
    expect(cache.find([0, 9])).toBeDefined();
    expect(cache.find([99, 9])).toBeDefined();
    expect(cache.find([50, 9])).toBeUndefined();
    cache.add([1, 2, 3], new Float32Array(2000));
    expect(cache.find([1, 2, 3, 4])).toBeUndefined();
  });
});
