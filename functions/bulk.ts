import * as z from 'zod/mini';
import { type BulkJob, type BulkResult, processRow } from '../src/bulk/item.ts';
import { readSettings } from '../src/settings.ts';
import { parseModelReference } from '../src/store/model-name.ts';
import { openModels } from '../src/store/open-models.ts';
import { S3Store } from '../src/store/s3-store.ts';
import { logModels } from './log.ts';
import { threadsOf } from './threads.ts';

/** One batch of a distributed map: rows with their places in the whole input, and what is done with each. */
const batchSchema = z.object({
  BatchInput: z.object({
    task: z.enum(['generate', 'score']),
    model: z.string(),
    defaults: z.record(z.string(), z.unknown()),
    seed: z.number(),
  }),
  Items: z.array(z.object({ index: z.number(), row: z.unknown() })),
});

const settings = readSettings();
const models = openModels(S3Store.at(settings.store), settings, threadsOf(settings.lambdaMemory), logModels);

/**
 * Generates or scores the rows of a batch. A row at fault gives a result that says so; what is no row's fault is
 * thrown, and Step Functions tries the batch again.
 */
export async function handler(event: unknown): Promise<readonly BulkResult[]> {
  const { BatchInput: batch, Items: items } = batchSchema.parse(event);
  const job: BulkJob = { task: batch.task, defaults: batch.defaults, seed: batch.seed };
  const held = await models.acquire(parseModelReference(batch.model));
  try {
    return await Promise.all(items.map(({ index, row }) => processRow(held, job, row, index)));
  } finally {
    held.release();
  }
}
