import type { Context } from 'hono';
import type * as z from 'zod/mini';
import type { ErrorCode } from '../../errors.ts';
import type { AppEnv } from '../app-env.ts';
import type { AppDeps } from '../deps.ts';
import type * as responses from '../response/responses.ts';

/** A schema of `responses.ts`, by name: descriptions need the schemas, and answering needs them not. */
export type ResponseSchema = keyof typeof responses;

/** What a route is, for the app that serves it, for the API's description and for the stack in AWS. */
export interface Operation<Path extends string = string> {
  readonly method: 'get' | 'post' | 'delete';
  /** With `:parameters`, as Hono writes them. */
  readonly path: Path;
  readonly group: 'Generation' | 'Models' | 'Trainings' | 'Service';
  /** OpenAPI's operationId. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Needs a key with the right to write: the app refuses others before the handler runs. */
  readonly write?: true;
  /** Needs no key. */
  readonly open?: true;
  /** Whose AWS function serves it: the one that has a model and streams, or (absent) the administrative one. */
  readonly lambda?: 'generate';
  /** One of OpenAI's: what a client asked wrongly is answered with 400, never 422, which some clients repeat. */
  readonly openAi?: true;
  readonly query?: z.ZodMiniObject;
  /** A JSON body, or a query, to try. */
  readonly example?: Readonly<Record<string, unknown>>;
  /** Bodies by media type; 'text' for plain text, 'bytes' for a file. */
  readonly body?: Readonly<Record<string, z.core.$ZodType | 'text' | 'bytes'>>;
  readonly answers: Readonly<
    Record<
      number,
      { description: string; content?: Readonly<Record<string, ResponseSchema | 'text' | 'bytes'>> }
    >
  >;
  /** Codes of its errors, beside those that every route has; their statuses follow from `errors.ts`. */
  readonly errors: readonly ErrorCode[];
}

/** An operation and what answers it. `Deps` is what of the host it needs. */
export interface Route<Deps extends AppDeps = AppDeps> {
  readonly operation: Operation;
  readonly handle: (context: Context<AppEnv>, deps: Deps) => Response | Promise<Response>;
}

/** Ties a handler to its operation; the path's parameters are typed by the path. */
export const route = <Deps extends AppDeps, const Path extends string>(
  operation: Operation<Path>,
  handle: (context: Context<AppEnv, Path>, deps: Deps) => Response | Promise<Response>,
): Route<Deps> => ({ operation, handle: handle as Route<Deps>['handle'] });

export const json = 'application/json';
export const plain = 'text/plain';
export const octets = 'application/octet-stream';
export const events = 'text/event-stream';

/** What a request that runs a model can be refused with. */
export const generationErrors = [
  'invalid_request',
  'invalid_parameter',
  'unknown_character',
  'model_not_found',
  'too_large',
  'limit_exceeded',
  'state_mismatch',
  'model_unsupported',
  'model_damaged',
  'model_invalid',
  'too_many_requests',
  'overloaded',
  'time_limit',
  'unavailable',
  'store_failed',
] as const satisfies readonly ErrorCode[];
