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
  route(
    {
      method: 'get',
      path: '/health',
      group: 'Service',
      id: 'healthOfServer',
      summary: 'The same, where tools for other servers look for it',
      open: true,
      answers: { 200: { description: 'It does', content: { [json]: 'HealthResponseSchema' } } },
      errors: [],
    },
    (context) => context.json({ status: 'ok' }),
  ),
];
