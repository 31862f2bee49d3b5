import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { type ErrorCode, isFolioError } from '../../errors.ts';
import type { AppEnv } from '../app-env.ts';

/** OpenAI's error object, so that its clients raise their typed errors; `faults` lists all of a request's. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
    readonly faults?: readonly { readonly param: string; readonly code: string; readonly message: string }[];
    readonly request_id?: string;
  };
}

const typeOfStatus = (status: number): string => {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
};

/** What a person may see of an error; what is not ours becomes a bare internal error. */
export const errorBody = (error: unknown, requestId?: string): ErrorBody => {
  if (!isFolioError(error)) {
    return {
      error: {
        message: `Something went wrong on the server; its log has details under request ${requestId ?? 'unknown'}.`,
        type: 'server_error',
        param: null,
        code: 'internal_error',
        ...(requestId === undefined ? {} : { request_id: requestId }),
      },
    };
  }
  const { where, faults: all, forClients } = error.details;
  return {
    error: {
      message: forClients ?? error.message,
      type: typeOfStatus(error.status),
      param: where ?? null,
      code: error.code,
      ...(all === undefined || all.length < 2
        ? {}
        : { faults: all.map(({ where: param, code, message }) => ({ param, code, message })) }),
    },
  };
};

/** The status of an error, on OpenAI's routes or others: see `Operation.openAi`. */
export const statusOn = (openAi: boolean | undefined, status: number): number =>
  openAi && status === 422 ? 400 : status;

export const errorStatus = (error: unknown, openAi = false): number =>
  isFolioError(error) ? statusOn(openAi, error.status) : 500;

/** What repetition cannot mend, though clients repeat errors of its status. */
const final: ReadonlySet<ErrorCode> = new Set([
  'time_limit',
  'conflict',
  'already_exists',
  'checkpoint_mismatch',
  'tensorflow_unavailable',
]);

const longestRetrySeconds = 60; // clients take a longer wait for none, and ask again at once

/** An error as the answer to its request. */
export const errorResponse = (context: Context<AppEnv>, error: unknown): Response => {
  const requestId = context.get('requestId');
  if (isFolioError(error)) {
    const { retryAfter } = error.details;
    if (retryAfter !== undefined) {
      const seconds = Math.min(longestRetrySeconds, Math.max(1, Math.ceil(retryAfter)));
      context.header('retry-after', String(seconds));
    }
    if (final.has(error.code)) context.header('x-should-retry', 'false');
    if (error.status === 401) context.header('www-authenticate', 'Bearer realm="folio"');
  }
  const status = errorStatus(error, context.get('openAi'));
  return context.json(errorBody(error, requestId), status as ContentfulStatusCode);
};
