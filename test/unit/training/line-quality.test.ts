import { describe, expect, it } from 'vitest';
import type { Corpus } from '../../../training/corpus/corpus.ts';
import type { EvaluatedModel } from '../../../training/metrics/held-out.ts';
import { lineQualityText, measureLines } from '../../../training/metrics/line-quality.ts';

const alphabet = ['\n', 'a', 'b'];
const text = 'a\nab\nb\nab\n';
const ids = Uint8Array.from(text, (character) => alphabet.indexOf(character));
const corpus: Corpus = {
  ...{ source: 'lines', digest: 'sha256:0', kind: 'lines', alphabet, ids },
  ...{ training: ids.subarray(0, 7), heldOut: ids.subarray(7) },
};
/** After any character, the next by these logits. */
const model = (logits: (id: number) => number[]): EvaluatedModel => ({
  alphabet,
  start: () => ({ step: (id) => Float32Array.from(logits(id)), close: () => undefined }),
});
const never = -1000;

describe('measureLines', () => {
  it('counts lines that are whole, different, novel and valid', async () => {
    // a, then a newline or b; after b a newline: "a" and "ab", half and half.
    const learnt = model(
      (id) =>
        [
          [never, 0, never],
          [0, never, 0],
          [0, never, never],
        ][id]!,
    );
    const quality = await measureLines(learnt, corpus, /^(?:a)$/u);
    expect(quality).toMatchObject({
      ...{ lines: 500, whole: 1, unique: 2 / 500, novel: 0, examples: [] },
      ...{ check: 'a', corpusValid: 0.25 },
    });
    expect(quality.valid).toBeGreaterThan(0.4);
    expect(quality.valid).toBeLessThan(0.6);
    expect(lineQualityText(quality)).toMatch(
      /100\.0 % came .* 0\.4 % are different, 0\.0 % do not .* 25\.0 %/,
    );
  });

  it('counts a line without an end as none, and shows a few that are novel', async () => {
    const endless = await measureLines(
      model(() => [never, 0, never]),
      corpus,
      /^(?:a+)$/u,
    );
    expect(endless).toMatchObject({ whole: 0, valid: 0, novel: 1, examples: [] });
    const free = await measureLines(
      model(() => [0, 0, 0]),
      corpus,
    );
    expect(free.examples.length).toBe(12);
    expect(free.examples.filter((line) => ['a', 'ab', 'b'].includes(line))).toEqual([]);
    expect(free).not.toHaveProperty('valid');
  });
});
