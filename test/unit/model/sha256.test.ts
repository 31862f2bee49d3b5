import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sha256 } from '../../../src/model/format/sha256.ts';

it('sha256 agrees with Node’s', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(Buffer.from(sha256([bytes.subarray(0, 7), bytes.subarray(7)])).toString('hex')).toBe(
        createHash('sha256').update(bytes).digest('hex'),
      );
    }),
    { numRuns: 300 },
  );
});
