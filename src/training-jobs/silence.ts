import type { TrainingState } from './training-jobs.ts';

/** Milliseconds: a trainer that lives rewrites its record every minute, or a little later where a step or a measurement takes that long. */
const longSilence = 3 * 60_000;

/**
 * Whether a training that is said to run may hang: its process is there, and has written nothing for so long.
 *
 * @param updatedAt When its record was written, ISO 8601.
 * @param now Milliseconds since 1970 by the clock of whoever runs it.
 */
export const isSilent = (state: TrainingState, updatedAt: string, now: number): boolean =>
  state === 'running' && now - Date.parse(updatedAt) > longSilence;
