import { chatRoutes } from './chat.ts';
import { completionRoutes } from './completions.ts';
import { corpusRoutes } from './corpora.ts';
import { generateRoutes } from './generate.ts';
import { importRoutes } from './imports.ts';
import { linesRoutes } from './lines.ts';
import { metricsRoutes } from './metrics.ts';
import { modelRoutes } from './models.ts';
import { openAiResponsesRoutes } from './openai-responses.ts';
import type { Operation } from './route.ts';
import { scoreRoutes } from './score.ts';
import { serviceRoutes } from './service.ts';
import { tokenizerRoutes } from './tokenizer.ts';
import { trainingRoutes } from './trainings.ts';

/** Routes of a host that has models in memory. */
export const generatorRoutes = [
  ...generateRoutes,
  ...completionRoutes,
  ...chatRoutes,
  ...openAiResponsesRoutes,
  ...linesRoutes,
  ...scoreRoutes,
  ...tokenizerRoutes,
];

/**
 * Every operation of the API, whatever host serves it, in the order of the documents. The app mounts the routes, the
 * description and `docs/api.md` list them, and the stack in AWS gives each to a function.
 */
export const operations: readonly Operation[] = [
  ...generatorRoutes,
  ...modelRoutes,
  ...importRoutes,
  ...corpusRoutes,
  ...trainingRoutes,
  ...serviceRoutes,
  ...metricsRoutes,
].map(({ operation }) => operation);

/** A path as OpenAPI and API Gateway write it: `/v1/models/{model}`. */
export const templateOf = (path: string): string => path.replace(/:(\w+)/g, '{$1}');
