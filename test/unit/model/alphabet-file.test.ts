import { describe, expect, it } from 'vitest';
import { createAlphabet } from '../../../src/model/format/alphabet.ts';
import { alphabetOfText, findAlphabet, parseAlphabet } from '../../../src/model/format/alphabet-file.ts';
import { openModel } from '../../../src/model/open-model.ts';
import { alphabetOfRandomModels, filesOf, randomFiles } from '../../random-model.ts';

const bytesOf = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

const tokenizer = {
  class_name: 'Tokenizer',
  config: { char_level: true, word_index: JSON.stringify({ a: 1, '\n': 2, é: 3 }) },
};

describe('an alphabet as people keep it', () => {
  it.each<[string, string, unknown]>([
    ['character to id', 'char2idx.json', { a: 1, '\n': 2, é: 3 }],
    ['character to id, as texts', 'vocab.json', { a: '1', '\n': '2', é: '3' }],
    ['id to character', 'idx2char.json', { 1: 'a', 2: '\n', 3: 'é' }],
    [
      'pairs',
      'vocab.json',
      [
        ['a', 1],
        ['\n', 2],
        ['é', 3],
      ],
    ],
    [
      'pairs the other way round',
      'vocab.json',
      [
        [1, 'a'],
        [2, '\n'],
        [3, 'é'],
      ],
    ],
    ['within an object', 'meta.json', { epoch: 3, stoi: { a: 1, '\n': 2, é: 3 } }],
    ['a Keras tokenizer', 'tokenizer.json', tokenizer],
    ['a Keras tokenizer as JSON within JSON', 'tokenizer.json', JSON.stringify(JSON.stringify(tokenizer))],
    ['Keras’ vocabulary.txt', 'vocabulary.txt', '\n[UNK]\n\n\né\n'],
  ])('is read from %s', (_, file, value) => {
    const { characters } = createAlphabet(parseAlphabet(bytesOf(value), file), 4);
    const expected = file === 'vocabulary.txt' ? ['', '', '\n', 'é'] : ['', 'a', '\n', 'é'];
    expect(characters).toEqual(expected);
  });

  it.each<[string, string, unknown]>([
    ['a list', 'chars.json', ['a', 'b', 'c']],
    ['a list under a name', 'x.json', { chars: ['a', 'b', 'c'] }],
    ['a text under a name', 'x.json', { chars: 'abc' }],
    ['plain text', 'chars.txt', 'abc'],
  ])('is read from %s', (_, file, value) => {
    expect(createAlphabet(parseAlphabet(bytesOf(value), file), 3).characters).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['a newline as the last entry', '\n[UNK]\na\n\n', ['', '', 'a', '\n']],
    ['a newline as the first entry', '\n\na\nb', ['\n', 'a', 'b']],
    ['a newline after the mask', '\n\n\na', ['', '\n', 'a']],
    [
      'StringLookup, whose first entry is the unknown',
      '[UNK]\n \nt\n\n\nu\n\r\n\t',
      ['', ' ', 't', '\n', 'u', '\r', '\t'],
    ],
    ['no entry for the unknown', 'a\nb\nc', ['a', 'b', 'c']],
  ])('is read from vocabulary.txt with %s', (_, text, expected) => {
    expect(
      createAlphabet(parseAlphabet(bytesOf(text), 'vocabulary.txt'), expected.length).characters,
    ).toEqual(expected);
  });

  it('is refused where it is none, naming the known forms', () => {
    expect(() => parseAlphabet(bytesOf({ a: [1], b: {} }), 'other.json')).toThrow(
      expect.objectContaining({ code: 'model_invalid', message: expect.stringContaining('"char2idx"') }),
    );
  });

  it('is not found in what has none', () => {
    expect(findAlphabet({ epoch: 3, loss: [1, 2] })).toBeUndefined();
  });

  it('of a text is its characters by code point', () => {
    expect(alphabetOfText('ba\n😀é😀')).toEqual(['\n', 'a', 'b', 'é', '😀']);
  });
});

describe('an alphabet beside a model', () => {
  const { json, weights } = randomFiles();
  const files = filesOf(json, weights);
  const open = (more: Record<string, Uint8Array>) => {
    const all = { ...files, ...more };
    return openModel((file) => Promise.resolve(all[file]));
  };
  const ids = Object.fromEntries([...alphabetOfRandomModels].map((character, id) => [character, id]));

  it.each(['char2idx.json', 'vocab.json', 'alphabet.json'])('is found in %s, and named', async (file) => {
    const model = await open({ [file]: bytesOf(ids) });
    expect(model.alphabet.characters.join('')).toBe(alphabetOfRandomModels);
    expect(model.info.alphabetFile).toBe(file);
  });

  it('is absent where a page or something else stands in its place', async () => {
    const model = await open({
      'char2idx.json': bytesOf('<!DOCTYPE html><html></html>'),
      'vocab.json': bytesOf({ version: '1.0', model: { type: 'BPE', merges: [] } }),
    });
    expect(model.alphabet.kind).toBe('ids');
  });
});
