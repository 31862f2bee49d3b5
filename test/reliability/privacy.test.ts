import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import { expect, test, vi } from 'vitest';
import { buffered } from '../../functions/gateway.ts';
import { logRequest } from '../../functions/log.ts';
import { namedByCode } from '../../functions/named-by-code.ts';
import { createApp } from '../../src/api/app.ts';
import { type LogLine, logEntry } from '../../src/api/log.ts';
import { fieldNamesOf } from '../../src/api/request/rare-fields.ts';
import type { Operation } from '../../src/api/routes/route.ts';
import { operations } from '../../src/api/routes/routes.ts';
import { FolderStore } from '../../src/store/folder-store.ts';
import { listRecords } from '../../src/training-jobs/records.ts';
import { furnish } from '../api.cases.ts';
import { corpusOf } from '../corpus.ts';
import { furnished } from '../unit/api/host-under-test.ts';
import { eventOf } from '../unit/api/lambda-event.ts';

/** Stands for a prompt, a text, a key: whatever a client writes that is no name of a model. */
const canary = 'CANARYq7w8';
const key = `${canary}-the-key`;
const jsonType = { 'content-type': 'application/json' };

interface Probe {
  readonly path: string;
  readonly init: RequestInit & { readonly headers: Readonly<Record<string, string>> };
}

const fieldsOf = ({ body, query }: Operation): string[] =>
  [...Object.values(body ?? {}), query].flatMap((schema) =>
    typeof schema === 'object' ? fieldNamesOf(schema) : [],
  );

/** The values by which a field says what a client wants, right and wrong. */
const values = [
  canary,
  `${canary}é\n`,
  [canary, canary],
  [{ role: canary, content: canary }],
  [{ role: 'user', content: canary }],
  { [canary]: canary },
];

/** Every place of a request to this operation in which a client can write something. */
const probesOf = (operation: Operation): Probe[] => {
  const { method, path } = operation;
  const names = fieldsOf(operation);
  const known = path.replace(/:(?:model|name)/g, 'tiny').replace(/:\w+/g, canary);
  const unknown = path.replace(/:\w+/g, canary);
  const probe = (to: string, init: RequestInit = {}, headers: Record<string, string> = {}): Probe => ({
    path: to,
    init: { ...init, method: method.toUpperCase(), headers: { ...jsonType, ...headers } },
  });
  const queries = ['', `?${canary}=1`, `?x=${canary}`, ...names.map((name) => `?${name}=${canary}`)];
  const heads = ['accept', 'user-agent', 'cookie', 'referer', 'if-none-match', 'x-request-id', 'traceparent'];
  const common = [
    ...queries.flatMap((query) => [probe(known + query), probe(unknown + query)]),
    ...heads.map((name) => probe(known, {}, { [name]: `${canary} ${canary}` })),
    probe(known, {}, { authorization: `Bearer ${canary}` }),
    probe(known, {}, { 'x-api-key': canary, authorization: '' }),
  ];
  if (method !== 'post') return common;
  const form = `--${canary}\r\ncontent-disposition: form-data; name=${canary}; filename=${canary}\r\n\r\n${canary}\0\r\n--${canary}--`;
  const bodies = [
    ...names.flatMap((name) =>
      values.map((value) => JSON.stringify({ prompt: 'O', text: 'O', [name]: value })),
    ),
    JSON.stringify({ prompt: canary, text: canary, allowed: canary, stop: canary, model: 'tiny' }),
    JSON.stringify({ [canary]: 1 }),
    `{"${canary}`,
    `"${canary}"`,
    canary,
  ];
  return [
    ...common,
    ...bodies.map((body) => probe(known, { body })),
    ...bodies.slice(-6).map((body) => probe(known, { body }, { accept: 'text/event-stream' })),
    probe(known, { body: `${canary}\0` }, { 'content-type': 'text/plain' }),
    probe(known, { body: form }, { 'content-type': `multipart/form-data; boundary=${canary}` }),
    probe(known, { body: canary }, { 'content-type': canary }),
  ];
};

const probes = [
  ...operations.flatMap(probesOf),
  { path: `/${canary}`, init: { method: 'GET', headers: {} } },
  { path: `/generate?prompt=${canary}`, init: { method: 'PUT', headers: {} } },
  {
    path: '/v1/corpora/taken',
    init: { method: 'POST', headers: { 'content-type': 'text/plain' }, body: corpusOf(canary) },
  },
] as readonly Probe[];

/** Asks all, and drops what a server sends back: an answer may quote what its own client wrote. */
const askAll = async (
  fetch: (path: string, init: RequestInit) => Promise<Response>,
): Promise<readonly number[]> => {
  const statuses: number[] = [];
  for (const { path, init } of probes) {
    const headers = { authorization: `Bearer ${key}`, ...init.headers };
    const response = await fetch(path, { ...init, headers });
    const answer = await response.text().catch(() => '');
    expect(response.status, `${init.method} ${path} ${answer}`).not.toBe(500);
    statuses.push(response.status);
  }
  return statuses;
};

test('nothing that a client writes is in the log, the metrics or a record of a server, whatever the route and the fault', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-canary-'));
  const store = new FolderStore(folder);
  await furnish(store);
  const script = fileURLToPath(new URL('./server-with-pretend-trainer.ts', import.meta.url));
  const child = spawn(process.execPath, [script], {
    env: {
      ...{ PATH: process.env.PATH, FOLIO_STORE: folder, FOLIO_MODEL: 'tiny', LOG_LEVEL: 'trace' },
      ...{ FOLIO_WRITE_KEYS: key, FOLIO_ORIGINS: 'https://friend.example', FOLIO_MAX_LENGTH: '40' },
    },
  });
  try {
    const log = text(child.stderr);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = String(line).replace('Folio is at ', '').trim();
    const statuses = await askAll((path, init) => fetch(url + path, init));
    for (const status of [200, 202, 400, 401, 404, 413, 415, 422]) {
      if (status !== 413) expect(statuses, String(status)).toContain(status);
    }
    // A training of a corpus that makes the trainer fail, and one that is published.
    for (const corpus of [corpusOf(`die ${canary}`), corpusOf(`Once upon ${canary}.`)]) {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'text/plain' };
      await fetch(`${url}/v1/corpora/novel`, { method: 'POST', headers, body: corpus });
    }
    await expect
      .poll(async () => (await listRecords(store)).map(({ state }) => state), { timeout: 10_000 })
      .toContain('published');
    const metrics = await (
      await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
    ).text();
    child.kill('SIGTERM');
    const lines = await log;
    expect(lines.split('\n').length).toBeGreaterThan(500);
    expect(lines).toContain('"code":"invalid_parameter","place":"temperature"');
    expect(lines).not.toContain(canary);
    expect(metrics).toContain('folio_requests_total');
    expect(metrics).not.toContain(canary);
    const records = await listRecords(store);
    expect(records.length).toBeGreaterThan(1);
    expect(JSON.stringify(records)).not.toContain(canary);
    // Of all that is stored, the corpora alone hold what was sent.
    for await (const { key: stored } of store.list('')) {
      if (stored.startsWith('corpora/')) continue;
      expect(stored).not.toContain(canary);
      expect(String((await store.read(stored))?.bytes), stored).not.toContain(canary);
    }
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);

test('nothing that a client writes is in the log of a function', async () => {
  await using place = await furnished({ writeKeys: [key] });
  const { createHost } = await import('../../src/server/host.ts');
  const host = await createHost(place.settings, [process.execPath, '-e', '', '--'], logRequest);
  const printed: string[] = [];
  const spies = (['info', 'error', 'log', 'warn', 'debug'] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation((...parts: unknown[]) => {
      printed.push(JSON.stringify(parts));
    }),
  );
  const handler = buffered((request, bindings) => host.app.fetch(request, bindings));
  const context = { getRemainingTimeInMillis: () => 30_000 } as Context;
  try {
    await askAll(async (path, init) => {
      const event: APIGatewayProxyEvent = await eventOf(path, init);
      const { statusCode, body } = await handler(event, context);
      return new Response(statusCode === 204 ? null : body, { status: statusCode });
    });
  } finally {
    for (const spy of spies) spy.mockRestore();
    await host.close();
  }
  expect(printed.length).toBeGreaterThan(500);
  expect(printed.join('\n')).toContain('"code":"invalid_parameter","place":"temperature"');
  expect(printed.join('\n')).not.toContain(canary);
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
  // The runtime of a function writes name, message and stack of what a step throws into its log.
  const step = namedByCode(() => Promise.resolve().then(fail));
  const thrown = (await step({}).catch((error: unknown) => error)) as Error;
  expect(`${thrown.name} ${thrown.message} ${thrown.stack} ${JSON.stringify(thrown)}`).not.toContain(canary);
  expect(thrown.name).toBe('SyntaxError');
  expect(thrown.stack).toMatch(/\n {4}at /);
  expect(thrown.cause).toBeUndefined();
});

test('what a bulk job or a look at a corpus reads is neither in its log nor in its record', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-canary-'));
  const folio = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['src/cli/main.ts', ...args], {
      env: { PATH: process.env.PATH, FOLIO_STORE: folder, LOG_LEVEL: 'trace' },
    }).catch((error: unknown) => error as { stdout: string; stderr: string });
  try {
    await furnish(new FolderStore(folder));
    const rows = [
      { prompt: canary },
      { prompt: `${canary}é` },
      { [canary]: 1 },
      { prompt: 'O', stop: [canary, 1] },
    ];
    const input = join(folder, 'rows.jsonl');
    await writeFile(input, [...rows.map((row) => JSON.stringify(row)), `{"${canary}`].join('\n'));
    const output = join(folder, 'out/');
    const { stderr } = await folio('bulk', 'generate', '--model', 'tiny', '-i', input, '-o', output);
    expect(stderr).toContain('rows');
    expect(stderr).not.toContain(canary);
    expect(await readFile(join(output, 'job.json'), 'utf8')).not.toContain(canary);

    // A look at a corpus shows its lines to whoever looks, but never what may be a secret.
    await mkdir(join(folder, 'texts'));
    const secret = `password = "${canary}"\nAWS_SECRET_ACCESS_KEY=${canary.padEnd(40, 'x')}\n`;
    await writeFile(
      join(folder, 'texts/novel.txt'),
      secret + [...'abcdefghij'].map((letter) => `Once upon ${letter}.\n`).join(''),
    );
    const looked = await folio('inspect', join(folder, 'texts'));
    expect(looked.stdout + looked.stderr).toMatch(/character/);
    expect(looked.stdout + looked.stderr).not.toContain(canary);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
