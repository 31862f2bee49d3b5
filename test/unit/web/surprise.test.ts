import { expect, test } from 'vitest';
import { bits, characterName, percent, shade } from '../../../src/web/surprise.ts';

test('a character is shaded by its surprise in bits', () => {
  expect([1, 0.5, 0.25, 1 / 32, 1 / 4096].map((p) => shade(Math.log(p)))).toEqual([0, 1, 2, 5, 8]);
  expect(bits(Math.log(1 / 8))).toBeCloseTo(3);
});

test('a probability is written in percent, with a digit after the point where it is small', () => {
  expect([1, 0.314, 0.0314, 0.0001].map((p) => percent(Math.log(p)))).toEqual([
    '100%',
    '31%',
    '3.1%',
    'under 0.1%',
  ]);
});

test('white space has names', () => {
  expect([' ', '\n', '\t', 'e'].map(characterName)).toEqual(['space', 'new line', 'tab', 'e']);
});
