import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { isFolioError } from '../../errors.ts';

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
  const { where, faults: all } = error.details;
  return {
    error: {
      message: error.message,
      type: typeOfStatus(error.status),
      param: where ?? null,
      code: error.code,
      ...(all === undefined || all.length < 2
        ? {}
        : { faults: all.map(({ where: param, code, message }) => ({ param, code, message })) }),
    },
  };
};

export const errorStatus = (error: unknown): number => (isFolioError(error) ? error.status : 500);

/** An error as the answer to its request. */
export const errorResponse = (context: Context, error: unknown, requestId?: string): Response => {
  if (isFolioError(error) && error.details.retryAfter !== undefined) {
    context.header('retry-after', String(Math.max(1, Math.ceil(error.details.retryAfter))));
  }
  if (isFolioError(error) && error.status === 401) context.header('www-authenticate', 'Bearer realm="folio"');
  return context.json(errorBody(error, requestId), errorStatus(error) as ContentfulStatusCode);
};
