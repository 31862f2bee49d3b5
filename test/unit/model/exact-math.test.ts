import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp, log } from '../../../src/model/sampling/exact-math.ts';

const near = (got: number, expected: number): boolean =>
  Math.abs(got - expected) <= 4 * Number.EPSILON * Math.abs(expected);

describe('exp and log', () => {
  it('agree with the host to the last places', () => {
    fc.assert(
      fc.property(fc.double({ min: -708, max: 709.7, noNaN: true }), (x) => near(exp(x), Math.exp(x))),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.double({ min: 5e-324, max: Number.MAX_VALUE, noNaN: true }), (x) =>
        near(log(x), Math.log(x)),
      ),
      { numRuns: 2000 },
    );
  });

  it('give the limits at the ends of their range', () => {
    expect([exp(0), exp(-1000), exp(1000), exp(Number.NEGATIVE_INFINITY)]).toEqual([1, 0, Infinity, 0]);
    expect([log(1), log(0), log(Infinity)]).toEqual([0, -Infinity, Infinity]);
    expect([exp(Number.NaN), log(Number.NaN), log(-1)]).toEqual([NaN, NaN, NaN]);
  });

  it('give the same bits on every host', () => {
    expect([
      exp(-708.2),
      exp(-22.5),
      exp(-0.7310585),
      exp(12.25),
      exp(709.6),
      log(0.1),
      log(65),
    ]).toMatchInlineSnapshot(`
      [
        2.7079953615140913e-308,
        1.6918979226151304e-10,
        0.4813991592997399,
        208981.28886971297,
        1.4974914744969295e+308,
        -2.3025850929940455,
        4.174387269895637,
      ]
    `);
  });
});
