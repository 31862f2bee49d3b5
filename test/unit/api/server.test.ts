import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import express from 'express';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { createHost } from '../../../src/server/host.ts';
import { folio } from '../../../src/server/middleware.ts';
import { startServer } from '../../../src/server/server.ts';
import { apiCases } from '../../api.cases.ts';
import { furnished } from './host-under-test.ts';

describe('Express on a free port', async () => {
  const place = await furnished();
  const server = await startServer(place.settings);
  afterAll(async () => {
    await server.close(0);
    await place[Symbol.asyncDispose]();
  });
  const authorization = `Bearer ${server.writeKey?.key}`;
  apiCases(async () => ({
    store: place.store,
    fetch: (path, init) =>
      fetch(server.url + path, { ...init, headers: { authorization, ...init?.headers } }),
  }));

  test('answers a URL with raw UTF-8 with what to do', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write('GET /generate?prompt=é HTTP/1.1\r\nHost: x\r\n\r\n');
    const [head, body = ''] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(body)).toMatchObject({
      error: { code: 'invalid_request', message: expect.stringContaining('--data-urlencode') },
    });
  });

  test('proposes the parameter and the path that were meant', async () => {
    const messageOf = async (path: string): Promise<string> =>
      ((await (await fetch(server.url + path)).json()) as { error: { message: string } }).error.message;
    expect(await messageOf('/generate?lenght=3')).toBe(
      'lenght: there is no such parameter; is length meant?',
    );
    expect(await messageOf('/generate?xyzzy=3')).toBe('xyzzy: there is no such parameter.');
    expect(await messageOf('/trainings')).toMatch(
      /There is nothing at GET \/trainings\. Put \/v1 before it\.$/,
    );
    expect(await messageOf('/nosuch')).toMatch(/\/docs lists what there is\.$/);
  });

  test('answers what cannot be a request in the shape of an error', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.end('GET /healthz HTTP/1.1\r\nHost: a/b@c\r\nConnection: close\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toContain('HTTP/1.1 400');
    expect(answer).toContain('"code":"invalid_request"');
  });
});

describe('the middleware', async () => {
  const place = await furnished();
  const key = 'a-key-for-this-test';
  const app = express();
  app.use(express.json());
  app.get('/own', (_, response) => void response.send('mine'));
  app.use('/text', folio({ ...place.settings, writeKeys: [key] }));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  afterAll(async () => {
    server.close();
    await place[Symbol.asyncDispose]();
  });

  test('mounts at a path of somebody’s own app, after their body parser too', async () => {
    expect(await (await fetch(`${url}/own`)).text()).toBe('mine');
    const response = await fetch(`${url}/text/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ prompt: 'Once', length: 7 }),
    });
    expect(await response.json()).toMatchObject({ characters: 7, model: 'tiny' });
  });

  test('takes a compressed body where the app’s parser has unpacked it, and says so where nobody does', async () => {
    const ask = async (at: string) => {
      const response = await fetch(`${at}/generate`, {
        method: 'POST',
        headers: {
          ...{ 'content-type': 'application/json', 'content-encoding': 'gzip' },
          authorization: `Bearer ${key}`,
        },
        body: new Uint8Array(gzipSync('{"prompt":"Once","length":7}')),
      });
      return [response.status, await response.json()];
    };
    expect(await ask(`${url}/text`)).toEqual([200, expect.objectContaining({ characters: 7 })]);
    const bare = await startServer({ ...place.settings, writeKeys: [key] });
    onTestFinished(() => bare.close(0));
    expect(await ask(bare.url)).toEqual([
      415,
      {
        error: expect.objectContaining({
          code: 'unsupported_media_type',
          message: 'The body: expected it as it is, without Content-Encoding; received gzip.',
        }),
      },
    ]);
  });

  test('gives addresses below its mount path', async () => {
    const page = await fetch(`${url}/text?a=1&b=2`, { redirect: 'manual' });
    expect([page.status, page.headers.get('location')]).toEqual([308, '/text/?a=1&b=2']);
    const imported = await fetch(`${url}/text/v1/models/other/import?file=checkpoint.pt`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/octet-stream' },
      body: new Uint8Array(await readFile('test/fixtures/import/torch-lstm/checkpoint.pt')),
    });
    const location = imported.headers.get('location') ?? '';
    expect([imported.status, location]).toEqual([201, expect.stringMatching(/^\/text\/v1\/models\/other/)]);
    const model = await fetch(new URL(location, imported.url), {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(await model.json()).toMatchObject({ object: 'model', current: true });
  });
});

test('startServer refuses an address beyond this machine without an API key', async () => {
  await using place = await furnished();
  await expect(startServer({ ...place.settings, host: '0.0.0.0' })).rejects.toMatchObject({
    code: 'unauthorized',
    message: expect.stringContaining('FOLIO_API_KEYS') as string,
  });
});

test('startServer reports a port that is taken', async () => {
  await using place = await furnished();
  const server = await startServer(place.settings);
  const port = Number(new URL(server.url).port);
  await expect(startServer({ ...place.settings, port })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('PORT') as string,
  });
  await server.close(0);
});

test('keeps quiet connections open for longer than load balancers do', async () => {
  await using place = await furnished();
  const server = await startServer(place.settings);
  const response = await fetch(`${server.url}/healthz`);
  expect(response.headers.get('keep-alive')).toBe('timeout=65');
  await server.close(0);
});

test('does not start open to every page of a browser without a key', async () => {
  await using place = await furnished({ origins: ['*'] });
  await expect(startServer(place.settings)).rejects.toMatchObject({
    code: 'invalid_parameter',
    message: expect.stringContaining('FOLIO_ORIGINS') as string,
  });
  const server = await startServer({ ...place.settings, apiKeys: ['a-key'] });
  const headers = { origin: 'https://anybody.example', authorization: 'Bearer a-key' };
  const response = await fetch(`${server.url}/v1/models`, { headers });
  expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
  await server.close(0);
});

test('a client that leaves in the middle of its body is no failure of the server', async () => {
  await using place = await furnished();
  const lines: { status: number }[] = [];
  const { app } = await createHost(place.settings, undefined, (line) => lines.push(line));
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"prompt":'));
      controller.error(new Error('aborted'));
    },
  });
  const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
  const response = await app.fetch(new Request('http://localhost/generate', init), {
    remoteAddress: '127.0.0.1',
  });
  expect(response.status).toBe(499);
  expect(lines.map(({ status }) => status)).toEqual([499]);
});
