import { describe, expect, test } from 'vitest';
import { fittedText } from '../../../training/report/fitted-text.ts';

describe('fittedText', () => {
  test('leaves alone what fits, and wraps long lines between words', () => {
    expect(fittedText('one\n\ntwo\n', 20)).toEqual(['one', '', 'two']);
    expect(fittedText('a line that is longer than its room', 12)).toEqual([
      'a line that',
      'is longer',
      'than its',
      'room',
    ]);
    expect(fittedText('x'.repeat(25), 10)).toEqual(['x'.repeat(10), 'x'.repeat(10), 'xxxxx']);
  });

  test('shows eight rows of a long text, and how many more there are', () => {
    const text = Array.from(
      { length: 20 },
      (_, at) => `this is a rather long line of the text, number ${at}`,
    ).join('\n');
    const rows = fittedText(text, 60);
    expect(rows).toHaveLength(9);
    expect(rows.at(-1)).toBe('… 12 more lines');
  });

  test('puts a list into columns, read down, as many as there is room for', () => {
    const names = Array.from({ length: 12 }, (_, at) => `name-${String(at).padStart(2, '0')}`);
    expect(fittedText(names.join('\n'), 30)).toEqual([
      'name-00  name-04  name-08',
      'name-01  name-05  name-09',
      'name-02  name-06  name-10',
      'name-03  name-07  name-11',
    ]);
    const many = Array.from({ length: 100 }, (_, at) => `name-${String(at).padStart(2, '0')}`);
    const rows = fittedText(many.join('\n'), 76);
    expect(rows).toHaveLength(9);
    expect(rows.at(-1)).toBe('… 36 more lines');
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThanOrEqual(76);
  });

  test('a list stays one where a line of it is empty or long', () => {
    const names = Array.from({ length: 30 }, (_, at) => `name-${at}`);
    const rows = fittedText([...names, '', 'a name of forty characters, or about so'].join('\n'), 76);
    expect(rows.join(' ')).toMatch(/name-0 +name-/);
    expect(rows.join('\n')).not.toContain('about so');
    const verse = Array.from({ length: 30 }, (_, at) => (at % 5 === 4 ? '' : `verse-${at}`));
    expect(fittedText(verse.join('\n'), 76)[1]).toBe('verse-1');
  });

  test('counts characters and not UTF-16 units', () => {
    const rows = fittedText(Array.from({ length: 9 }, () => '😀😀').join('\n'), 10);
    expect(rows).toEqual(['😀😀  😀😀  😀😀', '😀😀  😀😀  😀😀', '😀😀  😀😀  😀😀']);
  });
});
