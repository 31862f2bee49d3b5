import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildCopyIndex,
  type CopyIndex,
  OverlapTracker,
  openCopyIndex,
} from '../../../src/model/copy-index.ts';
import { Random } from '../../../src/model/sampling/random.ts';
import { alphabetOfRandomModels, randomModel } from '../../random-model.ts';

const randomText = (length: number, seed: number): string => {
  const random = Random.fromSeed(seed);
  const letters = [...alphabetOfRandomModels];
  return Array.from({ length }, () => letters[Math.floor(random.uniform() * letters.length)]).join('');
};

const corpus = randomText(20_000, 1);
const index = openCopyIndex(buildCopyIndex(corpus));

/** The longest run of a text that stands in the corpus, by looking. */
const longestIn = (text: string): number => {
  for (let length = text.length; length > 0; length--) {
    for (let at = 0; at + length <= text.length; at++)
      if (corpus.includes(text.slice(at, at + length))) return length;
  }
  return 0;
};

const bound = (by: CopyIndex, text: string): number => {
  const tracker = new OverlapTracker(by);
  tracker.push(text);
  return tracker.longest;
};

describe('a copy index', () => {
  it('misses no copy: its bound is never below the overlap', () => {
    const piece = fc
      .tuple(fc.nat(19_900), fc.integer({ min: 0, max: 60 }))
      .map(([at, length]) => corpus.slice(at, at + length));
    const text = fc.array(fc.oneof(piece, fc.string({ unit: fc.constantFrom(...'abc .'), maxLength: 8 })), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(text, (parts) => {
        const whole = parts.join('');
        expect(bound(index, whole)).toBeGreaterThanOrEqual(longestIn(whole));
      }),
      { numRuns: 200 },
    );
  });

  it('raises few false alarms: about one window in twenty', () => {
    const other = [...randomText(5_000, 2)].map((character) => character.codePointAt(0)!);
    let alarms = 0;
    for (let at = 0; at + index.window <= other.length; at++) if (index.has(other, at)) alarms++;
    expect(alarms / other.length).toBeLessThan(0.08);
    expect(index.byteLength).toBeLessThan(0.8 * corpus.length);
  });

  it('counts code points, not units', () => {
    const faces = '😀😃😄😁😆😅🤣😂🙂🙃🫠😉😊😇🥰';
    expect(bound(openCopyIndex(buildCopyIndex(faces)), faces)).toBe(15);
  });

  it('is refused when it is damaged', () => {
    const bytes = buildCopyIndex(corpus);
    expect(() => openCopyIndex(bytes.subarray(0, 500))).toThrow(
      expect.objectContaining({ code: 'model_invalid' }),
    );
    expect(() => openCopyIndex(new Uint8Array(3))).toThrow(
      expect.objectContaining({ code: 'model_invalid' }),
    );
    expect(() => openCopyIndex(new Uint8Array(300))).toThrow(
      expect.objectContaining({ code: 'model_invalid' }),
    );
    expect(() => buildCopyIndex('short')).toThrow(expect.objectContaining({ code: 'corpus_too_small' }));
  });
});

describe('the copy guard', () => {
  // A text that the model itself writes: what it would repeat if nothing kept it.
  const written = async (model = randomModel()) =>
    (await model.complete({ seed: 3, length: 400, temperature: 0.7 }).result()).choices[0]!;

  it('steers away before N characters stand verbatim in the corpus', async () => {
    const model = randomModel();
    const own = (await written(model)).text;
    const guard = openCopyIndex(buildCopyIndex(own));
    for (const length of [12, 13, 20, 50]) {
      const { choices } = await model
        .complete({ seed: 3, length: 400, temperature: 0.7, copyGuard: { index: guard, length } })
        .result();
      const { text, overlap } = choices[0]!;
      expect([...text]).toHaveLength(400);
      for (let at = 0; at + length <= text.length; at++)
        expect(own).not.toContain(text.slice(at, at + length));
      expect(overlap!.characters).toBeLessThan(length);
    }
  });

  it('holds across a continuation', async () => {
    const model = randomModel();
    const own = (await written(model)).text;
    const copyGuard = { index: openCopyIndex(buildCopyIndex(own)), length: 30 };
    const options = { temperature: 0.7, copyGuard };
    const whole = await model.complete({ ...options, seed: 3, length: 200 }).result();
    const first = await model.complete({ ...options, seed: 3, length: 25 }).result();
    const second = await model.complete({ ...options, from: first.choices[0]!.state, length: 175 }).result();
    expect(first.choices[0]!.text + second.choices[0]!.text).toBe(whole.choices[0]!.text);
  });

  it('reports the longest overlap without steering', async () => {
    const model = randomModel();
    const own = (await written(model)).text;
    const overlap = openCopyIndex(buildCopyIndex(own));
    const { choices } = await model.complete({ seed: 3, length: 400, temperature: 0.7, overlap }).result();
    expect(choices[0]!.text).toBe(own);
    expect(choices[0]!.overlap).toEqual({ characters: 400, exact: false });
  });

  it('ends the text when every character would copy', async () => {
    const only = openCopyIndex(buildCopyIndex('a'.repeat(100)));
    const { choices } = await randomModel()
      .complete({ allowed: 'a', length: 50, copyGuard: { index: only, length: 20 } })
      .result();
    expect(choices[0]).toMatchObject({ text: 'a'.repeat(19), finishReason: 'stop' });
  });

  it('is refused below the index’s window', () => {
    expect(() => randomModel().complete({ copyGuard: { index, length: 11 } })).toThrow(/from 12/);
  });
});
