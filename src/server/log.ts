import { type Logger, pino } from 'pino';
import type { LogLine } from '../api/deps.ts';

/** Lines of JSON on stderr. What was asked and what was written is never among them. */
export const createLogger = (level: string): Logger =>
  pino({ level, base: null }, pino.destination({ dest: 2, sync: false }));

/** A fault of ours is an error with its stack; every other request is told at `debug`. */
export const logRequests =
  (logger: Logger) =>
  ({ error, ...line }: LogLine): void => {
    if (line.status >= 500) logger.error({ ...line, err: error }, 'request failed');
    else logger.debug(line, 'request');
  };
