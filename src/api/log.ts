import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import { isFolioError } from '../errors.ts';
import type { GenerationSummary } from './generation-summary.ts';
import { loadedRareFields } from './request/load-rare-fields.ts';
import {
  ActivateRequestSchema,
  CompletionRequestSchema,
  GenerateRequestSchema,
  ImportRequestSchema,
  ScoreRequestSchema,
  TrainingRequestSchema,
  UploadRequestSchema,
} from './request/requests.ts';

/** One request, as a host logs it. */
export interface LogLine {
  readonly requestId: string;
  readonly method: string;
  /** The route's pattern, such as `/v1/models/:model`; `*` where no route matched. */
  readonly route: string;
  readonly status: number;
  /** Until the answer is ready, or, of a text, until it has been taken or its reader has left. */
  readonly milliseconds: number;
  /** Of a text: what came of it. */
  readonly generation?: GenerationSummary;
  readonly error?: unknown;
}

/** The pattern of the route that answers; what else stands in a path is the client's and in no log. */
export const routeOf = (context: Context): string => {
  const path = matchedRoutes(context).findLast(({ method }) => method !== 'ALL')?.path;
  return path ?? '*';
};

const schemas = [
  ActivateRequestSchema,
  CompletionRequestSchema,
  GenerateRequestSchema,
  ImportRequestSchema,
  ScoreRequestSchema,
  TrainingRequestSchema,
  UploadRequestSchema,
];

/** Whether a fault of a request may be there: at a field of one, of those that few have too once one has come. */
const isKnownPlace = (name: string): boolean =>
  ['body', 'file', 'id'].includes(name) ||
  schemas.some(({ shape }) => Object.hasOwn(shape, name)) ||
  loadedRareFields()?.isRareField(name) === true;

/** The parameter at fault, without what a client wrote: keys of objects and unknown names are the client's. */
const placeOf = (where: string | undefined): string | undefined => {
  const name = where?.match(/^\w+/)?.[0];
  return name !== undefined && isKnownPlace(name) ? name : undefined;
};

/** The calls that led to an error. Its message is left out, since messages quote what was read. */
const callsOf = ({ stack = '' }: Error): string[] =>
  stack.split('\n').flatMap((line) => (/^\s+at /.test(line) ? line.trim() : []));

const causeOf = (cause: unknown): object => {
  if (!(cause instanceof Error)) return {};
  const { code, $metadata } = cause as { code?: unknown; $metadata?: { httpStatusCode?: unknown } };
  return {
    cause: {
      name: cause.name,
      ...(typeof code === 'string' ? { code } : {}),
      ...($metadata?.httpStatusCode === undefined ? {} : { status: $metadata.httpStatusCode }),
    },
  };
};

/**
 * What a log may hold of an error: its code and its place, never its message, which may quote a prompt, a text or a
 * key. Of a bug, its kind and its calls.
 */
export const describeError = (error: unknown): Readonly<Record<string, unknown>> => {
  if (isFolioError(error)) {
    const place = placeOf(error.details.where);
    return { code: error.code, ...(place === undefined ? {} : { place }), ...causeOf(error.details.cause) };
  }
  if (error instanceof Error) return { code: 'internal_error', error: error.name, calls: callsOf(error) };
  return { code: 'internal_error', error: typeof error };
};

const hundredths = (milliseconds: number): number => Number(milliseconds.toFixed(2));

/** A request as the entry of a log, the same on every host. */
export const logEntry = ({ error, generation, ...line }: LogLine): Readonly<Record<string, unknown>> => ({
  ...line,
  milliseconds: hundredths(line.milliseconds),
  ...(generation && {
    model: generation.model,
    characters: generation.characters,
    ...(generation.firstCharacterMilliseconds !== undefined && {
      firstCharacterMilliseconds: hundredths(generation.firstCharacterMilliseconds),
    }),
    ended: generation.ended,
  }),
  ...(error === undefined ? {} : describeError(error)),
});
