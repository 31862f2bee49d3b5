import { stopReasonOf } from '../api/response/stop-reason.ts';
import { isFolioError } from '../errors.ts';
import type { ModelLease } from '../store/model-cache.ts';
import { checked, GenerateRow, generateOptions, ScoreRow } from './row.ts';

/** What is done with every row of a bulk job, on a laptop and in a distributed map alike. */
export interface BulkJob {
  readonly task: 'generate' | 'score';
  /** Parameters of rows that do not say otherwise, by the names of `POST /generate`. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** A row without a seed takes this one plus its place: the job gives the same texts again. */
  readonly seed: number;
}

/** The model of a job, as `ModelCache.open` holds it. */
export type BulkModel = Pick<ModelLease, 'name' | 'version' | 'model' | 'copyIndex'>;

export interface BulkResult {
  /** Place of the row in the whole input, from 0. */
  readonly index: number;
  readonly id?: string | number;
  readonly model: string; // name@version
  readonly error?: { readonly code: string; readonly message: string };
  readonly [property: string]: unknown;
}

/**
 * Does one row. A row at fault gives a result that says so and stops nobody; what is no fault of the row (the store,
 * a bug) is thrown.
 *
 * @param row As parsed from its line of JSON; its text, where it is none.
 */
export async function processRow(
  lease: BulkModel,
  job: BulkJob,
  row: unknown,
  index: number,
  signal?: AbortSignal,
): Promise<BulkResult> {
  const common = { index, ...markOf(row), model: `${lease.name}@${lease.version}` };
  try {
    const parameters = isRecord(row) ? { ...job.defaults, ...row } : row;
    const result =
      job.task === 'generate'
        ? await generate(lease, parameters, (job.seed + index) % 2 ** 53, signal)
        : await score(lease, parameters, signal);
    return { ...common, ...result };
  } catch (error) {
    if (!isFolioError(error) || error.status >= 429) throw error;
    return { ...common, error: { code: error.code, message: error.message } };
  }
}

async function generate(lease: BulkModel, row: unknown, seed: number, signal?: AbortSignal): Promise<object> {
  const parameters = checked(GenerateRow, row);
  const options = await generateOptions(parameters, lease);
  const result = await lease.model
    .complete({ seed, ...options, ...(signal === undefined ? {} : { signal }) })
    .result();
  signal?.throwIfAborted();
  const [choice] = result.choices;
  return {
    text: choice?.text,
    finish_reason: choice?.finishReason,
    ...(choice === undefined ? {} : stopReasonOf(choice)),
    seed: result.seed,
    characters: choice?.generated,
    ...(choice?.overlap === undefined ? {} : { overlap: choice.overlap }),
    ...(choice?.choiceScores === undefined ? {} : { choice_scores: choice.choiceScores }),
    ...(result.replaced.length === 0 ? {} : { replaced: result.replaced }),
  };
}

async function score(lease: BulkModel, row: unknown, signal?: AbortSignal): Promise<object> {
  const { text, top, unknown } = checked(ScoreRow, row);
  const scored = await lease.model.score(text, { top, unknown, ...(signal === undefined ? {} : { signal }) });
  return {
    characters: scored.characters.length,
    nats: scored.nats,
    bits_per_character: scored.bitsPerCharacter,
    perplexity: scored.perplexity,
    ...(top === 0 ? {} : { details: scored.characters }),
    ...(scored.replaced.length === 0 ? {} : { replaced: scored.replaced }),
  };
}

const isRecord = (row: unknown): row is Record<string, unknown> =>
  typeof row === 'object' && row !== null && !Array.isArray(row);

const markOf = (row: unknown): { id?: string | number } => {
  const id = isRecord(row) ? row.id : undefined;
  return typeof id === 'string' || typeof id === 'number' ? { id } : {};
};
