import { expect, it } from 'vitest';
import { decodeFloat16 } from '../../../src/model/format/weights.ts';
import { createKernelStepper } from '../../../src/model/kernel/kernel-stepper.ts';
import { decodeFiniteFloat16 } from '../../../src/model/kernel/packing/float16.ts';
import type { GruLayer, LstmLayer, Network } from '../../../src/model/network.ts';
import { numbers, randomNetwork } from '../../random-network.ts';

interface Float16ArrayConstructor {
  new (buffer: ArrayBuffer): ArrayLike<number>;
}

it('float16: every value is decoded as by this host', () => {
  const { Float16Array } = globalThis as unknown as { Float16Array: Float16ArrayConstructor };
  const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  expect(decodeFloat16(halves)).toEqual(new Float32Array(new Float16Array(halves.buffer)));
});

const bytesOf = (halves: Uint16Array): Uint8Array => new Uint8Array(halves.buffer);

it('float16: the kernel decodes finite values as plain code does, whatever their number', () => {
  const every = Uint16Array.from({ length: 65_536 }, (_, i) => i).filter(
    (half) => (half & 0x7c00) !== 0x7c00,
  );
  for (const length of [every.length, every.length - 1, every.length - 5]) {
    const halves = every.slice(0, length);
    expect(decodeFiniteFloat16(bytesOf(halves))).toEqual(decodeFloat16(halves));
  }
});

it.each([0x7c00, 0xfc00, 0x7e00, 0xffff])(
  'float16: an array with a value that is not finite is decoded in plain code: %i',
  (stray) => {
    for (const at of [0, 12_345, 49_999]) {
      const halves = new Uint16Array(50_000).fill(0x3c00);
      halves[at] = stray;
      expect(decodeFiniteFloat16(bytesOf(halves))).toBeUndefined();
    }
  },
);

it.each(['f32', 'int8'] as const)(
  'float16: weights decoded in place are packed like a copy: %s',
  (precision) => {
    const layers = [
      { kind: 'lstm', units: 50 },
      { kind: 'gru', units: 37, resetAfter: false },
      { kind: 'gru', units: 48, resetAfter: true },
    ] as const;
    const network = randomNetwork({ vocabulary: 65, layers, seed: 1 });

    /** The network with other weights, drawn as halves of up to 1/2 in size. */
    const drawn = (decode: (halves: Uint16Array) => Float32Array): Network => {
      const next = numbers(2);
      const weights = (length: number): Float32Array =>
        decode(Uint16Array.from({ length }, () => (next() < 0.5 ? 0x8000 : 0) + Math.floor(next() * 0x3800)));
      return {
        ...network,
        layers: (network.layers as readonly (LstmLayer | GruLayer)[]).map((layer) => ({
          ...layer,
          kernel: weights(layer.kernel.length),
          recurrent: weights(layer.recurrent.length),
        })),
        output: { ...network.output, kernel: weights(network.output.kernel.length) },
      };
    };

    const there = createKernelStepper(
      drawn((halves) => decodeFiniteFloat16(bytesOf(halves))!),
      precision,
    );
    const copied = createKernelStepper(drawn(decodeFloat16), precision);
    const [a, b] = [there.open(), copied.open()];
    for (let id = 0; id < 65; id++) expect(there.step([a], [id])).toEqual(copied.step([b], [id]));
  },
);
