import { readFileSync } from 'node:fs';
import { FolioError } from '../errors.ts';
import type { TrainingPrecision } from './training-jobs.ts';

/** As Linux names them: x86's AVX-512 and AMX, Arm's. */
const instructions = /^(?:flags|Features)\s*:.*\b(?:avx512_bf16|amx_bf16|bf16)\b/m;

/** The processor's description by Linux; none elsewhere. */
const described = (): string => {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
};

/** Whether the processor is known to have them. */
export const hasBfloat16 = (processor = described()): boolean => instructions.test(processor);

/**
 * Without such instructions TensorFlow multiplies bfloat16 at less than half the speed of float32, or ends the process.
 *
 * @throws FolioError `invalid_parameter` for bf16 where the processor is not known to have them
 */
export const checkPrecision = (precision: TrainingPrecision | undefined, processor?: string): void => {
  if (precision !== 'bf16' || hasBfloat16(processor)) return;
  throw new FolioError(
    'invalid_parameter',
    'Training in bf16 needs Linux on a processor with instructions for bfloat16; here are none that Folio knows of.',
    { where: 'precision', expected: 'f32', received: 'bf16' },
  );
};
