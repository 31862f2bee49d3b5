import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { decodeFloat16, decodeFloat16Plainly, Halves } from '../../../src/model/format/halves.ts';
import { createKernelStepper } from '../../../src/model/kernel/kernel-stepper.ts';
import { PRECISIONS, type Precision, type Stepper } from '../../../src/model/stepper.ts';
import { halvesOf, inHalves } from '../../in-halves.ts';
import { prune, randomNetwork } from '../../random-network.ts';

it('float16: every value is decoded as by this host, wherever it stands', () => {
  const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const values = new Float32Array(new Float16Array(halves.buffer));
  for (const decode of [decodeFloat16, decodeFloat16Plainly]) {
    expect(decode(halves)).toEqual(values);
    expect(decode(halves.subarray(3, 9))).toEqual(values.subarray(3, 9));
  }
});

const layers = [
  { kind: 'lstm', units: 50 },
  { kind: 'gru', units: 37, resetAfter: false },
  { kind: 'gru', units: 48, resetAfter: true },
] as const;
const drawn = randomNetwork({ vocabulary: 65, layers, seed: 1 });
const pruned = prune(randomNetwork({ vocabulary: 65, layers, seed: 1 }), 0.8, 1);

it.each(
  PRECISIONS.flatMap((precision) => [
    [precision, 'dense', drawn] as const,
    [precision, 'block-sparse', pruned] as const,
  ]),
)('float16: halves are packed as their values are: %s, %s', (precision, _, network) => {
  const kept = createKernelStepper(inHalves(network), precision);
  const decoded = createKernelStepper(
    inHalves<never>(network, (_name, halves) => decodeFloat16(halves)),
    precision,
  );
  expect(kept.kernel).toEqual(decoded.kernel);
  expect(kept.byteLength).toBeLessThanOrEqual(decoded.byteLength);
  const [a, b] = [kept.open(), decoded.open()];
  for (let id = 0; id < 65; id++) expect(kept.step([a], [id])).toEqual(decoded.step([b], [id]));
});

it('float16: bytes at an odd address are read as well', () => {
  const bytes = new Uint8Array([0, 0x00, 0x3c, 0x00, 0xc0]).subarray(1);
  const halves = new Halves('kernel', bytes);
  expect([halves.length, ...halves.toFloat32()]).toEqual([2, 1, -2]);
});

it.each([
  [0x7c00, 'Infinity'],
  [0xfc00, '-Infinity'],
  [0x7c01, 'NaN'],
  [0xffff, 'NaN'],
])('float16: a matrix with a value that is not finite is refused by name: %i', (stray, received) => {
  const { length } = drawn.layers[1]!.kind === 'gru' ? drawn.layers[1]!.recurrent : [];
  for (const at of [0, length >> 1, length - 1]) {
    for (const precision of PRECISIONS) {
      const network = inHalves(drawn, (name, halves) => {
        if (name === 'gru_2/recurrent_kernel') halves[at] = stray;
        return halvesOf(name, halves);
      });
      expect(() => createKernelStepper(network, precision)).toThrow(
        expect.objectContaining({
          code: 'model_invalid',
          details: expect.objectContaining({
            where: 'gru_2/recurrent_kernel',
            expected: 'finite values',
            received,
          }),
        }),
      );
    }
  }
});

it('float16: the largest half is packed', () => {
  const network = inHalves(drawn, (name, halves) => {
    halves[0] = 0x7bff;
    return halvesOf(name, halves);
  });
  const stepper = createKernelStepper(network, 'f32');
  expect(stepper.step([stepper.open()], [0]).every(Number.isFinite)).toBe(true);
});

/** A stepper, and its network's matrices, to which nobody else refers. */
const packed = (precision: Precision): { stepper: Stepper; matrices: readonly WeakRef<Halves>[] } => {
  const matrices: WeakRef<Halves>[] = [];
  const network = inHalves(drawn, (name, halves) => {
    const matrix = halvesOf(name, halves);
    matrices.push(new WeakRef(matrix));
    return matrix;
  });
  return { stepper: createKernelStepper(network, precision), matrices };
};

it.each(PRECISIONS)('float16: published weights are let go once they are packed: %s', async (precision) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { stepper, matrices } = packed(precision);
  const kept = (): number => matrices.filter((matrix) => matrix.deref() !== undefined).length;
  // What a WeakRef is made of, or asked for, lives as long as the turn; a collector may leave some for its next time.
  for (let turn = 0; turn < 20 && (turn === 0 || kept() > 0); turn++) {
    await new Promise((resolve) => setTimeout(resolve));
    collect();
  }
  expect(kept()).toBe(0);
  stepper.dispose();
});
