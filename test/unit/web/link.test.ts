import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultSettings } from '../../../src/web/generation.ts';
import { readLink, writeLink } from '../../../src/web/link.ts';

test('a link carries a request and its model there and back', () => {
  const request = fc.record({
    prompt: fc.string({ unit: 'grapheme' }),
    length: fc.integer({ min: 1, max: 5000 }),
    seed: fc.maxSafeNat(),
    n: fc.integer({ min: 1, max: 4 }),
    temperature: fc.double({ min: 0, max: 2, noNaN: true }),
    topP: fc.double({ min: 0, max: 1, noNaN: true }),
    topK: fc.nat(60),
    minP: fc.double({ min: 0, max: 1, noNaN: true }),
    typicalP: fc.double({ min: 0, max: 1, noNaN: true }),
    repetitionPenalty: fc.double({ min: 1, max: 2, noNaN: true }),
    frequencyPenalty: fc.double({ min: 0, max: 2, noNaN: true }),
    copyGuard: fc.nat(200),
    stop: fc.string({ unit: 'grapheme' }),
    unknown: fc.constantFrom('error', 'skip', 'nearest'),
  });
  const plusZero = (value: object) => JSON.parse(JSON.stringify(value)) as unknown; // a link has no -0
  fc.assert(
    fc.property(request, fc.option(fc.string(), { nil: undefined }), (asked, model) => {
      const back = readLink(`#${writeLink({ model, request: asked })}`);
      expect(back?.model).toBe(model);
      expect(plusZero(back?.request ?? {})).toEqual(plusZero(asked));
    }),
  );
});

test('a link says only what differs from the plain settings, and what it must', () => {
  const link = writeLink({ model: 'shakespeare@1', request: { ...defaultSettings, temperature: 0.5 } });
  expect([...new URLSearchParams(link).keys()].toSorted()).toEqual([
    'model',
    'prompt',
    'seed',
    'temperature',
  ]);
});

test('what is no link, or a damaged one, does no harm', () => {
  expect(readLink('')).toBeUndefined();
  expect(readLink('#train')).toBeUndefined();
  const damaged = readLink('#prompt=A&temperature=hot&length=&seed=7&unknown=explode&nonsense=1');
  expect(damaged?.request).toEqual({ ...defaultSettings, prompt: 'A', seed: 7 });
  expect(readLink('#prompt=A&n=1e9')?.request.n).toBe(4);
  expect(readLink('#prompt=A&n=-3')?.request.n).toBe(1);
});
