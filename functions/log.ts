import type { LogLine } from '../src/api/deps.ts';
import { isFolioError } from '../src/errors.ts';

/** The code and message of a fault that Folio knows; of any other, its stack. */
const describe = (error: unknown): object =>
  isFolioError(error)
    ? { code: error.code, reason: error.message }
    : { error: error instanceof Error ? (error.stack ?? error.message) : error };

/**
 * One line of JSON a request, for CloudWatch Logs. The runtime adds time, level and the invocation's id. Neither prompts
 * nor texts are ever in it.
 */
export const logRequest = ({ error, ...line }: LogLine): void => {
  const entry = { message: 'request', ...line, ...(error === undefined ? {} : describe(error)) };
  if (line.status < 500) console.info(entry);
  else console.error(entry);
};

/** Alarms are raised from these lines: `cdk/monitoring.ts` looks for the code. */
export const logLoadFailure = (error: unknown): void => {
  console.error({ message: 'The model could not be loaded ahead of a request', ...describe(error) });
};
