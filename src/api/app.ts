import { type Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import type { AppEnv } from './app-env.ts';
import type { AppDeps } from './deps.ts';
import { type LogLine, routeOf } from './log.ts';
import { requireScope } from './request/auth.ts';
import { errorResponse, errorStatus } from './response/error-response.ts';
import { corpusRoutes } from './routes/corpora.ts';
import { importRoutes } from './routes/imports.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { modelRoutes } from './routes/models.ts';
import { noRoute } from './routes/not-found.ts';
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
  'x-folio-warnings',
  'x-request-id',
  'x-should-retry',
  'retry-after',
];

/** A caller's own id for its request, where it is one that may stand in logs and headers. */
const requestIdOf = ({ req }: Context): string => {
  const own = req.header('x-request-id') ?? '';
  return /^[\w.:-]{1,128}$/.test(own) ? own : crypto.randomUUID();
};

/**
 * The API as one function from Request to Response. Each host hands it a store, limits, keys and whichever groups of
 * routes it can serve; errors become responses here and nowhere else.
 */
export const createApp = (deps: AppDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>({ strict: false }); // a slash at the end of a path changes nothing

  app.use(async (context, next) => {
    const began = performance.now();
    const requestId = requestIdOf(context);
    context.set('requestId', requestId);
    await next();
    context.header('x-request-id', requestId);
    context.header('x-content-type-options', 'nosniff');
    if (context.req.raw.method === 'HEAD') context.res.body?.cancel().catch(() => {});
    const { method } = context.req;
    const { status } = context.res;
    const route = routeOf(context);
    const log = (more: Pick<LogLine, 'status' | 'error' | 'generation'>): void =>
      deps.log?.({ requestId, method, route, milliseconds: performance.now() - began, ...more });
    const failed = context.error === undefined ? {} : { error: context.error };
    const generation = context.get('generation');
    if (generation === undefined) {
      log({ status, ...failed });
      return;
    }
    if (context.error !== undefined) {
      generation.fail(context.error);
      generation.close();
    }
    void generation.ended.then((summary) => {
      const { error } = summary;
      // The status of an answer that has begun is sent: an error that ends it is logged with its own.
      const isLate = error !== undefined && context.error === undefined;
      const outcome = isLate ? { status: errorStatus(error), error } : { status, ...failed };
      log({ ...outcome, generation: summary });
    });
  });

  app.use((context, next) => {
    // With a line end, as terminals want it; `?pretty` indents for people.
    const pretty = context.req.query('pretty');
    const indent = pretty === undefined || pretty === 'false' || pretty === '0' ? 0 : 2;
    const json = (value: unknown, ...more: [never?, never?]): Response => {
      context.header('content-type', 'application/json');
      return context.body(`${JSON.stringify(value, null, indent)}\n`, ...more);
    };
    context.json = json as typeof context.json;
    return next();
  });

  const { origins = [] } = deps;
  if (origins.length > 0) {
    app.use(
      cors({
        origin: origins.includes('*') ? '*' : [...origins],
        allowHeaders: [], // whatever a page asks for: clients send headers of their own
        allowMethods: ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'],
        exposeHeaders: exposed,
        maxAge: 86_400,
      }),
    );
  }

  const mount = <Deps extends AppDeps>(routes: readonly Route<Deps>[], own: Deps): void => {
    for (const { operation, handle } of routes) {
      app.on(operation.method.toUpperCase(), operation.path, (context) => {
        if (operation.openAi) context.set('openAi', true);
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
      httpVersion: context.env?.httpVersion,
      host: context.env,
    });
    context.set('caller', caller);
    await next();
    // A cache between a client and here knows neither `x-api-key` nor whose answer it is.
    const caching = context.res.headers.get('cache-control');
    if (!caching?.includes('private')) context.header('cache-control', 'private, no-store');
  });

  const { generator, imports, trainings, corpora, metrics } = deps;
  if (generator) mount(generatorRoutes, { ...deps, generator });
  mount(modelRoutes, deps);
  if (generator && imports) mount(importRoutes, { ...deps, generator, imports });
  if (trainings) {
    mount(trainingRoutes, { ...deps, trainings });
    if (corpora) mount(corpusRoutes, { ...deps, trainings, corpora });
  }

  if (metrics) mount(metricsRoutes, { ...deps, metrics });

  app.notFound((context) => {
    const { error, allow } = noRoute(context.req.method, context.req.path);
    if (allow !== undefined) context.header('allow', allow);
    return errorResponse(context, error);
  });
  app.onError((error, context) => errorResponse(context, error));
  return app;
};
