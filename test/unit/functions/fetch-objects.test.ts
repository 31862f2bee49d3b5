import { expect, test } from 'vitest';
import * as ours from '../../../functions/fetch-objects.ts';

type Objects = Pick<typeof globalThis, 'Headers' | 'Request' | 'Response'>;

const streamOf = (...chunks: string[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });

const chunksOf = async (body: ReadableStream<Uint8Array> | null): Promise<string[]> => {
  const chunks: string[] = [];
  for await (const chunk of body ?? []) chunks.push(new TextDecoder().decode(chunk));
  return chunks;
};

/** Each is done with Node's objects and with ours: the same comes of both, or an error of the same kind. */
const cases: Record<string, (objects: Objects) => unknown> = {
  'headers of a record': ({ Headers }) => [...new Headers({ 'X-B': '2', 'x-a': ' 1\t' })],
  'headers of pairs': ({ Headers }) => [
    ...new Headers([
      ['b', '1'],
      ['a', '2'],
      ['B', '3'],
    ]),
  ],
  'headers of headers': ({ Headers }) => [...new Headers(new Headers({ a: '1' }))],
  'headers of nothing': ({ Headers }) => [...new Headers(), ...new Headers(undefined)],
  'one header in two values': ({ Headers }) => {
    const headers = new Headers({ vary: 'a' });
    headers.append('Vary', 'b');
    return [headers.get('VARY'), headers.has('vary'), headers.has('other'), headers.get('other')];
  },
  'a header that is set and deleted': ({ Headers }) => {
    const headers = new Headers({ a: '1', b: '2', c: '3' });
    headers.set('A', 'x');
    headers.delete('B');
    headers.delete('nosuch');
    return [...headers.entries()];
  },
  'names, values and each': ({ Headers }) => {
    const headers = new Headers({ b: '1', a: '2' });
    const seen: string[] = [];
    headers.forEach((value, name) => {
      seen.push(`${name}=${value}`);
    });
    return [[...headers.keys()], [...headers.values()], seen, Object.fromEntries(headers)];
  },
  'cookies stay apart': ({ Headers }) => {
    const headers = new Headers();
    headers.append('set-cookie', 'a=1');
    headers.append('Set-Cookie', 'b=2');
    headers.append('accept', '*');
    return [headers.getSetCookie(), headers.get('set-cookie'), [...headers]];
  },
  'bytes of Latin-1 in a value': ({ Headers }) => new Headers({ a: 'é' }).get('a'),
  'a character beyond a byte': ({ Headers }) => new Headers({ a: '€' }),
  'a line end in a value': ({ Headers }) => new Headers({ a: 'x\r\nb: y' }),
  'a NUL in a value': ({ Headers }) => new Headers({ a: 'x\0y' }),
  'a space in a name': ({ Headers }) => new Headers({ 'a b': 'x' }),
  'no name': ({ Headers }) => new Headers().get(''),
  'a name asked for that is none': ({ Headers }) => new Headers().has('a b'),

  'a plain request': ({ Request }) => {
    const { url, method, body, signal } = new Request('https://host/a b?c=d e');
    return { url, method, body, aborted: signal.aborted };
  },
  'a request with a text': async ({ Request }) => {
    const request = new Request('https://host/', {
      method: 'post',
      body: '{"ü":1}',
      headers: { 'content-type': 'a/b' },
    });
    return [request.method, [...request.headers], request.bodyUsed, await request.json(), request.bodyUsed];
  },
  'a request with bytes': async ({ Request }) =>
    chunksOf(new Request('https://host/', { method: 'POST', body: Buffer.from('abc') }).body),
  'a method of its own': ({ Request }) => new Request('https://host/', { method: 'Purge' }).method,
  'the signal of a request': ({ Request }) => {
    const aborter = new AbortController();
    const { signal } = new Request('https://host/', { signal: aborter.signal });
    aborter.abort();
    return signal.aborted;
  },
  'a body by GET': ({ Request }) => new Request('https://host/', { body: 'x' }),
  'a method that is none': ({ Request }) => new Request('https://host/', { method: 'a b' }),
  'an address that is none': ({ Request }) => new Request('/path'),

  'a response of nothing': ({ Response }) => {
    const { status, statusText, ok, body, bodyUsed, headers } = new Response();
    return { status, statusText, ok, body, bodyUsed, headers: [...headers] };
  },
  'a response with a text': async ({ Response }) => {
    const response = new Response('aü', { status: 404, headers: { b: '1' } });
    return [response.status, response.ok, [...response.headers], await response.text()];
  },
  'an empty text': async ({ Response }) => {
    const response = new Response('');
    return [[...response.headers], await chunksOf(response.body)];
  },
  'a response with bytes': async ({ Response }) => {
    const response = new Response(Uint8Array.of(1, 2, 3));
    return [[...response.headers], [...new Uint8Array(await response.arrayBuffer())]];
  },
  'a response with a part of a buffer': async ({ Response }) => {
    const whole = Uint8Array.of(1, 2, 3, 4);
    return [...new Uint8Array(await new Response(whole.subarray(1, 3)).arrayBuffer())];
  },
  'a response with a buffer': async ({ Response }) => new Response(new ArrayBuffer(2)).text(),
  'a stream, chunk by chunk': async ({ Response }) => chunksOf(new Response(streamOf('a', 'bc')).body),
  'a stream, whole': async ({ Response }) => new Response(streamOf('a', 'bc')).text(),
  'a stream that is cancelled': async ({ Response }) => {
    let cancelled: unknown;
    const body = new ReadableStream<Uint8Array>({
      cancel(reason) {
        cancelled = reason;
      },
    });
    await new Response(body).body?.cancel('enough');
    return cancelled;
  },
  'a stream that fails': async ({ Response }) => {
    const body = new ReadableStream<Uint8Array>({
      pull() {
        throw new RangeError('broken');
      },
    });
    return new Response(body).text();
  },
  'the same body with other headers, as Hono makes it': async ({ Response }) => {
    const first = new Response(streamOf('a'), { status: 201, headers: { a: '1' } });
    const second = new Response(first.body, first);
    second.headers.set('b', '2');
    return [second.status, [...second.headers], await second.text(), [...first.headers]];
  },
  'the answer to a HEAD, as Hono makes it': async ({ Response }) => {
    const response = new Response(null, new Response('abc', { status: 206 }));
    return [response.status, response.body, [...response.headers], await response.text()];
  },
  'a text read twice': async ({ Response }) => {
    const response = new Response('a');
    await response.text();
    return response.text();
  },
  'a body that somebody reads': async ({ Response }) => {
    const body = streamOf('a');
    body.getReader();
    return new Response(body);
  },
  'a body with the status 204': ({ Response }) => new Response('x', { status: 204 }),
  'no body with the status 304': ({ Response }) => new Response(null, { status: 304 }).status,
  'a status below 200': ({ Response }) => new Response(null, { status: 199 }),
  'a status above 599': ({ Response }) => new Response(null, { status: 600 }),
  'what is no JSON': async ({ Response }) => new Response('{').json(),
};

const outcome = async (run: () => unknown): Promise<unknown> => {
  try {
    return { value: await run() };
  } catch (error) {
    return { error: (error as Error).name };
  }
};

test.each(Object.keys(cases))('%s: the same as in Node', async (name) => {
  const expected = await outcome(() => cases[name]!(globalThis));
  expect(await outcome(() => cases[name]!(ours as unknown as Objects))).toEqual(expected);
});
