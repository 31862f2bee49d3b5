import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ContinuationSigner } from '../../../src/api/request/continuation.ts';

const signer = new ContinuationSigner('a secret of the server');
const continuation = {
  model: 'tiny',
  version: 'v1',
  digest: 'sha256:00',
  precision: 'int8',
  seed: 7,
  state: Uint8Array.from({ length: 300 }, (_, i) => i),
} as const;
const refusal = expect.objectContaining({ code: 'state_mismatch', status: 422 }) as Error;

test('a signed continuation opens under its own key', () => {
  expect(signer.open(signer.seal(continuation))).toEqual(continuation);
});

test('a continuation signed by another key is refused', () => {
  const foreign = new ContinuationSigner('a secret of another').seal(continuation);
  expect(() => signer.open(foreign)).toThrow(refusal);
});

test('a continuation with any byte changed is refused, and so is any other text', () => {
  const bytes = Buffer.from(signer.seal(continuation), 'base64url');
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ change;
      expect(() => signer.open(changed.toString('base64url'))).toThrow(refusal);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(() => signer.open(text)).toThrow(refusal);
    }),
  );
});
