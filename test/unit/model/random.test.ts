import { describe, expect, it } from 'vitest';
import { drawSeed, Random } from '../../../src/model/sampling/random.ts';

describe('random', () => {
  it('gives the same numbers on every host', () => {
    const random = Random.fromSeed(42);
    expect(Array.from({ length: 4 }, () => random.uniform())).toMatchInlineSnapshot(`
      [
        0.2767359841379663,
        0.15819259837418476,
        0.5351196741110728,
        0.6593149895702891,
      ]
    `);
    const last = Random.fromSeed(Number.MAX_SAFE_INTEGER, 7);
    expect(last.uniform()).toMatchInlineSnapshot(`0.47313866161279394`);
  });

  it('gives other numbers for another seed or stream', () => {
    const firsts = [
      ...Array.from({ length: 500 }, (_, seed) => Random.fromSeed(seed).uniform()),
      ...Array.from({ length: 500 }, (_, stream) => Random.fromSeed(0, stream + 1).uniform()),
      Random.fromSeed(2 ** 32).uniform(),
      Random.fromSeed(2 ** 52 + 1).uniform(),
    ];
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  it('is uniform: 100,000 numbers over 100 bins', () => {
    const random = Random.fromSeed(1);
    const bins = new Array<number>(100).fill(0);
    for (let i = 0; i < 100_000; i++) bins[Math.floor(random.uniform() * 100)]!++;
    const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(149); // 99 degrees of freedom, p = 0.001
    expect(chiSquare).toBeGreaterThan(61);
  });

  it('goes on where it was saved', () => {
    const random = Random.fromSeed(3);
    random.uniform();
    const again = Random.fromState(random.save());
    const forked = random.fork();
    const next = random.uniform();
    expect([again.uniform(), forked.uniform()]).toEqual([next, next]);
  });

  it('draws seeds that JSON can carry', () => {
    const seeds = Array.from({ length: 50 }, drawSeed);
    expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
    expect(new Set(seeds).size).toBe(50);
  });
});
