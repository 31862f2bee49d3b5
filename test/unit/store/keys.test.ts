import { describe, expect, test } from 'vitest';
import {
  candidatePrefix,
  checkpointKey,
  corpusDeletedKey,
  corpusKey,
  idOfRecord,
  modelOfPointer,
  nameOfCorpus,
  pointerKey,
  recordKey,
  signingSecretKey,
  versionKey,
} from '../../../src/store/keys.ts';
import { timeOfName, timestamp } from '../../../src/store/timestamp.ts';

describe('layout of the store', () => {
  test('stored names never change', () => {
    expect([
      pointerKey('novel'),
      versionKey('novel', '20261124T120000Z-0a1b2c3d', 'model.json'),
      corpusDeletedKey('novel'),
      candidatePrefix('novel', '20261124T120000Z-0a1b2c3d'),
      checkpointKey('novel', '0123456789abcdef'),
      recordKey('20261124T120000Z-0a1b-novel'),
      corpusKey('novel'),
      signingSecretKey,
    ]).toEqual([
      'models/novel/current.json',
      'models/novel/20261124T120000Z-0a1b2c3d/model.json',
      'models/novel/corpus-deleted.json',
      'candidates/novel/20261124T120000Z-0a1b2c3d/',
      'checkpoints/novel/0123456789abcdef.bin',
      'trainings/20261124T120000Z-0a1b-novel.json',
      'corpora/novel.txt',
      'keys/signing.json',
    ]);
  });

  test('a key gives back the name it was made from, and no other key does', () => {
    expect(modelOfPointer(pointerKey('a.b-c'))).toBe('a.b-c');
    expect(idOfRecord(recordKey('20261124T120000Z-0a1b-x'))).toBe('20261124T120000Z-0a1b-x');
    expect(nameOfCorpus(corpusKey('novel'))).toBe('novel');
    for (const key of [
      '',
      'models/x/report.json',
      'trainings/.json',
      'corpora/x.md',
      'trainings/x',
      'x.txt',
    ]) {
      expect([modelOfPointer(key), idOfRecord(key), nameOfCorpus(key)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    }
  });
});

test('a time-shaped name sorts by time and gives it back', () => {
  const time = new Date('2026-11-24T12:00:05.250Z');
  expect(timestamp(time)).toBe('20261124T120005Z');
  expect(timeOfName(`${timestamp(time)}-0a1b2c3d`)).toEqual(new Date('2026-11-24T12:00:05Z'));
  expect(timeOfName('v1')).toBeUndefined();
  expect(timeOfName('20269999T999999Z-x')).toBeUndefined();
});
