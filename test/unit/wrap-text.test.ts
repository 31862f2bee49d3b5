import { expect, test } from 'vitest';
import { isList } from '../../src/list-text.ts';
import { wrapText } from '../../src/wrap-text.ts';

test('breaks between words, indents what follows, and cuts or keeps a word that is too wide', () => {
  expect(wrapText('one two three four', 9)).toEqual(['one two', 'three', 'four']);
  expect(wrapText('one two three four', 9, { indent: 2 })).toEqual(['one two', '  three', '  four']);
  expect(wrapText('abcdefghij kl', 4)).toEqual(['abcd', 'efgh', 'ij', 'kl']);
  const keep = { indent: 2, cutWords: false };
  expect(wrapText('label abcdefghijklm', 9, keep)).toEqual(['label abcdefghijklm']);
  expect(wrapText('label abcdefghijklm then more', 9, keep)).toEqual([
    'label abcdefghijklm',
    '  then',
    '  more',
  ]);
  expect(wrapText('  warning: too wide', 10, keep)).toEqual(['  warning:', '  too wide']);
  expect(wrapText('a\nb', 9)).toEqual(['a', 'b']);
});

test('a list has short lines, hardly one of them empty or long', () => {
  const names = Array.from({ length: 20 }, (_, at) => `name ${at}`);
  expect(isList(names, 10)).toBe(true);
  expect(isList([...names, '', 'fifteen letters'], 10)).toBe(true);
  expect(isList([...names, 'more than twenty letters'], 10)).toBe(false);
  expect(
    isList(
      names.flatMap((name, at) => (at % 4 === 3 ? [name, ''] : [name])),
      10,
    ),
  ).toBe(false);
  expect(isList(['a', 'b', 'c'], 10)).toBe(false);
});
