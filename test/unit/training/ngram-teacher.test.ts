import { describe, expect, it } from 'vitest';
import type { TrainingChunk } from '../../../training/loop/chunks.ts';
import { generateByNgrams, NgramTeacher } from '../../../training/loop/distillation/ngram-teacher.ts';
import { NgramModel } from '../../../training/metrics/ngram-model.ts';
import { echoes } from './echoes.ts';

describe('generateByNgrams', () => {
  const ngrams = new NgramModel(echoes(20_000), 4);

  it('writes texts like the one that was counted, each begun with the character fed first, the same for the same seed', async () => {
    const text = (await generateByNgrams(ngrams, 2, 5000, 1))!;
    expect(text).toHaveLength(2 * 4096);
    expect([text[0], text[4096]]).toEqual([2, 2]);
    const echoed = text.filter((id, at) => at >= 5 && id === text[at - 5]).length / text.length;
    expect(echoed).toBeGreaterThan(0.85);
    expect(echoed).toBeLessThan(0.97);
    expect(await generateByNgrams(ngrams, 2, 5000, 1)).toEqual(text);
    expect(await generateByNgrams(ngrams, 2, 5000, 2)).not.toEqual(text);
  });

  it('stops when it is asked to', async () => {
    expect(await generateByNgrams(ngrams, 2, 5000, 1, AbortSignal.abort())).toBeUndefined();
  });
});

describe('NgramTeacher', () => {
  it('expects by what a stream has read, leaving out each place of the text itself', () => {
    const text = echoes(600);
    const generated = echoes(100).reverse();
    const ngrams = new NgramModel(text, 4);
    const [batch, length] = [3, 8];
    const chunk: TrainingChunk = {
      ...{ batch, length, own: 2, inputs: new Int32Array(24), targets: new Int32Array(24) },
      ...{ places: Float64Array.of(40, 595, 20), begins: Uint8Array.of(1, 0, 0) },
    };
    const rows = new NgramTeacher(ngrams, generated).probabilities(chunk);
    const row = new Float64Array(4);
    const expected = (b: number, t: number) =>
      Array.from(rows.subarray((t * batch + b) * 4, (t * batch + b + 1) * 4), (value) =>
        Number(value.toFixed(6)),
      );
    const rounded = () => Array.from(row, (value) => Number(Math.fround(value).toFixed(6)));
    for (let t = 0; t < length; t++) {
      ngrams.probabilitiesOfOthers(40 + t, t + 1, row); // begun here: nothing before was read
      expect(expected(0, t)).toEqual(rounded());
      ngrams.probabilitiesOfOthers((595 + t) % 600, 5, row); // the text is a ring
      expect(expected(1, t)).toEqual(rounded());
      ngrams.probabilities(generated, 20 + t, 5, row);
      expect(expected(2, t)).toEqual(rounded());
    }
  });
});
