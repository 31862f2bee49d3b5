import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startServer } from '../../../src/server/server.ts';
import { writeKeyOfUser } from '../../../src/server/write-key.ts';
import { furnished } from '../api/host-under-test.ts';

describe('the key of a server without keys', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'folio-key-'));
    vi.stubEnv('FOLIO_CACHE', folder);
    return async () => {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true, force: true });
    };
  });

  test('is drawn once, kept where its user alone can read it, and the same for servers that start at once', async () => {
    const first = await Promise.all(Array.from({ length: 8 }, writeKeyOfUser));
    const again = await writeKeyOfUser();
    expect(new Set([...first, again].map(({ key }) => key)).size).toBe(1);
    expect(again.key).toMatch(/^[0-9a-f]{32}$/);
    expect(await readFile(again.file ?? '', 'utf8')).toBe(`${again.key}\n`);
    expect((await stat(again.file ?? '')).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['write-key']);
  });

  test('is drawn anew where others could have read or written it', async () => {
    const { key, file = '' } = await writeKeyOfUser();
    await chmod(file, 0o644);
    const next = await writeKeyOfUser();
    expect(next.key).not.toBe(key);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await writeFile(file, 'short');
    expect((await writeKeyOfUser()).key).toMatch(/^[0-9a-f]{32}$/);
  });

  test('lasts for one start where it cannot be kept', async () => {
    vi.stubEnv('FOLIO_CACHE', '/dev/null/nowhere');
    const { key, file } = await writeKeyOfUser();
    expect([key.length, file]).toEqual([32, undefined]);
  });
});

describe('behind a proxy that adds no header', async () => {
  const place = await furnished();
  const server = await startServer(place.settings);
  const { hostname, port } = new URL(server.url);
  /** Byte for byte, as a TCP balancer. */
  const tcp = createTcpServer((socket) => {
    const upstream = connect(Number(port), hostname);
    socket.pipe(upstream).pipe(socket);
    for (const end of [socket, upstream]) end.on('error', () => socket.destroy());
  }).listen(0, '127.0.0.1');
  /** With the upstream's own name as Host, as nginx and most others unless configured otherwise. */
  const plain = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, host: `${hostname}:${port}` };
    const { url: path, method } = incoming;
    incoming.pipe(
      httpRequest({ hostname, port, path, method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      }),
    );
  }).listen(0, '127.0.0.1');
  await Promise.all([once(tcp, 'listening'), once(plain, 'listening')]);
  afterAll(async () => {
    tcp.close();
    plain.close();
    await server.close(0);
    await place[Symbol.asyncDispose]();
  });
  const writes = [
    ['POST', '/v1/corpora/novel', 'text/plain', 'Once.'],
    ['POST', '/v1/trainings', 'application/json', '{"model":"novel"}'],
    ['POST', '/v1/models/tiny/activate', 'application/json', '{"version":"x"}'],
    ['POST', '/v1/models/novel/import', 'application/octet-stream', 'x'],
    ['DELETE', '/v1/models/tiny@x', 'application/json', undefined],
    ['DELETE', '/v1/trainings/20260101T000000Z-0001-novel', 'application/json', undefined],
  ] as const;

  test.each([
    ['nobody has the right to write', undefined],
    ['a wrong key has no right to write', 'wrong'],
  ])('%s', async (_, key) => {
    for (const { port: at } of [tcp.address() as AddressInfo, plain.address() as AddressInfo]) {
      for (const [method, path, type, body] of writes) {
        const response = await fetch(`http://127.0.0.1:${at}${path}`, {
          method,
          headers: {
            'content-type': type,
            connection: 'close',
            ...(key && { authorization: `Bearer ${key}` }),
          },
          ...(body && { body }),
        });
        expect([method, path, response.status]).toEqual([method, path, 401]);
      }
    }
  });

  test('whoever has the key that the server printed may write', async () => {
    const at = (plain.address() as AddressInfo).port;
    const response = await fetch(`http://127.0.0.1:${at}/v1/models/tiny/activate`, {
      method: 'POST',
      headers: { 'x-api-key': server.writeKey?.key ?? '', connection: 'close' },
      body: '{"version":"never"}',
    });
    expect([response.status, (await response.json()).error.code]).toEqual([404, 'model_not_found']);
  });
});
