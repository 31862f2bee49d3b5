import { expect, test, vi } from 'vitest';
import { logRequest } from '../../../functions/log.ts';
import { createApp } from '../../../src/api/app.ts';
import { type LogLine, logEntry } from '../../../src/api/log.ts';
import { operations } from '../../../src/api/routes/routes.ts';
import { createHost } from '../../../src/server/host.ts';
import { furnished } from './host-under-test.ts';

const canary = 'CANARYq7w8';

/** Every place of a request in which a client can write something. */
const requestsWith = (method: string, path: string, names: readonly string[]): Request[] => {
  const url = `http://localhost${path.replace(/:\w+/g, canary)}`;
  if (method === 'get' || method === 'delete') {
    const queries = names.map((name) => `?${name}=${canary}`);
    return [`?${canary}=1`, `?x=${canary}`, ...queries].map(
      (query) => new Request(url + query, { method: method.toUpperCase() }),
    );
  }
  const values = [canary, { [canary]: canary }, [{ role: canary, content: canary }]];
  const bodies = [
    ...names.flatMap((name) => values.map((value) => JSON.stringify({ [name]: value }))),
    JSON.stringify({ [canary]: 1 }),
    JSON.stringify({ prompt: canary, text: canary, allowed: canary, stop: canary, model: canary }),
    JSON.stringify({
      prompt: `${canary}é`,
      text: `${canary}é`,
      messages: [{ role: 'user', content: canary }],
    }),
    `{"${canary}`,
    `"${canary}"`,
    canary,
  ];
  return bodies.map(
    (body) => new Request(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } }),
  );
};

test('nothing that a client writes is in a log, whatever the route and the fault', async () => {
  const place = await furnished();
  const lines: LogLine[] = [];
  const host = await createHost(place.settings, undefined, (line) => lines.push(line));
  const call = async (request: Request): Promise<Response> => {
    request.headers.set('authorization', `Bearer ${host.writeKey?.key}`);
    return host.app.fetch(request, { remoteAddress: '127.0.0.1' });
  };
  const printed: string[] = [];
  const keep = (...parts: unknown[]) => void printed.push(JSON.stringify(parts));
  const spies = (['info', 'error', 'log', 'warn'] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation(keep),
  );
  for (const { method, path, body, query } of operations.filter(({ path }) => !path.includes('corpora'))) {
    const names = [...Object.values(body ?? {}), query].flatMap((schema) =>
      typeof schema === 'object' && 'shape' in schema ? Object.keys(schema.shape as object) : [],
    );
    for (const request of requestsWith(method, path, names)) {
      const response = await call(request);
      await response.text().catch(() => '');
      expect(response.status, `${method} ${path}`).toBeLessThan(500);
    }
  }
  await call(new Request(`http://localhost/${canary}`));
  expect(lines.length).toBeGreaterThan(300);
  for (const line of lines) logRequest(line);
  const all = lines.map((line) => JSON.stringify(logEntry(line))).join('\n') + printed.join('\n');
  expect(all).not.toContain(canary);
  expect(all).toContain('"code":"invalid_parameter","place":"temperature"');
  for (const spy of spies) spy.mockRestore();
  await place[Symbol.asyncDispose]();
}, 120_000);

test('a bug whose message quotes a prompt is logged by its kind and its calls', async () => {
  const lines: LogLine[] = [];
  const fail = () => {
    throw new SyntaxError(`Unexpected token in "${canary}"\n${canary} in a second line`);
  };
  const app = createApp({
    store: { location: 'nowhere', list: fail, read: fail } as never,
    limits: {} as never,
    authorise: () => ({ id: 'anybody', rights: ['read'] }),
    log: (line) => lines.push(line),
  });
  const response = await app.request('/v1/models');
  expect(response.status).toBe(500);
  const entry = JSON.stringify(lines.map(logEntry));
  expect(entry).not.toContain(canary);
  expect(entry).toContain('"error":"SyntaxError","calls":["at ');
});
