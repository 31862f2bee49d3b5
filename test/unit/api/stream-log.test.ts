import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type LogLine, logEntry } from '../../../src/api/log.ts';
import { createHost } from '../../../src/server/host.ts';
import { furnished } from './host-under-test.ts';

/** What a host logs of a text: once, when its answer has been taken or its reader has left. */
const place = await furnished({ maximumLength: 10_000_000, timeLimitSeconds: 1 });
const lines: LogLine[] = [];
const host = await createHost(place.settings, undefined, (line) => lines.push(line));

beforeEach(() => void lines.splice(0));
afterAll(async () => {
  await host.close();
  await place[Symbol.asyncDispose]();
});

const ask = async (
  path: string,
  body: object,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> =>
  host.app.fetch(
    new Request(`http://localhost${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    }),
    { remoteAddress: '127.0.0.1' },
  );
const asText = { accept: 'text/plain' };
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const entries = (): object[] => lines.map(logEntry);

describe('the log line of a text', () => {
  test.each<[path: string, body: object, headers: Record<string, string>]>([
    ['/generate', { prompt: 'Once', length: 300, seed: 1 }, {}],
    ['/generate', { prompt: 'Once', length: 300, seed: 1 }, asText],
    ['/v1/completions', { model: 'tiny', prompt: 'Once', max_tokens: 300, seed: 1 }, {}],
    ['/v1/completions', { model: 'tiny', prompt: 'Once', max_tokens: 300, seed: 1, stream: true }, {}],
    [
      '/v1/chat/completions',
      { model: 'tiny', messages: [{ role: 'user', content: 'Once' }], max_tokens: 300, stream: true },
      {},
    ],
  ])(
    'of %s %j says how many characters were made, how long it took and how it ended',
    async (path, body, headers) => {
      const response = await ask(path, body, headers);
      await pause(60);
      const before = lines.length;
      await response.text();
      expect(entries()).toEqual([
        {
          requestId: response.headers.get('x-request-id'),
          method: 'POST',
          route: path,
          status: 200,
          milliseconds: expect.any(Number),
          model: 'tiny',
          characters: 300,
          firstCharacterMilliseconds: expect.any(Number),
          ended: 'length',
        },
      ]);
      const isStream = response.headers.get('content-type') !== 'application/json';
      if (isStream) {
        expect(before).toBe(0);
        expect(lines[0]?.milliseconds).toBeGreaterThanOrEqual(59); // the pause of its reader
      }
    },
  );

  test('names the stop string as its end', async () => {
    const text = await (await ask('/generate', { prompt: 'Once', length: 50, seed: 1 }, asText)).text();
    lines.splice(0);
    await (
      await ask('/generate', { prompt: 'Once', length: 50, seed: 1, stop: text.slice(5, 9) }, asText)
    ).text();
    expect(entries()).toMatchObject([{ status: 200, ended: 'stop' }]);
  });

  test('of a reader who leaves counts what was made until then', async () => {
    const response = await ask('/generate', { prompt: 'Once', length: 5_000_000 }, asText);
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await pause(20);
    expect(entries()).toMatchObject([{ status: 200, ended: 'left', characters: expect.any(Number) }]);
    const { characters = 0 } = lines[0]?.generation ?? {};
    expect(characters).toBeGreaterThan(0);
    expect(characters).toBeLessThan(5_000_000);
  });

  test.each(['/generate', '/v1/completions'])(
    'of a reader of %s who leaves before the first piece is written',
    async (path) => {
      const body = {
        model: 'tiny',
        prompt: 'Once',
        stream: true,
        [path === '/generate' ? 'length' : 'max_tokens']: 5_000,
      };
      if (path === '/generate') delete (body as { stream?: true }).stream;
      const response = await ask(path, body, asText);
      await response.body!.cancel();
      await pause(20);
      expect(entries()).toMatchObject([{ status: 200, ended: 'left', characters: 0 }]);
    },
  );

  test('of a client whose connection breaks while it waits for a whole answer', async () => {
    const connection = new AbortController();
    const answer = ask('/generate', { prompt: 'Once', length: 5_000_000 }, {}, connection.signal);
    setTimeout(() => connection.abort(), 50);
    await (await answer).text();
    expect(entries()).toMatchObject([{ ended: 'left' }]);
  });

  test.each([
    ['/generate', { prompt: 'Once', length: 5_000_000 }],
    ['/v1/completions', { model: 'tiny', prompt: 'Once', max_tokens: 5_000_000, stream: true }],
  ])('of %s %j that runs out of time is one line, with the error', async (path, body) => {
    await (await ask(path, body, asText)).text().catch(() => '');
    expect(entries()).toMatchObject([{ status: 503, code: 'time_limit', ended: 'time_limit' }]);
    expect(lines[0]?.generation?.characters).toBeGreaterThan(1_000);
  });

  test('of a request that is refused has no text', async () => {
    await (await ask('/generate', { prompt: 'Once', length: -1 })).text();
    expect(entries()).toEqual([expect.not.objectContaining({ ended: expect.anything() })]);
    expect(entries()).toMatchObject([{ status: 400, code: 'invalid_parameter' }]);
  });
});

test('usage says how much of a prompt had been read before', async () => {
  const prompt = 'It was the best of times, it was the worst of times, it was the age';
  const usage = async (stream: boolean): Promise<string> => {
    const body = {
      model: 'tiny',
      prompt,
      max_tokens: 5,
      stream,
      ...(stream && { stream_options: { include_usage: true } }),
    };
    return (await ask('/v1/completions', body)).text();
  };
  expect(await usage(false)).toContain('"prompt_tokens_details":{"cached_tokens":0}');
  const cached = (text: string) => Number(/"cached_tokens":(\d+)/.exec(text)?.[1]);
  expect(cached(await usage(false))).toBeGreaterThanOrEqual(32);
  expect(cached(await usage(true))).toBeLessThan(prompt.length);
  expect(cached(await usage(true))).toBeGreaterThanOrEqual(32);
  expect(lines.at(-1)?.generation).toMatchObject({ promptCharacters: prompt.length });
});
