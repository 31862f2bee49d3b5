import { json, route } from './route.ts';

/** What watches whether the server answers. */
export const serviceRoutes = [
  route(
    {
      method: 'get',
      path: '/healthz',
      group: 'Service',
      id: 'health',
      summary: 'Whether the server answers',
      open: true,
      answers: { 200: { description: 'It does', content: { [json]: 'HealthResponseSchema' } } },
      errors: [],
    },
    (context) => context.json({ status: 'ok' }),
  ),
];
