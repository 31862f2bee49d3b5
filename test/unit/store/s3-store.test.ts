import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { S3Reader } from '../../../src/store/s3-reader.ts';
import { S3Store } from '../../../src/store/s3-store.ts';
import type { Store } from '../../../src/store/store.ts';

/** Answers of servers that are not S3's, or are nearly; real S3 servers are in test/s3. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (object: { bytes: Uint8Array } | undefined | 'unchanged'): string | undefined =>
  object === undefined || object === 'unchanged' ? object : new TextDecoder().decode(object.bytes);

let server: Server;
let port: number;
let answer: Answer;
let seen: string[];

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    seen.push(`${request.method} ${request.headers.host?.replace(/:.*/, '')} ${request.url?.split('?')[0]}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  seen = [];
});

const send =
  (status: number, headers: Record<string, string>, body = ''): Answer =>
  (_, response) =>
    response.writeHead(status, headers).end(body);
const error = (status: number, code: string, message = 'as asked'): Answer =>
  send(
    status,
    { 'content-type': 'application/xml' },
    `<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  );
const html = (status: number): Answer =>
  send(status, { 'content-type': 'text/html' }, '<!doctype html><p>Hi');

const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
const open = (): S3Store =>
  S3Store.at('s3://bucket', {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials,
    maxAttempts: 2,
  });

/** What reads for the generating function, set up by the environment as there. */
const openReader = (): S3Reader => {
  vi.stubEnv('AWS_REGION', 'us-east-1').stubEnv('AWS_ENDPOINT_URL_S3', `http://127.0.0.1:${port}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'a').stubEnv('AWS_SECRET_ACCESS_KEY', 'b');
  return new S3Reader('s3://bucket');
};
const readers = [
  ['S3Store', open],
  ['S3Reader', openReader],
] as const;
afterEach(() => {
  vi.unstubAllEnvs();
});

const calls = (store: Store): Record<string, () => Promise<unknown>> => ({
  read: () => store.read('x'),
  range: () => store.read('x', { range: { start: 0, end: 3 } }),
  readIfChanged: () => store.readIfChanged('x', '"1"'),
  stat: () => store.stat('x'),
  write: () => store.write('x', bytes('1')),
  list: () => store.list('x')[Symbol.asyncIterator]().next(),
});

describe.each([
  ['S3Store', open, ['write']],
  ['S3Reader', openReader, []],
] as const)('what is no answer of S3, by %s', (_, open, more) => {
  test.each(['read', 'range', 'readIfChanged', 'list', ...more])(
    'a page of HTML with 404: %s says so, tried once',
    async (call) => {
      answer = html(404);
      const thrown = await calls(open())[call]!().catch((fault: unknown) => fault);
      expect(thrown).toMatchObject({
        code: 'store_failed',
        message: expect.stringMatching(
          /404 with text\/html, which is no answer of S3: check AWS_ENDPOINT_URL_S3/,
        ),
        details: expect.not.objectContaining({ retryAfter: expect.anything() }),
      });
      expect(seen).toHaveLength(1);
    },
  );

  test.each(['read', 'range', 'readIfChanged', 'stat', 'list', ...more])(
    'a page of HTML with 200 is taken for no object: %s',
    async (call) => {
      answer = html(200);
      await expect(calls(open())[call]!()).rejects.toMatchObject({
        code: 'store_failed',
        message: expect.stringContaining('no answer of S3'),
      });
    },
  );
});

describe('errors', () => {
  test.each([
    [501, 'NotImplemented', false],
    [400, 'InvalidArgument', false],
    [403, 'AccessDenied', false],
    [500, 'InternalError', true],
    [503, 'SlowDown', true],
  ])('%d %s: trying again makes sense: %s', async (status, code, again) => {
    answer = error(status, code);
    for (const act of [() => open().write('x', bytes('1')), () => openReader().read('x')]) {
      const thrown = await act().catch((fault: unknown) => fault);
      expect(thrown).toMatchObject({
        code: 'store_failed',
        message: expect.stringContaining(`${code} (${status})`),
      });
      expect('retryAfter' in (thrown as { details: object }).details).toBe(again);
    }
  });

  test('a server that knows no checksums: the variable that helps is named', async () => {
    answer = error(501, 'NotImplemented', 'Header x-amz-checksum-crc32 is not implemented');
    await expect(open().write('x', bytes('1'))).rejects.toThrow(
      /AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED/,
    );
  });

  test('without a region or credentials: the client’s words, and the variable', async () => {
    for (const variable of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE'])
      vi.stubEnv(variable, undefined);
    for (const variable of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(variable, undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null').stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    const endpoint = `http://127.0.0.1:${port}`;
    const noRegion = S3Store.at('s3://bucket', { endpoint, credentials });
    await expect(noRegion.read('x')).rejects.toThrow(/Region is missing\. Set AWS_REGION\./);
    expect(() => new S3Reader('s3://bucket')).toThrow(/AWS_REGION/);
    const noCredentials = S3Store.at('s3://bucket', { endpoint, region: 'us-east-1' });
    vi.stubEnv('AWS_REGION', 'us-east-1').stubEnv('AWS_ENDPOINT_URL_S3', endpoint);
    for (const store of [noCredentials, new S3Reader('s3://bucket')]) {
      await expect(store.read('x')).rejects.toMatchObject({
        message: expect.stringMatching(/Could not load credentials .* Set AWS_ACCESS_KEY_ID/),
        details: expect.not.objectContaining({ retryAfter: expect.anything() }),
      });
    }
  });
});

describe.each(readers)('parts, by %s', (_, open) => {
  const whole = '0123456789';
  const part = (range: string, body: string): Answer =>
    send(206, { etag: '"1"', 'content-range': range, 'x-amz-checksum-crc32': 'AAAAAA==' }, body);
  const read = () => open().read('x', { range: { start: 3, end: 7 } });

  test('are taken with the whole object’s checksum beside them', async () => {
    answer = part('bytes 3-6/10', whole.slice(3, 7));
    expect(text(await read())).toBe('3456');
  });

  test('are cut from the whole where a server ignores ranges', async () => {
    answer = send(200, { etag: '"1"' }, whole);
    expect(text(await read())).toBe('3456');
  });

  test('are cut from more where a server sends more', async () => {
    answer = part('bytes 0-9/10', whole);
    expect(text(await read())).toBe('3456');
    answer = part('bytes 3-5/6', '345');
    expect(text(await read())).toBe('345');
  });

  test.each([
    ['bytes 0-3/10', '0123'],
    ['bytes 3-6/10', '345'],
    ['bytes 3-9/10', '34567'],
    ['items 1', '3456'],
  ])('are refused where they are others: %s with %s', async (range, body) => {
    answer = part(range, body);
    await expect(read()).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining('another part'),
    });
  });

  test('an unchanged object with a checksum is unchanged', async () => {
    answer = send(304, { etag: '"1"', 'x-amz-checksum-crc32': 'AAAAAA==' });
    expect(await open().readIfChanged('x', '"1"')).toBe('unchanged');
  });
});

test('an endpoint of ~/.aws/config is asked with the bucket in the path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-aws-'));
  const config = join(folder, 'config');
  await writeFile(config, `[default]\nregion = us-east-1\nendpoint_url = http://localhost:${port}\n`);
  vi.stubEnv('AWS_CONFIG_FILE', config).stubEnv('AWS_PROFILE', 'default');
  for (const variable of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3']) vi.stubEnv(variable, undefined);
  try {
    answer = send(200, { etag: '"1"' }, 'here');
    const store = S3Store.at('s3://bucket/below', { credentials });
    expect(text(await store.read('x'))).toBe('here');
    expect(seen).toEqual(['GET localhost /bucket/below/x']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('conditional writes', () => {
  /** A server in memory that compares and then writes, with a pause between, or does not compare at all. */
  const careless = (compares: boolean): Answer => {
    const objects = new Map<string, string>();
    let written = 0;
    return async ({ method, headers, url = '' }, response) => {
      const key = url.split('?')[0]!;
      const found = objects.get(key);
      if (method === 'DELETE') {
        objects.delete(key);
        return send(204, {})({} as IncomingMessage, response);
      }
      if (method !== 'PUT') {
        return found === undefined
          ? error(404, 'NoSuchKey')({} as IncomingMessage, response)
          : send(200, { etag: found }, 'x')({} as IncomingMessage, response);
      }
      const stale = headers['if-match'] !== undefined && headers['if-match'] !== found;
      if (compares && (stale || (headers['if-none-match'] === '*' && found !== undefined))) {
        return error(412, 'PreconditionFailed')({} as IncomingMessage, response);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
      written += 1;
      objects.set(key, `"${written}"`);
      return send(200, { etag: `"${written}"` })({} as IncomingMessage, response);
    };
  };
  // Each bucket is another one, since what was found of it is kept.
  const at = (bucket: string, options = {}): S3Store =>
    S3Store.at(
      `s3://${bucket}`,
      { endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', credentials },
      options,
    );

  test.each([
    ['ignores conditions', false],
    ['compares first and writes later', true],
  ])('a server that %s is refused for writing, and nothing of the probe stays', async (what, compares) => {
    answer = careless(compares);
    const store = at(what.replaceAll(' ', '-'));
    for (const write of [
      () => store.create('a/x', bytes('1')),
      () => store.replace('a/x', bytes('1'), null),
    ]) {
      await expect(write()).rejects.toMatchObject({
        code: 'store_unsafe',
        message: expect.stringMatching(/\d of 8 racing writers .* FOLIO_SINGLE_WRITER=1/),
      });
    }
    expect(seen.filter((line) => line.startsWith('PUT'))).toHaveLength(8); // found out once
    expect(seen.at(-1)).toMatch(/^DELETE .*\/a\/\.folio-probe-/);
    await store.write('a/x', bytes('2'));
  });

  test('with a single writer it is accepted, and conditions are checked before the write', async () => {
    answer = careless(false);
    const store = at('single', { singleWriter: true });
    const { etag } = await store.create('x', bytes('1'));
    await expect(store.create('x', bytes('2'))).rejects.toMatchObject({ code: 'already_exists' });
    await expect(store.replace('x', bytes('2'), '"another"')).rejects.toMatchObject({ code: 'conflict' });
    await store.replace('x', bytes('2'), etag);
  });
});
