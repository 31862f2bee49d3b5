import { expect, test } from 'vitest';
import { checkPrecision } from '../../../src/training-jobs/bfloat16.ts';

test.each([
  'flags\t\t: fpu avx2 avx512_bf16 clzero\n',
  'processor\t: 0\nflags\t\t: fpu amx_bf16 amx_tile\n',
  'BogoMIPS\t: 243.75\nFeatures\t: fp asimd bf16 i8mm\n',
])('bf16 is taken where the processor has it: %j', (processor) => {
  expect(() => checkPrecision('bf16', processor)).not.toThrow();
});

test.each(['', 'flags\t\t: fpu avx2 avx512f\n', 'model name\t: bf16\n'])(
  'bf16 is refused where it does not: %j',
  (processor) => {
    expect(() => checkPrecision('bf16', processor)).toThrow(
      expect.objectContaining({
        code: 'invalid_parameter',
        details: expect.objectContaining({ where: 'precision', expected: 'f32' }),
      }),
    );
    expect(() => checkPrecision('f32', processor)).not.toThrow();
    expect(() => checkPrecision(undefined, processor)).not.toThrow();
  },
);
