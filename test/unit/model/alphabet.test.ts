import { describe, expect, it } from 'vitest';
import { createAlphabet } from '../../../src/model/format/alphabet.ts';

describe('an alphabet', () => {
  it.each([
    ['a list', ['\n', 'a', 'é', '😀']],
    ['an object of character to id', { '\n': 0, é: 2, '😀': 3, a: 1 }],
    ['a text', '\naé😀'],
    ['a text that an editor ended', '\naé😀\n'],
  ])('is read from %s', (_, given) => {
    const alphabet = createAlphabet(given, 4);
    expect(alphabet.characters).toEqual(['\n', 'a', 'é', '😀']);
    expect(alphabet.encode('😀a')).toEqual({ ids: [3, 1], replaced: [] });
    expect(alphabet.decode([2, 0, 3])).toBe('é\n😀');
  });

  it('is read from a text of one character a line', () => {
    expect(createAlphabet('a\nb\n \n', 3).characters).toEqual(['a', 'b', ' ']);
  });

  it('leaves ids without a character out of every text', () => {
    const alphabet = createAlphabet({ a: 1, b: 3 }, 4);
    expect(alphabet.characters).toEqual(['', 'a', '', 'b']);
    expect(alphabet.idOf('')).toBeUndefined();
  });

  it('leaves out id 0 where an Embedding masked it', () => {
    const alphabet = createAlphabet({ a: 0, b: 1, c: 2 }, 3, true);
    expect(alphabet.characters).toEqual(['', 'b', 'c']);
    expect(alphabet.idOf('a')).toBeUndefined();
    const ids = createAlphabet(undefined, 3, true);
    expect(ids.idOf('0')).toBeUndefined();
    expect(ids.idOf('2')).toBe(2);
  });

  it.each([
    ['a list of fewer characters than ids', ['a', 'b'], 3],
    ['a text of fewer characters than ids', 'ab', 4],
    ['a character twice', ['a', 'a'], 2],
    ['more characters than ids', ['a', 'b', 'c'], 2],
    ['an id twice', { a: 0, b: 0 }, 2],
    ['an id that is none', { a: 0.5 }, 2],
    ['an id beyond the model', { a: 7 }, 2],
    ['no character', [], 2],
    ['numbers', [1, 2], 2],
    ['a number', 7, 2],
  ])('is refused with %s', (_, given, size) => {
    expect(() => createAlphabet(given, size)).toThrow(expect.objectContaining({ code: 'model_invalid' }));
  });

  describe('meets characters that the model does not know', () => {
    const alphabet = createAlphabet(['\n', ' ', '!', "'", '-', '3', 'A', 'S', 'a', 'e', 'f', 'i', 's'], 13);

    it('with an error that names the first', () => {
      expect(() => alphabet.encode('aé')).toThrow(
        expect.objectContaining({ code: 'unknown_character', message: expect.stringContaining('U+00E9') }),
      );
    });

    it('by skipping them', () => {
      expect(alphabet.encode('a?é', 'skip')).toEqual({
        ids: [8],
        replaced: [
          { at: 1, character: '?', by: '' },
          { at: 2, character: 'é', by: '' },
        ],
      });
    });

    it.each([
      ['é', 'e'],
      ['É', 'e'],
      ['ﬁ', 'fi'],
      ['ß', 'ss'],
      ['æ', 'ae'],
      ['’', "'"],
      ['—', '-'],
      ['\t', ' '],
      ['\u00a0', ' '],
      ['\r', '\n'],
      ['7', '3'],
      ['Z', 'S'],
      ['z', 's'],
      ['?', '-'],
      ['ж', ''], // of another alphabet
      ['字', ''],
      ['😀', ''],
      ['$', ''],
      ['\u0301', ''],
    ])('by the nearest: %j as %j', (character, by) => {
      expect(alphabet.decode(alphabet.encode(character, 'nearest').ids)).toBe(by);
      expect(alphabet.encode(`a${character}`, 'nearest').replaced).toEqual([{ at: 1, character, by }]);
    });
  });

  it('drops a mark where the model knows none, in place of writing a letter', () => {
    const letters = createAlphabet(['\n', ...'ABCabc'], 7);
    expect(letters.encode('a: b', 'nearest')).toEqual({
      ids: [4, 0, 5],
      replaced: [
        { at: 1, character: ':', by: '' },
        { at: 2, character: ' ', by: '\n' },
      ],
    });
  });

  it('is the ids where the model has none', () => {
    const ids = createAlphabet(undefined, 12);
    expect(ids.kind).toBe('ids');
    expect(ids.encode('3  11\n0')).toEqual({ ids: [3, 11, 0], replaced: [] });
    expect(`3 11${ids.piece(0)}`).toBe('3 11 0');
    expect(() => ids.encode('12')).toThrow(/0 to 11|no id/);
    expect(ids.encode('12 x 1', 'skip').replaced).toHaveLength(2);
  });
});
