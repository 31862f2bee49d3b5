import type { Logger } from 'pino';
import { type LogLine, logEntry } from '../api/log.ts';
import { withPackage } from '../optional-package.ts';

/**
 * Lines of JSON on stderr. Neither prompts nor texts are ever among them.
 *
 * @throws FolioError `unavailable` where pino is not installed
 */
export const createLogger = async (level: string): Promise<Logger> => {
  const { pino } = await withPackage('pino', () => import('pino'));
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: false }));
};

/** A failure of the server is an error; every other request is logged at `debug`. */
export const logRequests =
  (logger: Logger) =>
  (line: LogLine): void => {
    if (line.status >= 500) logger.error(logEntry(line), 'request failed');
    else logger.debug(logEntry(line), 'request');
  };
