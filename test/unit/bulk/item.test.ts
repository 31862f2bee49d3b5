import { describe, expect, test } from 'vitest';
import { type BulkJob, type BulkModel, processRow } from '../../../src/bulk/item.ts';
import { runBulk } from '../../../src/bulk/run.ts';
import { FolioError } from '../../../src/errors.ts';
import { buildCopyIndex, openCopyIndex } from '../../../src/model/copy-index.ts';
import { openModel } from '../../../src/model/open-model.ts';
import { tinyModel } from '../../tiny-model.ts';

const { files } = tinyModel();
const model = await openModel(async (file) => files.get(file));
const held: BulkModel = { name: 'tiny', version: 'v1', model, copyIndex: async () => undefined };
const job: BulkJob = { task: 'generate', defaults: { length: 20 }, seed: 100 };

describe('a row', () => {
  test('gives the same text wherever and whenever it is done', async () => {
    const row = { id: 'x', prompt: 'Now' };
    const result = await processRow(held, job, row, 7);
    expect(result).toMatchObject({ index: 7, id: 'x', model: 'tiny@v1', seed: 107, characters: 20 });
    expect(await processRow(held, job, row, 7)).toEqual(result);
    expect(await processRow(held, job, { ...row, seed: 107 }, 0)).toEqual({ ...result, index: 0 });
    const text = (await model.complete({ prompt: 'Now', length: 20, seed: 107 }).result()).choices[0]?.text;
    expect(result.text).toBe(text);
  });

  test('overrides the options of the job', async () => {
    expect(await processRow(held, job, { length: 3, temperature: 0 }, 0)).toMatchObject({ characters: 3 });
  });

  test('with a text is scored as model.score() does', async () => {
    const result = await processRow(
      held,
      { task: 'score', defaults: {}, seed: 0 },
      { text: 'Now', top: 1 },
      2,
    );
    const { nats, perplexity } = await model.score('Now');
    expect(result).toMatchObject({ index: 2, characters: 3, nats, perplexity });
    expect(result.details).toHaveLength(3);
  });

  test.each([
    ['text', 'no JSON', 'invalid_request'],
    ['a list', [1], 'invalid_request'],
    ['null', null, 'invalid_request'],
    ['an unknown parameter', { prompt: 'a', lenght: 5 }, 'invalid_parameter'],
    ['another model', { model: 'other' }, 'invalid_parameter'],
    ['a state to go on from', { continue_from: 'x' }, 'invalid_parameter'],
    ['a mark of another kind', { id: {} }, 'invalid_parameter'],
    ['an unknown character', { prompt: 'ï' }, 'unknown_character'],
    ['a guard without an index', { copy_guard: 20 }, 'model_unsupported'],
  ])('is refused: %s', async (_, row, code) => {
    expect(await processRow(held, job, row, 3)).toEqual({
      index: 3,
      model: 'tiny@v1',
      error: { code, message: expect.stringMatching(/./) },
    });
  });

  test('respects the copy guard and reports its overlap', async () => {
    const index = openCopyIndex(buildCopyIndex('Now is the winter of our discontent'.repeat(3), 4));
    const guarded = { ...held, copyIndex: async () => index };
    const result = await processRow(guarded, job, { prompt: 'Now', copy_guard: 6 }, 0);
    expect(result.overlap).toMatchObject({ characters: expect.any(Number) });
  });

  test('throws when the store fails, since the row is not at fault', async () => {
    const broken = {
      ...held,
      copyIndex: () => Promise.reject(new FolioError('store_failed', 'The disk is gone.')),
    };
    await expect(processRow(broken, job, { copy_guard: 20 }, 0)).rejects.toMatchObject({
      code: 'store_failed',
    });
  });
});

describe('a job', () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({ prompt: 'A', length: 1 + ((i * 7) % 23) }));
  async function* lines() {
    for (const row of rows) yield JSON.stringify(row);
  }
  const run = async (concurrency: number, done = 0): Promise<string[]> => {
    const written: string[] = [];
    const output = {
      done,
      write: async (line: string) => void written.push(line),
      end: async () => undefined,
    };
    const summary = await runBulk(held, job, lines(), output, concurrency);
    expect(summary).toEqual({ rows: rows.length - done, skipped: done, failed: 0 });
    return written;
  };

  test('gives the same results in the same order, however many rows are at work and wherever it goes on', async () => {
    const one = await run(1);
    expect(one.map((line) => JSON.parse(line).index)).toEqual(rows.keys().toArray());
    expect(await run(32)).toEqual(one);
    expect(await run(5, 17)).toEqual(one.slice(17));
  });
});
