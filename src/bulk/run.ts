import { pMapIterable } from 'p-map';
import { type BulkJob, type BulkModel, type BulkResult, processRow } from './item.ts';
import type { BulkOutput } from './output.ts';

export interface BulkSummary {
  readonly rows: number; // of this run
  readonly skipped: number; // whose results stood already
  readonly failed: number;
}

/**
 * Does every row of an input, several at a time, and writes their results in the order of the rows.
 *
 * @param lines One row of JSON each.
 * @param concurrency Rows at work at one time; a model advances them together.
 */
export async function runBulk(
  lease: BulkModel,
  job: BulkJob,
  lines: AsyncIterable<string>,
  output: BulkOutput,
  concurrency: number,
  signal?: AbortSignal,
): Promise<BulkSummary> {
  const results = pMapIterable(
    numbered(lines, output.done),
    ({ line, index }) => processRow(lease, job, parsed(line), index, signal),
    { concurrency, backpressure: 4 * concurrency },
  );
  let rows = 0;
  let failed = 0;
  for await (const result of results as AsyncIterable<BulkResult>) {
    await output.write(JSON.stringify(result));
    rows++;
    if (result.error !== undefined) failed++;
  }
  await output.end();
  return { rows, skipped: output.done, failed };
}

async function* numbered(
  lines: AsyncIterable<string>,
  from: number,
): AsyncIterable<{ line: string; index: number }> {
  let index = 0;
  for await (const line of lines) {
    if (index >= from) yield { line, index };
    index++;
  }
}

/** A line that is no JSON stays text, which no row's schema takes. */
const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
};
