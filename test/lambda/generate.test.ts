import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { loadModel } from '../../src/index.ts';
import { S3Store } from '../../src/store/s3-store.ts';
import { bundlesIn } from '../built-functions.ts';
import { type Gateway, startGateway } from '../s3/gateway.ts';
import { publishTinyModel, type TinyModel, writeTinyModel } from '../tiny-model.ts';
import { Environment } from './environment.ts';
import { gatewayEvent, parseStreamed, writerKeyId } from './event.ts';

let folder: string;
let s3: Gateway;
let store: S3Store;
let model: TinyModel;
const environments: Environment[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-lambda-'));
  s3 = await startGateway();
  await s3.createBucket('models');
  const { endpoint, region, credentials } = s3;
  store = S3Store.at('s3://models', { endpoint, region, credentials, forcePathStyle: true });
  model = await publishTinyModel(store, { name: 'shakespeare', units: [64] });
});

afterEach(async () => {
  for (const environment of environments.splice(0)) await environment.stop();
});

afterAll(async () => {
  await s3?.stop();
  await rm(folder, { recursive: true, force: true });
});

const start = async (variables: Readonly<Record<string, string>> = {}): Promise<Environment> => {
  const environment = await Environment.start(bundlesIn(inject('functionBundles')).generate, {
    ...s3.environment,
    FOLIO_STORE: 's3://models',
    FOLIO_MODEL: 'shakespeare',
    FOLIO_WRITER_KEY_ID: writerKeyId,
    ...variables,
  });
  environments.push(environment);
  return environment;
};

const asked = { prompt: 'Hello', length: 60, seed: 7 };
const asText = { accept: 'text/plain' };
const post = (body: object, headers: Record<string, string> = {}) =>
  gatewayEvent({ method: 'POST', path: '/generate', body, headers });

/** What the library itself makes of the same request. */
const expectedText = async (): Promise<string> => {
  const place = join(folder, 'model');
  await writeTinyModel(place, { name: 'shakespeare', units: [64] });
  const own = await loadModel(place);
  let text = '';
  for await (const piece of own.generate(asked)) text += piece;
  own.dispose();
  return text;
};

describe('the generating function, under the real runtime client', () => {
  it('writes the same texts on two processors, which more memory brings, as on one', async () => {
    const many = { model: 'shakespeare', prompt: 'Hello', n: 8, max_tokens: 2500, seed: 7 };
    const textsWith = async (memory: string): Promise<unknown[]> => {
      const environment = await start({ AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memory });
      const event = gatewayEvent({ method: 'POST', path: '/v1/completions', body: many });
      const { status, body } = parseStreamed((await environment.invoke(event)).body);
      expect(status).toBe(200);
      const { choices } = JSON.parse(String(body)) as { choices: { text: string }[] };
      return choices.map(({ text }) => text);
    };
    const texts = await textsWith('3538');
    expect(texts).toHaveLength(8);
    expect(texts).toEqual(await textsWith('1769'));
  });

  it('loads its model before the first request, and answers as the library does', async () => {
    const environment = await start();
    await environment.api.ready;
    const received = await environment.invoke(post(asked, asText));
    expect(received.headers['lambda-runtime-function-response-mode']).toBe('streaming');
    expect(received.headers['content-type']).toBe('application/vnd.awslambda.http-integration-response');
    const { status, headers, body } = parseStreamed(received.body);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(headers['x-folio-model']).toBe(`shakespeare@${model.version}`);
    expect(headers['server-timing']).toMatch(/load;dur=0\b/);
    expect(body.toString()).toBe(await expectedText());
  });

  it('sends chunks one by one, while the text is made', async () => {
    const environment = await start();
    const received = await environment.invoke(post({ ...asked, length: 10_000 }, asText));
    const [prelude, delimiter, ...text] = received.chunks;
    expect(JSON.parse(String(prelude?.bytes))).toMatchObject({ statusCode: 200 });
    expect(delimiter?.bytes).toEqual(Buffer.alloc(8));
    expect(text.length).toBeGreaterThan(3);
    expect((text.at(-1)?.at ?? 0) - (text[0]?.at ?? 0)).toBeGreaterThan(5); // ms from the first to the last
    expect(parseStreamed(received.body).body.toString()).toHaveLength(10_000);
  });

  it('serves one invocation after another, and a version published meanwhile', async () => {
    const environment = await start({ FOLIO_RELOAD_SECONDS: '0' });
    const first = parseStreamed((await environment.invoke(post(asked, asText))).body);
    const second = parseStreamed((await environment.invoke(post(asked, asText))).body);
    expect(second.body).toEqual(first.body);
    const later = await publishTinyModel(store, {
      name: 'shakespeare',
      units: [64],
      seed: 2,
      createdAt: new Date('2026-02-02T03:04:05Z'),
    });
    const third = parseStreamed((await environment.invoke(post(asked, asText))).body);
    expect(third.headers['x-folio-model']).toBe(`shakespeare@${later.version}`);
    const pinned = parseStreamed(
      (await environment.invoke(post({ ...asked, model: `shakespeare@${model.version}` }, asText))).body,
    );
    expect(pinned.body).toEqual(first.body);
    const blend = { [`shakespeare@${model.version}`]: 0.3 };
    const dry = { blend, dry_multiplier: 1, pattern: '(?:[a-z]{1,6}[ .])+' };
    const mixed = parseStreamed((await environment.invoke(post({ ...asked, ...dry }))).body);
    const { text, receipt } = JSON.parse(String(mixed.body)) as { text: string; receipt: { blend: object } };
    expect(text).toMatch(/^(?:[a-z]{1,6}[ .])+$/);
    expect(Object.keys(receipt.blend)).toEqual(Object.keys(blend));
  });

  it('answers what is wrong with a request by its status, before the first byte', async () => {
    const environment = await start();
    const wrong = parseStreamed((await environment.invoke(post({ prompt: 'a', temperature: -1 }))).body);
    expect(wrong.status).toBe(400);
    expect(JSON.parse(wrong.body.toString())).toMatchObject({
      error: { type: 'invalid_request_error', param: 'temperature', code: 'invalid_parameter' },
    });
    const stranger = gatewayEvent({ method: 'POST', path: '/generate', body: asked, keyId: null });
    expect(parseStreamed((await environment.invoke(stranger)).body).status).toBe(401);
    const nothing = gatewayEvent({ method: 'GET', path: '/nowhere' });
    expect(parseStreamed((await environment.invoke(nothing)).body).status).toBe(404);
  });

  it('speaks server-sent events to a client of OpenAI', async () => {
    const environment = await start();
    const body = { model: 'shakespeare', prompt: 'Hello', max_tokens: 20, seed: 1, stream: true };
    const received = await environment.invoke(
      gatewayEvent({ method: 'POST', path: '/v1/completions', body }),
    );
    const answer = parseStreamed(received.body);
    expect(answer.headers['content-type']).toMatch(/^text\/event-stream/);
    const events = answer.body.toString().trim().split('\n\n');
    expect(events.at(-1)).toBe('data: [DONE]');
    const text = events
      .slice(0, -1)
      .map(
        (event) =>
          (JSON.parse(event.replace(/^data: /, '')) as { choices: { text: string }[] }).choices[0]?.text,
      )
      .join('');
    expect(text).toHaveLength(20);
  });

  it('reads the query of a GET, and sends a file of a model as it is', async () => {
    const environment = await start();
    const got = await environment.invoke(
      gatewayEvent({ method: 'GET', path: '/generate?prompt=Hello&length=60&seed=7', headers: asText }),
    );
    const posted = await environment.invoke(post(asked, asText));
    expect(parseStreamed(got.body).body).toEqual(parseStreamed(posted.body).body);
    const path = `/v1/models/shakespeare@${model.version}/files/weights-1-of-1.bin`;
    const file = parseStreamed((await environment.invoke(gatewayEvent({ method: 'GET', path }))).body);
    expect(file.status).toBe(200);
    expect(file.body.equals(model.files.get('weights-1-of-1.bin') ?? Buffer.alloc(0))).toBe(true);
  });

  it('stops when the client leaves, and goes on with the next', async () => {
    const environment = await start({ FOLIO_MAX_LENGTH: '10000000' });
    const long = { ...asked, length: 10_000_000 }; // minutes, if it did not stop
    const left = await environment.invoke(post(long, asText), { hangUp: (bytes) => bytes.length > 800 });
    expect(left.body.length).toBeLessThan(10_000_000);
    const next = await environment.invoke(post(asked, asText));
    expect(parseStreamed(next.body).body.toString()).toHaveLength(60);
  });

  it('ends an answer with an error before Lambda would cut it off', async () => {
    const environment = await start({ FOLIO_MAX_LENGTH: '10000000' });
    const body = { model: 'shakespeare', prompt: 'a', max_tokens: 10_000_000, stream: true };
    const event = gatewayEvent({ method: 'POST', path: '/v1/completions', body });
    const began = performance.now();
    const received = await environment.invoke(event, { timeout: 1_800 });
    expect(performance.now() - began).toBeLessThan(1_800 + 3_000); // the machine may be busy
    expect(received.status).toBe('answered');
    const { status, body: sent } = parseStreamed(received.body);
    expect(status).toBe(200);
    expect(sent.toString()).toContain('"code":"time_limit"');
  });

  it('sends its answer whole where streaming is off', async () => {
    const environment = await start({ FOLIO_STREAMING: 'false' });
    const received = await environment.invoke(post(asked, asText));
    const answer = JSON.parse(received.body.toString()) as Record<string, unknown>;
    expect(answer).toMatchObject({ statusCode: 200, isBase64Encoded: false });
    expect(answer.body).toHaveLength(60);
  });

  it('starts without its model, says so in the log, and tries again for each request', async () => {
    const environment = await start({ FOLIO_MODEL: 'later' });
    await environment.api.ready;
    const missing = parseStreamed((await environment.invoke(post(asked))).body);
    expect(missing.status).toBe(404);
    expect(JSON.parse(missing.body.toString())).toMatchObject({ error: { code: 'model_not_found' } });
    expect(environment.log).toContain('The model could not be loaded ahead of a request');
    await publishTinyModel(store, { name: 'later' });
    await expect
      .poll(async () => parseStreamed((await environment.invoke(post(asked, asText))).body).status, {
        timeout: 10_000,
      })
      .toBe(200);
  });

  it('fails its init phase for settings that cannot be used', async () => {
    const environment = await start({ FOLIO_PRECISION: 'float7' });
    const error = await environment.api.initError;
    expect(error).toMatchObject({ errorMessage: expect.stringContaining('FOLIO_PRECISION') });
  });

  it('logs requests as JSON, and nothing of what was asked or written', async () => {
    const environment = await start();
    await environment.invoke(post({ ...asked, prompt: 'Hello my secret' }, asText));
    await expect.poll(() => environment.logLines.length).toBeGreaterThan(0);
    const [line] = environment.logLines;
    expect(line).toMatchObject({
      level: 'INFO',
      message: { method: 'POST', route: '/generate', status: 200 },
    });
    expect(environment.log).not.toContain('secret');
  });
});
