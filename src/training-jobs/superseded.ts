import type { TrainingRecord } from './training-jobs.ts';

/**
 * Without the trainings that a later one of the same model has replaced: one that was stopped, or that failed, is left
 * out where a later one went on, was stopped, or was published. One that fails replaces only others that failed.
 *
 * @param records Newest first.
 */
export const withoutSuperseded = <Training extends Pick<TrainingRecord, 'model' | 'state'>>(
  records: readonly Training[],
): readonly Training[] =>
  records.filter(
    ({ model, state }, index) =>
      (state !== 'stopped' && state !== 'failed') ||
      !records
        .slice(0, index)
        .some((later) => later.model === model && (later.state !== 'failed' || state === 'failed')),
  );
