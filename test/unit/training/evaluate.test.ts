import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateText, heldOutText, recode } from '../../../training/metrics/evaluate.ts';
import { type EvaluatedModel, evaluateHeldOut, lineStartsText } from '../../../training/metrics/held-out.ts';
import { OVERLAP_WINDOW, OverlapCounter, overlapWith } from '../../../training/metrics/overlap.ts';

describe('evaluateText', () => {
  it('sums what a model that always hopes for the next letter is surprised by', async () => {
    const logits = Float32Array.of(0, Math.log(2), 0, 0); // 1/5 2/5 1/5 1/5
    const fed: number[] = [];
    const step = (id: number) => {
      fed.push(id);
      return logits;
    };
    const result = await evaluateText(step, [0, 1, 1, 3, -1], { alphabetSize: 4 });
    const nats = [2 / 5, 2 / 5, 1 / 5].reduce((sum, p) => sum - Math.log(p), 0) + Math.log(8);
    expect(result.characters).toBe(4);
    expect(result.loss).toBeCloseTo(nats / 4, 6);
    expect(result.bitsPerCharacter).toBeCloseTo(nats / 4 / Math.log(2), 6);
    expect(result.perplexity).toBeCloseTo(Math.exp(nats / 4), 5);
    expect(result.accuracy).toBe(2 / 4);
    expect(result.unknown).toBe(1);
    expect(fed).toEqual([0, 1, 1, 3]);
  });

  it('reads the context without measuring it', async () => {
    const result = await evaluateText(() => Float32Array.of(0, 0), [0, 1, 0, 1, 1], {
      context: 3,
      alphabetSize: 2,
    });
    expect(result.characters).toBe(2);
  });

  it('measures a text of which the model knows nothing', async () => {
    const step = () => Float32Array.of(0, 0);
    const result = await evaluateText(step, [-1, -1, -1, 1], { alphabetSize: 50 });
    expect(result).toMatchObject({ characters: 2, unknown: 2, accuracy: 0 });
    expect(result.loss).toBeCloseTo(Math.log(100), 6);
  });

  it('refuses numbers that are not finite', async () => {
    const step = () => Float32Array.of(Number.NaN, 0);
    await expect(evaluateText(step, [0, 1], { alphabetSize: 2 })).rejects.toMatchObject({
      code: 'model_invalid',
    });
  });
});

describe('heldOutText', () => {
  it("is the last tenth in the model's own numbering, after what comes before it", () => {
    const ids = Uint8Array.from({ length: 1000 }, (_, at) => at % 3);
    const corpus = { ids, alphabet: ['a', 'b', 'c'], training: ids.subarray(0, 900) };
    const text = heldOutText(corpus, ['c', 'a']);
    expect(text.context).toBe(256);
    expect([...text.ids]).toEqual([...recode(ids.subarray(644), corpus.alphabet, ['c', 'a'])]);
    expect([...text.ids.subarray(0, 3)]).toEqual([0, 1, -1]); // 644 % 3 = 2: c, a, b
  });
});

describe('evaluateHeldOut', () => {
  const line = 'a line of thirty characters….\n';
  const alphabet = [...new Set(line)];
  const ids = Uint8Array.from(line.repeat(100), (character) => alphabet.indexOf(character));
  const corpus = { ids, alphabet, training: ids.subarray(0, 2700) };

  /** Knows the line by heart, but guesses until it has been fed so many characters. */
  const knowing = (guesses: number): EvaluatedModel => ({
    alphabet,
    start: () => {
      let fed = 0;
      return {
        step: (id) => {
          const logits = new Float32Array(alphabet.length);
          const next = line.indexOf(alphabet[id]!) + 1; // of its first occurrence
          fed++;
          if (fed > guesses && alphabet[id] === '\n') logits[alphabet.indexOf(line[0]!)] = 5;
          else if (fed > guesses) logits[alphabet.indexOf(line[next]!)] = 5;
          return logits;
        },
        close: () => undefined,
      };
    },
  });

  it('measures the beginnings of lines from a fresh start beside those in context', async () => {
    const same = await evaluateHeldOut(knowing(0), corpus);
    expect(same.lineStarts).toMatchObject({ lines: 10, characters: 20 });
    expect(same.lineStarts!.fresh).toBeCloseTo(same.lineStarts!.inContext, 5);
    const worse = await evaluateHeldOut(knowing(21), corpus);
    expect(worse.loss).toBeCloseTo(same.loss, 6);
    expect(worse.lineStarts!.inContext).toBeCloseTo(same.lineStarts!.inContext, 5);
    expect(worse.lineStarts!.fresh).toBeCloseTo(Math.log(alphabet.length), 5);
    expect(lineStartsText(worse.lineStarts!)).toMatch(
      / where a text starts with them, .* where they follow other text \(\+\d+/,
    );
  });

  it('has none of a text without lines', async () => {
    const plain = ids.filter((id) => alphabet[id] !== '\n');
    const without = { ids: plain, alphabet, training: plain.subarray(0, 2500) };
    expect(await evaluateHeldOut(knowing(0), without)).not.toHaveProperty('lineStarts');
  });
});

describe('OverlapCounter', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '😀'), minLength: 0, maxLength: 120 });

  it('counts the windows that stand in the corpus, however it is cut', () => {
    fc.assert(
      fc.property(
        letters,
        letters,
        fc.nat(40),
        fc.integer({ min: 1, max: 50 }),
        (corpus, free, cut, size) => {
          const characters = [...corpus];
          const generated = [...characters.slice(cut, cut + 45), ...free];
          const windows = generated.length - OVERLAP_WINDOW + 1;
          let copied = 0;
          for (let at = 0; at < windows; at++)
            if (
              `|${characters.join('|')}|`.includes(`|${generated.slice(at, at + OVERLAP_WINDOW).join('|')}|`)
            )
              copied++;
          const counter = new OverlapCounter([generated.join('')]);
          for (let at = 0; at < characters.length; at += size) {
            const block = Uint32Array.from(characters.slice(at, at + size), (one) => one.codePointAt(0)!);
            counter.push(block, block.length);
          }
          expect(counter.windows).toBe(Math.max(0, windows));
          expect(counter.share).toBeCloseTo(windows > 0 ? copied / windows : 0, 12);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('finds a passage of an encoded corpus in what was generated', () => {
    const text = Array.from({ length: 400 }, (_, at) => 'etaoin shrdlu'[(at * at + 3 * at) % 13]).join('');
    const alphabet = [...new Set(text)];
    const ids = Uint8Array.from(text, (character) => alphabet.indexOf(character));
    expect(overlapWith([text.slice(100, 200)], { ids, alphabet })).toEqual({ share: 1, windows: 69 });
    expect(overlapWith(['x'.repeat(40)], { ids, alphabet })).toEqual({ share: 0, windows: 9 });
  });
});
