import { expect, test } from 'vitest';
import { timings } from '../../../src/api/response/timings.ts';

const moments = { load: 12.345, firstCharacter: 20, generation: 100, whole: 512 };

test('timings: characters a second are counted over all completions', () => {
  expect(timings(moments, 250)).toEqual({
    load_ms: 12.35,
    first_character_ms: 20,
    generation_ms: 100,
    characters_per_second: 2500,
  });
});

test('timings: memory times time, and its price', () => {
  const meter = { memoryMegabytes: 2048, dollarsPerGigabyteSecond: 0.00001, dollarsPerRequest: 0.0000002 };
  expect(timings(moments, 250, meter)).toMatchObject({
    gb_ms: 1024,
    estimated_usd: 0.00001024 + 0.0000002,
  });
});

test('timings: no time to the first character where there was none', () => {
  expect(timings({ load: 0, generation: 0, whole: 0 }, 0)).toEqual({
    load_ms: 0,
    generation_ms: 0,
    characters_per_second: 0,
  });
});
