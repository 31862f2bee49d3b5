import { type Logger, pino } from 'pino';
import { type LogLine, logEntry } from '../api/log.ts';

/** Lines of JSON on stderr. Neither prompts nor texts are ever among them. */
export const createLogger = (level: string): Logger =>
  pino({ level, base: null }, pino.destination({ dest: 2, sync: false }));

/** A failure of the server is an error; every other request is logged at `debug`. */
export const logRequests =
  (logger: Logger) =>
  (line: LogLine): void => {
    if (line.status >= 500) logger.error(logEntry(line), 'request failed');
    else logger.debug(logEntry(line), 'request');
  };
