import { describe, expect, it } from 'vitest';
import { FolioError } from '../src/errors.ts';
import { type Network, stateLength } from '../src/model/network.ts';
import type { Stepper } from '../src/model/stepper.ts';
import { randomNetwork } from './random-network.ts';

const network = randomNetwork({
  vocabulary: 11,
  layers: [
    { kind: 'lstm', units: 19 },
    { kind: 'gru', units: 6, resetAfter: false },
  ],
  seed: 7,
});

const feed = (stepper: Stepper, slot: number, ids: readonly number[]): Float32Array =>
  ids.reduce((_, id) => stepper.step([slot], [id]).slice(), new Float32Array(0));

/** What every stepper keeps to, however it computes. */
export const stepCases = (create: (network: Network) => Stepper): void => {
  describe('a stepper', () => {
    it('has the network’s sizes', () => {
      const stepper = create(network);
      expect(stepper.vocabulary).toBe(11);
      expect(stepper.stateLength).toBe(stateLength(network));
      expect(stepper.stateLength).toBe(2 * 19 + 6);
      expect(stepper.byteLength).toBeGreaterThan(1000);
    });

    it('starts from zeros and gives finite logits', () => {
      const stepper = create(network);
      const slot = stepper.open();
      expect(stepper.read(slot)).toEqual(new Float32Array(stepper.stateLength));
      const logits = stepper.step([slot], [3]);
      expect(logits).toHaveLength(11);
      expect(logits.every(Number.isFinite)).toBe(true);
      expect(new Set(logits).size).toBeGreaterThan(5);
      expect(stepper.read(slot).every(Number.isFinite)).toBe(true);
    });

    it('is deterministic and depends on what it was fed', () => {
      const stepper = create(network);
      const [a, b, c] = [stepper.open(), stepper.open(), stepper.open()];
      expect(feed(stepper, a, [1, 2, 3])).toEqual(feed(stepper, b, [1, 2, 3]));
      expect(feed(stepper, c, [2, 1, 3])).not.toEqual(feed(stepper, b, [1, 2, 3]));
    });

    it.each([1, 2, 3, 8, 9, 19])('advances %i runs together as it does one by one', (n) => {
      const stepper = create(network);
      const together = Array.from({ length: n }, () => stepper.open());
      const alone = Array.from({ length: n }, () => stepper.open());
      for (let t = 0; t < 5; t++) {
        const ids = together.map((_, i) => (3 * i + t * t) % 11);
        const joint = stepper.step(together, ids).slice();
        alone.forEach((slot, i) => {
          const logits = stepper.step([slot], [ids[i]!]);
          // f32 may round otherwise in a row of another tile; whole numbers may not
          const digits = stepper.precision === 'f32' ? 5 : 20;
          logits.forEach((logit, c) => {
            expect(joint[i * 11 + c]).toBeCloseTo(logit, digits);
          });
        });
      }
    });

    it('goes on from a copied state, in another stepper too', () => {
      const stepper = create(network);
      const slot = stepper.open();
      feed(stepper, slot, [1, 2, 3, 4]);
      const state = stepper.read(slot);
      const kept = state.slice();
      const next = feed(stepper, slot, [5, 6]);
      expect(state).toEqual(kept);

      const fork = stepper.open();
      stepper.write(fork, state);
      expect(stepper.read(fork)).toEqual(state);
      expect(feed(stepper, fork, [5, 6])).toEqual(next);

      const other = create(network);
      const moved = other.open();
      other.write(moved, state);
      expect(feed(other, moved, [5, 6])).toEqual(next);
    });

    it('hands a closed slot out again, with a state of zeros', () => {
      const stepper = create(network);
      const fresh = feed(stepper, stepper.open(), [4]);
      const slot = stepper.open();
      feed(stepper, slot, [1, 2, 3]);
      stepper.close(slot);
      expect(stepper.open()).toBe(slot);
      expect(feed(stepper, slot, [4])).toEqual(fresh);
    });

    it('keeps the other runs while it makes room', () => {
      const stepper = create(network);
      const slot = stepper.open();
      const other = create(network);
      const expected = feed(other, other.open(), [1, 2, 3, 4]);
      feed(stepper, slot, [1, 2]);
      const more = Array.from({ length: 200 }, () => stepper.open());
      stepper.step(
        more,
        more.map((_, i) => i % 11),
      );
      expect(feed(stepper, slot, [3, 4])).toEqual(expected);
    });

    it.each([
      ['a character beyond the vocabulary', [0], [11]],
      ['a negative character', [0], [-1]],
      ['a fraction of a character', [0], [0.5]],
      ['not a number', [0], [Number.NaN]],
      ['a slot that was never opened', [5], [0]],
      ['a slot twice', [0, 0], [1, 1]],
      ['fewer characters than slots', [0], []],
    ])('refuses %s', (_, slots, ids) => {
      const stepper = create(network);
      stepper.open();
      const before = stepper.read(0);
      expect(() => stepper.step(slots, ids)).toThrow(FolioError);
      expect(stepper.read(0)).toEqual(before);
    });

    it('refuses a closed slot and a state of another length', () => {
      const stepper = create(network);
      const slot = stepper.open();
      expect(() => stepper.write(slot, new Float32Array(3))).toThrow(FolioError);
      stepper.close(slot);
      expect(() => stepper.read(slot)).toThrow(FolioError);
      expect(() => stepper.write(slot, new Float32Array(stepper.stateLength))).toThrow(FolioError);
      expect(() => stepper.close(slot)).toThrow(FolioError);
    });
  });
};
