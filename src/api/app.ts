import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { FolioError } from '../errors.ts';
import type { AppDeps } from './deps.ts';
import type { AppEnv } from './request/body.ts';
import { errorResponse } from './response/validation-errors.ts';
import { completionRoutes } from './routes/completions.ts';
import { corpusRoutes } from './routes/corpora.ts';
import { generateRoutes } from './routes/generate.ts';
import { modelRoutes } from './routes/models.ts';
import { scoreRoutes } from './routes/score.ts';
import { trainingRoutes } from './routes/trainings.ts';

/** What a host tells of a request beside the request itself. */
export interface HostBindings {
  readonly remoteAddress?: string | undefined;
  /** For its own authorising, such as API Gateway's request context. */
  readonly [more: string]: unknown;
}

/** What a page of another origin may read of an answer. */
const exposed = [
  'x-folio-model',
  'x-folio-digest',
  'x-folio-precision',
  'x-folio-seed',
  'x-folio-receipt',
  'x-request-id',
  'retry-after',
];

/**
 * The API as one function from Request to Response. Each host hands it a store, limits, keys and whichever groups of
 * routes it can serve; errors become responses here and nowhere else.
 */
export const createApp = (deps: AppDeps): Hono<AppEnv & { Bindings: HostBindings }> => {
  const app = new Hono<AppEnv & { Bindings: HostBindings }>();

  app.use(async (context, next) => {
    const began = performance.now();
    const requestId = crypto.randomUUID();
    context.set('requestId', requestId);
    await next();
    context.header('x-request-id', requestId);
    context.header('x-content-type-options', 'nosniff');
    deps.log?.({
      requestId,
      method: context.req.method,
      path: context.req.path,
      status: context.res.status,
      milliseconds: performance.now() - began,
      ...(context.error === undefined ? {} : { error: context.error }),
    });
  });

  const { origins = [] } = deps;
  if (origins.length > 0) {
    app.use(
      cors({
        origin: origins.includes('*') ? '*' : [...origins],
        allowHeaders: ['authorization', 'content-type', 'x-api-key'],
        allowMethods: ['GET', 'POST', 'DELETE', 'OPTIONS'],
        exposeHeaders: exposed,
        maxAge: 86_400,
      }),
    );
  }

  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  for (const { paths, fetch } of deps.pages ?? []) {
    for (const path of paths) app.get(path, (context) => fetch(context.req.raw));
  }

  app.use(async (context, next) => {
    const caller = deps.authorise({
      url: context.req.url,
      headers: context.req.raw.headers,
      remoteAddress: context.env?.remoteAddress,
      host: context.env,
    });
    context.set('caller', caller);
    await next();
  });

  if (deps.generator) {
    app.route('/', generateRoutes(deps, deps.generator));
    app.route('/', completionRoutes(deps, deps.generator));
    app.route('/', scoreRoutes(deps, deps.generator));
  }
  app.route('/', modelRoutes(deps));
  if (deps.trainings) {
    app.route('/', trainingRoutes(deps, deps.trainings));
    if (deps.corpora) app.route('/', corpusRoutes(deps, deps.corpora, deps.trainings));
  }

  app.notFound((context) => {
    const { method, path } = context.req;
    const error = new FolioError('not_found', `There is nothing at ${method} ${path.slice(0, 200)}.`);
    return errorResponse(context, error);
  });
  app.onError((error, context) => errorResponse(context, error, context.get('requestId')));
  return app;
};
