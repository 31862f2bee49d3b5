import type { LogLine } from '../src/api/deps.ts';

/**
 * One line of JSON a request, for CloudWatch Logs; of a fault of ours, its stack. The runtime adds time, level and
 * the invocation's id. What was asked and what was written is never among them.
 */
export const logRequest = ({ error, ...line }: LogLine): void => {
  if (line.status < 500) {
    console.info({ message: 'request', ...line });
    return;
  }
  console.error({
    message: 'request failed',
    ...line,
    error: error instanceof Error ? (error.stack ?? error.message) : error,
  });
};
