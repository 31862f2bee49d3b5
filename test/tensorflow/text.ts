import { Random } from '../../src/model/sampling/random.ts';
import type { Corpus } from '../../training/corpus/corpus.ts';
import { heldOutStart } from '../../training/corpus/cut-text.ts';

/** A made-up text with something to learn in it: words of a small language, drawn at random. */
export const madeUpText = (words: number, seed = 1): string => {
  const random = Random.fromSeed(seed);
  const known = [
    'the',
    'king',
    'said',
    'unto',
    'his',
    'queen',
    'good',
    'night',
    'sweet',
    'and',
    'thou',
    'art',
  ];
  return Array.from({ length: words }, (_, index) => {
    const word = known[Math.floor(random.uniform() ** 2 * known.length)]!;
    return index % 11 === 10 ? `${word}.\n` : `${word} `;
  }).join('');
};

export const corpusOf = (text: string): Corpus => {
  const alphabet = [...new Set(text)].sort();
  const ids = Uint8Array.from(text, (character) => alphabet.indexOf(character));
  const split = heldOutStart(ids.length);
  return {
    ...{ kind: 'text' as const, source: 'made up', digest: 'sha256:0', alphabet, ids },
    ...{ training: ids.subarray(0, split), heldOut: ids.subarray(split) },
  };
};
