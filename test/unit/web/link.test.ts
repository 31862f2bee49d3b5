import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultSettings } from '../../../src/web/generation.ts';
import { readLink, splitKey, writeLink } from '../../../src/web/link.ts';

test('a link carries all settings and the model', () => {
  const settings = fc.record({
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
    dryMultiplier: fc.double({ min: 0, max: 2, noNaN: true }),
    copyGuard: fc.nat(200),
    stop: fc.string({ unit: 'grapheme' }),
    pattern: fc.string({ unit: 'grapheme' }),
    choices: fc.string({ unit: 'grapheme' }),
    jsonSchema: fc.string({ unit: 'grapheme' }),
    banned: fc.string({ unit: 'grapheme' }),
    minLength: fc.nat(2000),
    dynatempRange: fc.double({ min: 0, max: 1, noNaN: true }),
    unknown: fc.constantFrom('error', 'skip', 'nearest'),
  });
  const plusZero = (value: object) => JSON.parse(JSON.stringify(value)) as unknown; // a link has no -0
  fc.assert(
    fc.property(settings, fc.option(fc.string(), { nil: undefined }), (asked, model) => {
      const back = readLink(`#${writeLink({ model, settings: asked })}`);
      expect(back?.model).toBe(model);
      expect(plusZero(back?.settings ?? {})).toEqual(plusZero(asked));
    }),
  );
});

test('a link names only what differs from the defaults, the prompt and the seed', () => {
  const link = writeLink({ model: 'shakespeare@1', settings: { ...defaultSettings, temperature: 0.5 } });
  expect([...new URLSearchParams(link).keys()].toSorted()).toEqual([
    'model',
    'prompt',
    'seed',
    'temperature',
  ]);
});

test('fields of a damaged link that cannot be read keep their defaults', () => {
  expect(readLink('')).toBeUndefined();
  expect(readLink('#train')).toBeUndefined();
  const damaged = readLink('#prompt=A&temperature=hot&length=&seed=7&unknown=explode&nonsense=1');
  expect(damaged?.settings).toEqual({ ...defaultSettings, prompt: 'A', seed: 7 });
  expect(readLink('#prompt=A&n=1e9')?.settings.n).toBe(4);
  expect(readLink('#prompt=A&n=-3')?.settings.n).toBe(1);
});

test('a key in a fragment is taken out of it, and the rest stays', () => {
  expect(splitKey('#key=a%2Bb')).toEqual({ key: 'a+b', rest: '' });
  expect(splitKey('#prompt=Once&key=ab&n=2')).toEqual({ key: 'ab', rest: 'prompt=Once&n=2' });
  expect(splitKey('#prompt=Once')).toEqual({ key: undefined, rest: 'prompt=Once' });
  expect(splitKey('#key=')).toEqual({ key: undefined, rest: '' });
  expect(splitKey('')).toEqual({ key: undefined, rest: '' });
});
