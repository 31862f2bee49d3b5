import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../functions/bundle.ts';
import { Environment } from './environment.ts';
import { gatewayEvent, parseStreamed } from './event.ts';

/** Answers whose timing and faults are this test's own, behind the same handler as the real function's. */
const source = `
import { existsSync } from 'node:fs';
import { streamed } from './functions/gateway.ts';
const text = new TextEncoder();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let cancelled = 'no';
const answers = {
  '/slowly': () => new Response(new ReadableStream({
    async start(controller) {
      for (const word of ['one ', 'two ', 'three']) {
        controller.enqueue(text.encode(word));
        for (let tries = 0; !existsSync(word.trim()); tries++) {
          if (tries > 1000) throw new Error('Nobody has received ' + word);
          await wait(10);
        }
      }
      controller.close();
    },
  })),
  '/breaks': () => new Response(new ReadableStream({
    async start(controller) {
      controller.enqueue(text.encode('half an answ'));
      await wait(50);
      controller.error(new TypeError('The bug that nobody foresaw.'));
    },
  })),
  '/endless': (request) => new Response(new ReadableStream({
    async pull(controller) { controller.enqueue(new Uint8Array(1024).fill(97)); await wait(5); },
    cancel() { cancelled = request.signal.aborted ? 'after the signal' : 'yes'; },
  })),
  '/cancelled': () => new Response(cancelled),
  '/empty': () => new Response(null, { status: 204 }),
  '/moved': () => new Response(null, { status: 303, headers: { location: '/v1/trainings/1' } }),
};
export const handler = streamed((request) => answers[new URL(request.url).pathname](request));
`;

let folder: string;
let environment: Environment;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-lambda-'));
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root, loader: 'ts' },
    ...{ bundle: true, format: 'esm', platform: 'node', write: false },
  });
  await writeFile(join(folder, 'index.mjs'), outputFiles[0]?.text ?? '');
  environment = await Environment.start(folder);
});

afterAll(async () => {
  await environment?.stop();
  await rm(folder, { recursive: true, force: true });
});

const get = (path: string, options: Parameters<Environment['invoke']>[1] = {}) =>
  environment.invoke(gatewayEvent({ method: 'GET', path }), options);

describe('streamed', () => {
  it('sends each chunk when it is made', async () => {
    const received = (body: Buffer) => {
      for (const word of ['one', 'two', 'three']) {
        if (body.includes(word)) writeFileSync(join(folder, word), ''); // for which the function waits
      }
      return false;
    };
    const { chunks, body, status } = await get('/slowly', { hangUp: received });
    expect(status).toBe('answered');
    expect(parseStreamed(body).body.toString()).toBe('one two three');
    expect(chunks.slice(2).map(({ bytes }) => bytes.toString())).toEqual(['one ', 'two ', 'three']);
  });

  it('ends with an error, in trailers, when a body breaks after the first byte', async () => {
    const { body, trailers } = await get('/breaks');
    expect(parseStreamed(body)).toMatchObject({ status: 200 });
    expect(parseStreamed(body).body.toString()).toBe('half an answ');
    expect(trailers['lambda-runtime-function-error-type']).toBe('TypeError');
    const message = Buffer.from(String(trailers['lambda-runtime-function-error-body']), 'base64').toString();
    expect(message).toContain('nobody foresaw');
    expect(parseStreamed((await get('/empty')).body).status).toBe(204); // and the environment goes on
  });

  it('cancels the body when the client leaves', async () => {
    await get('/endless', { hangUp: (bytes) => bytes.length > 4_096 });
    await expect
      .poll(async () => parseStreamed((await get('/cancelled')).body).body.toString(), { timeout: 10_000 })
      .toBe('after the signal');
  });

  it('sends answers without a body, and addresses below the stage', async () => {
    expect(parseStreamed((await get('/empty')).body)).toMatchObject({ status: 204, body: Buffer.alloc(0) });
    expect(parseStreamed((await get('/moved')).body).headers.location).toBe('/live/v1/trainings/1');
  });
});
