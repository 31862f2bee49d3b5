import type { Expression } from './expression.ts';
import { choice, digits, literal, repeat, sequence } from './expressions.ts';

/** Digits that an unbounded integer may have, so that it stays exact as a number of JavaScript. */
const MOST_DIGITS = 15;

/** The whole numbers from `min` to `max` as JSON writes them; either may be infinite. */
export const integersBetween = (min: number, max: number): Expression => {
  const parts: Expression[] = [];
  if (min < 0) {
    const nearest = max < 0 ? -max : 1;
    parts.push(sequence(literal('-'), naturals(nearest, -min)));
  }
  if (max >= 0) parts.push(naturals(Math.max(0, min), max));
  return choice(...parts);
};

/** From `min` >= 0 to `max`, without leading zeros. */
const naturals = (min: number, max: number): Expression => {
  const least = String(min);
  const most = max < 10 ** MOST_DIGITS ? String(max) : '9'.repeat(MOST_DIGITS);
  const parts: Expression[] = [];
  for (let size = least.length; size <= most.length; size++) {
    const from = size === least.length ? least : `1${'0'.repeat(size - 1)}`;
    const to = size === most.length ? most : '9'.repeat(size);
    parts.push(ofOneSize(from, to));
  }
  return choice(...parts);
};

/** Numbers of as many digits as both bounds have. */
const ofOneSize = (from: string, to: string): Expression => {
  const [first = '', last = ''] = [from[0], to[0]];
  const rest = from.length - 1;
  if (rest === 0) return digits(first, last);
  if (first === last) return sequence(literal(first), ofOneSize(from.slice(1), to.slice(1)));
  const parts: Expression[] = [];
  let [low, high] = [Number(first), Number(last)];
  if (/[1-9]/.test(from.slice(1))) {
    parts.push(sequence(literal(first), ofOneSize(from.slice(1), '9'.repeat(rest))));
    low++;
  }
  if (/[0-8]/.test(to.slice(1))) {
    parts.push(sequence(literal(last), ofOneSize('0'.repeat(rest), to.slice(1))));
    high--;
  }
  if (low <= high) {
    parts.push(sequence(digits(String(low), String(high)), repeat(digits('0', '9'), rest, rest)));
  }
  return choice(...parts);
};
