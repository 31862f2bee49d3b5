import { expect, it } from 'vitest';
import { decodeFiniteFloat16 } from '../../../src/model/kernel/float16.ts';
import { decodeFloat16 } from '../../../src/model/weights.ts';

interface Float16ArrayConstructor {
  new (buffer: ArrayBuffer): ArrayLike<number>;
}

it('decodes every half as this host does', () => {
  const { Float16Array } = globalThis as unknown as { Float16Array: Float16ArrayConstructor };
  const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  expect(decodeFloat16(halves)).toEqual(new Float32Array(new Float16Array(halves.buffer)));
});

const bytesOf = (halves: Uint16Array): Uint8Array => new Uint8Array(halves.buffer);

it('decodes finite halves in the kernel as in plain code, whatever their number', () => {
  const every = Uint16Array.from({ length: 65_536 }, (_, i) => i).filter(
    (half) => (half & 0x7c00) !== 0x7c00,
  );
  for (const length of [every.length, every.length - 1, every.length - 5]) {
    const halves = every.slice(0, length);
    expect(decodeFiniteFloat16(bytesOf(halves))).toEqual(decodeFloat16(halves));
  }
});

it.each([0x7c00, 0xfc00, 0x7e00, 0xffff])(
  'leaves halves of which one is not finite to plain code: %i',
  (stray) => {
    for (const at of [0, 12_345, 49_999]) {
      const halves = new Uint16Array(50_000).fill(0x3c00);
      halves[at] = stray;
      expect(decodeFiniteFloat16(bytesOf(halves))).toBeUndefined();
    }
  },
);
