import * as z from 'zod/mini';
import { type BulkJob, processRow } from '../src/bulk/item.ts';
import { readSettings } from '../src/settings.ts';
import { parseModelReference } from '../src/store/model-name.ts';
import { openModels } from '../src/store/open-models.ts';
import { S3Store } from '../src/store/s3-store.ts';
import { logModels } from './log.ts';
import { namedByCode } from './named-by-code.ts';
import { threadsOf } from './threads.ts';

/** One batch of a distributed map: rows with their places in the whole input, and what is done with each. */
const batchSchema = z.object({
  BatchInput: z.object({
    task: z.enum(['generate', 'score']),
    model: z.string(),
    defaults: z.record(z.string(), z.unknown()),
    seed: z.number(),
    /** Prefix in the model bucket below which the results are written. */
    output: z.string(),
  }),
  Items: z.array(z.object({ index: z.number(), row: z.unknown() })),
});

const settings = readSettings();
const store = S3Store.at(settings.store);
const models = openModels(store, settings, threadsOf(settings.lambdaMemory), logModels);

/** What is left of a batch in the state machine, whose data is bounded: never the results themselves. */
export interface BatchSummary {
  readonly key: string; // of the results, JSON lines
  readonly rows: number;
  readonly faults: number; // rows that could not be done, by their own fault
}

/**
 * Generates or scores the rows of a batch and writes the results as JSON lines, under the place of the first row: the
 * same batch writes the same object again. A row at fault gives a result that says so; what is no row's fault is
 * thrown, and Step Functions tries the batch again.
 */
export const handler = namedByCode(async (event): Promise<BatchSummary> => {
  const { BatchInput: batch, Items: items } = batchSchema.parse(event);
  const job: BulkJob = { task: batch.task, defaults: batch.defaults, seed: batch.seed };
  const held = await models.acquire(parseModelReference(batch.model));
  try {
    const results = await Promise.all(items.map(({ index, row }) => processRow(held, job, row, index)));
    const key = `${batch.output}/${String(items[0]?.index ?? 0).padStart(10, '0')}.jsonl`;
    await store.write(
      key,
      new TextEncoder().encode(results.map((one) => `${JSON.stringify(one)}\n`).join('')),
    );
    return { key, rows: results.length, faults: results.filter(({ error }) => error !== undefined).length };
  } finally {
    held.release();
  }
});
