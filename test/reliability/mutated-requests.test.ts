import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openApiDocument } from '../../src/api/openapi/openapi.ts';
import { fieldNamesOf } from '../../src/api/request/rare-fields.ts';
import { operations, templateOf } from '../../src/api/routes/routes.ts';
import { FolderStore } from '../../src/store/folder-store.ts';
import { furnish } from '../api.cases.ts';
import { ServerProcess } from './server-process.ts';
import { report, sized } from './size.ts';

const requests = sized(20_000);

interface Described {
  readonly paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, unknown> } | undefined> }>
  >;
}
const { paths } = openApiDocument() as unknown as Described;

/** What of an answer openapi.json does not say: its status, or its content type. */
const undescribed = (method: string, path: string, { status, headers }: Response): string | undefined => {
  const answer = paths[templateOf(path)]?.[method]?.responses[status];
  if (answer === undefined) return `${method} ${path}: ${status}`;
  const type = headers.get('content-type')?.split(';')[0] ?? 'none';
  const types = Object.keys(answer.content ?? {});
  const isFile = types.includes('application/octet-stream'); // of whatever type it is
  return isFile || types.includes(type) ? undefined : `${method} ${path}: ${status} as ${type}`;
};

/** The same requests in every run. */
let state = 20261127;
const random = (below: number): number => {
  state = (state * 48271) % 2147483647;
  return state % below;
};
const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)]!;

const odd: readonly unknown[] = [
  ...[null, true, -1, 0, 1e308, 0.5, 2 ** 53, '', 'O', '\0', '\ud800', '<|endoftext|>', '__proto__', '../x'],
  ...[[], [[]], {}, { __proto__: 1 }, ['O', 1], [0, 1, 2], 'x'.repeat(5000), Array(300).fill('O'), '1e999'],
];

/** A body that is right but for one to three changes of fields, or of bytes. */
const mutated = (example: Readonly<Record<string, unknown>>, fields: readonly string[]): string => {
  const body: Record<string, unknown> = { ...example };
  for (let changes = random(3); changes >= 0; changes--) {
    if (random(4) === 0) delete body[pick(Object.keys(body)) ?? ''];
    else body[pick([...fields, 'constructor', 'toString', ''])] = pick(odd);
  }
  const text = JSON.stringify(body);
  if (random(4) > 0) return text;
  const at = random(text.length + 1);
  return pick([
    text.slice(0, at),
    text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1),
    text.slice(0, at) + text.slice(at - random(20)),
    '['.repeat(random(3000)) + text,
  ]);
};

test('no request that is mutated has an answer that is a bug, or not as openapi.json says; none ends the server', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-mutated-'));
  await furnish(new FolderStore(folder));
  const script = [join(import.meta.dirname, 'server-with-pretend-trainer.ts')];
  const limits = { FOLIO_MAX_LENGTH: '100', FOLIO_MAX_PROMPT: '2000', FOLIO_TIME_LIMIT_SECONDS: '20' };
  const environment = { FOLIO_STORE: folder, FOLIO_MODEL: 'tiny', FOLIO_WRITE_KEYS: 'writes', ...limits };
  const statuses = new Map<number, number>();
  const bugs: string[] = [];
  const strays = new Set<string>();
  try {
    await using server = await ServerProcess.start(environment, script);
    const ask = async (): Promise<void> => {
      const { method, path, body, query, example = {} } = pick(operations);
      const schema = Object.values(body ?? {}).find((value) => typeof value === 'object') ?? query;
      const fields = typeof schema === 'object' ? fieldNamesOf(schema) : [];
      const place = path.replace(/:\w+/g, () =>
        pick(['tiny', 'other', 'none', '%2e%2e', 'tiny@x', 'a%00b', 'é']),
      );
      const pairs = Array.from({ length: random(3) }, () => [pick(['x', ...fields]), String(pick(odd))]);
      const search = new URLSearchParams(pairs).toString();
      const asked = pick([method, method, 'post', 'get', 'put']);
      const response = await fetch(`${server.url}${place}?${search}`, {
        method: asked.toUpperCase(),
        headers: {
          authorization: 'Bearer writes',
          'content-type': pick([
            'application/json',
            'application/json',
            'text/plain',
            'x',
            'multipart/form-data',
          ]),
          accept: pick(['*/*', 'text/event-stream', 'text/plain', 'application/json;q=0', 'x']),
        },
        ...(method === 'post' ? { body: mutated(example, fields) } : {}),
      }).catch((error: unknown) => {
        if (error instanceof TypeError && /body/.test(error.message)) return undefined; // fetch itself refuses a GET with a body
        throw error;
      });
      if (response === undefined) return;
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      const answer = await response.text();
      const isRoute = asked === method && !place.includes('%2e'); // which fetch makes another path of
      const missing = isRoute ? undescribed(method, path, response) : undefined;
      if (missing !== undefined) strays.add(missing);
      if (response.status >= 500 && response.status !== 503) bugs.push(`${method} ${place} ${answer}`);
    };
    for (let done = 0; done < requests; done += 20) await Promise.all(Array.from({ length: 20 }, ask));
    expect(bugs).toEqual([]);
    expect([...strays].sort()).toEqual([]);
    expect(server.hasEnded).toBe(false);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect(statuses.get(200)).toBeGreaterThan(requests / 100);
    expect(statuses.get(400)).toBeGreaterThan(requests / 20);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const all = [...statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  report(
    `${requests} mutated requests to all ${operations.length} operations`,
    `no bug, and no answer that openapi.json does not describe; ${all.join(', ')}`,
  );
}, 900_000);
