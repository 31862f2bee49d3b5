import { describeError, type LogLine, logEntry } from '../src/api/log.ts';
import type { ModelLogLine } from '../src/store/current-versions.ts';

/**
 * One line of JSON a request, for CloudWatch Logs, with the entry that every host logs. It is written by `console`: the
 * runtime adds time, level and the invocation's id to it and filters by level, and a logger of our own would be read
 * in every cold start for less.
 */
export const logRequest = (line: LogLine): void => {
  const entry = { message: 'request', ...logEntry(line) };
  if (line.status < 500) console.info(entry);
  else console.error(entry);
};

/** A fault of the models that no request reports, since another version is served. */
export const logModels = ({ level, ...line }: ModelLogLine): void => console[level](line);

/** Alarms are raised from these lines: `cdk/monitoring.ts` looks for the code. */
export const logLoadFailure = (error: unknown): void => {
  console.error({ message: 'The model could not be loaded ahead of a request', ...describeError(error) });
};
