import type { MetricsDeps } from '../deps.ts';
import { plain, type Route, route } from './route.ts';

/** What a host counts; only the local server has it. */
export const metricsRoutes: readonly Route<MetricsDeps>[] = [
  route(
    {
      method: 'get',
      path: '/metrics',
      group: 'Service',
      id: 'metrics',
      summary: 'What the server has counted, in the format of Prometheus',
      description:
        'Requests, characters, times to and between characters, models and trainings: docs/server.md lists them. ' +
        'Where the API runs in AWS there is no such route: CloudWatch counts there.',
      answers: { 200: { description: 'The metrics', content: { [plain]: 'text' } } },
      errors: [],
    },
    async (context, { metrics }) =>
      context.body(await metrics.render(), 200, { 'content-type': metrics.contentType }),
  ),
];
