import { expect, it } from 'vitest';
import { decodeFloat16 } from '../../../src/model/weights.ts';

interface Float16ArrayConstructor {
  new (buffer: ArrayBuffer): ArrayLike<number>;
}

it('decodes every half as this host does', () => {
  const { Float16Array } = globalThis as unknown as { Float16Array: Float16ArrayConstructor };
  const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  expect(decodeFloat16(halves)).toEqual(new Float32Array(new Float16Array(halves.buffer)));
});
