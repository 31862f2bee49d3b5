import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { FolioError } from '../errors.ts';
import type { AppDeps } from './deps.ts';
import { routeOf } from './log.ts';
import { requireScope } from './request/auth.ts';
import type { AppEnv } from './request/body.ts';
import { errorResponse } from './response/error-response.ts';
import { corpusRoutes } from './routes/corpora.ts';
import { modelRoutes } from './routes/models.ts';
import type { Route } from './routes/route.ts';
import { generatorRoutes } from './routes/routes.ts';
import { serviceRoutes } from './routes/service.ts';
import { trainingRoutes } from './routes/trainings.ts';

/** Headers of an answer that a page of another origin may read. */
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
export const createApp = (deps: AppDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();

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
      route: routeOf(context),
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

  const mount = <Deps extends AppDeps>(routes: readonly Route<Deps>[], own: Deps): void => {
    for (const { operation, handle } of routes) {
      app.on(operation.method.toUpperCase(), operation.path, (context) => {
        if (operation.write) requireScope(context.get('caller'), 'write');
        return handle(context, own);
      });
    }
  };

  mount(serviceRoutes, deps);
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

  const { generator, trainings, corpora } = deps;
  if (generator) mount(generatorRoutes, { ...deps, generator });
  mount(modelRoutes, deps);
  if (trainings) {
    mount(trainingRoutes, { ...deps, trainings });
    if (corpora) mount(corpusRoutes, { ...deps, trainings, corpora });
  }

  app.notFound((context) => {
    const { method, path } = context.req;
    const error = new FolioError('not_found', `There is nothing at ${method} ${path.slice(0, 200)}.`);
    return errorResponse(context, error);
  });
  app.onError((error, context) => errorResponse(context, error, context.get('requestId')));
  return app;
};
