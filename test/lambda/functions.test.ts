import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { handler as authorise, keyOf } from '../../functions/authorise.ts';
import type { Bundles } from '../../functions/bundle.ts';
import { installModel } from '../../functions/install-model.ts';
import { publishBest } from '../../functions/publish-best.ts';
import { FolderStore } from '../../src/store/folder-store.ts';
import { activate, currentVersion, publishVersion } from '../../src/store/models.ts';
import { S3Store } from '../../src/store/s3-store.ts';
import { createSigningSecret, readSigningSecret } from '../../src/store/signing-secret.ts';
import { bundlesIn } from '../built-functions.ts';
import { type Gateway, startGateway } from '../s3/gateway.ts';
import { publishTinyModel, tinyModel, writeTinyModel } from '../tiny-model.ts';
import { Environment } from './environment.ts';
import { gatewayEvent, readerKeyId, writerKeyId } from './event.ts';

let folder: string;
let bundles: Bundles;
let s3: Gateway;
let store: S3Store;
const environments: Environment[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-functions-'));
  bundles = bundlesIn(join(folder, 'bundles'));
  await cp(inject('functionBundles'), join(folder, 'bundles'), { recursive: true });
  s3 = await startGateway();
  await Promise.all(['models', 'corpora'].map((name) => s3.createBucket(name)));
  const { endpoint, region, credentials } = s3;
  store = S3Store.at('s3://models', { endpoint, region, credentials, forcePathStyle: true });
  await publishTinyModel(store, { name: 'shakespeare' });
});

afterEach(async () => {
  for (const environment of environments.splice(0)) await environment.stop();
});

afterAll(async () => {
  await s3?.stop();
  await rm(folder, { recursive: true, force: true });
});

const start = async (name: keyof Bundles, variables: Readonly<Record<string, string>> = {}) => {
  const environment = await Environment.start(bundles[name], {
    ...s3.environment,
    FOLIO_STORE: 's3://models',
    ...variables,
  });
  environments.push(environment);
  return environment;
};

const emptyStore = async () => new FolderStore(await mkdtemp(join(folder, 'store-')));

describe('authorise', () => {
  const event = (headers: Record<string, string>) =>
    ({
      headers,
      methodArn: 'arn:aws:execute-api:eu-west-1:1:abc/live/GET/generate',
    }) as unknown as APIGatewayRequestAuthorizerEvent;
  const key = 'k'.repeat(40);

  it.each([
    [{ 'x-api-key': key }],
    [{ 'X-Api-Key': key }],
    [{ Authorization: `Bearer ${key}` }],
    [{ authorization: `bearer  ${key} ` }],
  ])('hands on the key of %j', async (headers) => {
    expect(await authorise(event(headers))).toMatchObject({
      usageIdentifierKey: key,
      policyDocument: { Statement: [{ Effect: 'Allow', Action: 'execute-api:Invoke' }] },
    });
  });

  it.each([
    [{}],
    [{ authorization: `Basic ${key}` }],
    [{ 'x-api-key': 'short' }],
    [{ 'x-api-key': `${key}\n` }],
  ])('refuses %j', async (headers) => {
    expect(keyOf(event(headers))).toBeUndefined();
    const answer = await authorise(event(headers));
    expect(answer).toMatchObject({ policyDocument: { Statement: [{ Effect: 'Deny' }] } });
    expect(answer).not.toHaveProperty('usageIdentifierKey');
  });

  it('runs under the runtime client from a bundle of a kilobyte', async () => {
    const environment = await start('authorise');
    const received = await environment.invoke(event({ 'x-api-key': key }));
    expect(JSON.parse(received.body.toString())).toMatchObject({ usageIdentifierKey: key });
  });
});

describe('install-model', () => {
  const older = tinyModel({ name: 'shakespeare', createdAt: new Date('2026-01-01T00:00:00Z') });
  const newer = tinyModel({ name: 'shakespeare', seed: 2, createdAt: new Date('2026-02-01T00:00:00Z') });
  const own = tinyModel({ name: 'shakespeare', seed: 3, createdAt: new Date('2026-01-15T00:00:00Z') });

  it('makes the prebuilt model current where none is, as often as it is asked', async () => {
    const empty = await emptyStore();
    expect(await installModel(empty, older)).toBe(true);
    expect(await installModel(empty, older)).toBe(true);
    expect(await currentVersion(empty, 'shakespeare')).toBe(older.version);
  });

  it('replaces the version of an earlier deployment by a newer one, and never by an older', async () => {
    const empty = await emptyStore();
    await installModel(empty, older);
    expect(await installModel(empty, { ...newer, earlier: older.version })).toBe(true);
    expect(await installModel(empty, { ...older, earlier: newer.version })).toBe(false);
    expect(await currentVersion(empty, 'shakespeare')).toBe(newer.version);
  });

  it('leaves what somebody trained or activated', async () => {
    const empty = await emptyStore();
    await installModel(empty, older);
    await publishVersion(empty, own);
    expect(await installModel(empty, { ...newer, earlier: older.version })).toBe(false);
    expect(await currentVersion(empty, 'shakespeare')).toBe(own.version);
    await activate(empty, 'shakespeare', newer.version); // it is there to be chosen
  });

  it('draws the signing key once', async () => {
    const empty = await emptyStore();
    await expect(readSigningSecret(empty)).rejects.toMatchObject({ code: 'unavailable' });
    await createSigningSecret(empty);
    const secret = await readSigningSecret(empty);
    expect(secret.length).toBeGreaterThan(40);
    await createSigningSecret(empty);
    expect(await readSigningSecret(empty)).toBe(secret);
  });

  it('answers CloudFormation, failures included, and leaves models where a stack goes', async () => {
    const answers: Record<string, unknown>[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        answers.push(JSON.parse(body) as Record<string, unknown>);
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const event = (RequestType: string, properties: object) => ({
      RequestType,
      ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      StackId: 'stack',
      RequestId: 'request',
      LogicalResourceId: 'Installed',
      ResourceProperties: properties,
    });
    const environment = await start('install-model');
    await writeTinyModel(join(bundles['install-model'], 'models/shakespeare', older.version), {
      name: 'shakespeare',
    });
    await environment.invoke(event('Create', { Name: 'shakespeare', Version: older.version }));
    await environment.invoke(event('Create', { Name: 'shakespeare', Version: 'not-in-the-bundle' }));
    await environment.invoke(event('Delete', { Name: 'shakespeare' }));
    server.close();
    expect(answers).toMatchObject([
      { Status: 'SUCCESS', Data: { Current: expect.any(String) } },
      { Status: 'FAILED', Reason: expect.stringContaining('not-in-the-bundle') },
      { Status: 'SUCCESS' },
    ]);
    expect(await currentVersion(store, 'shakespeare')).toBeDefined();
  });
});

describe('publish-best', () => {
  const contender = async (validationLoss: number, seed: number) => {
    const model = tinyModel({ name: 'novel', seed });
    const text = new TextDecoder().decode(model.files.get('model.json'));
    const artefact = JSON.parse(text) as { userDefinedMetadata: { folio: object } };
    Object.assign(artefact.userDefinedMetadata.folio, { training: { validationLoss } });
    const files = new Map(model.files).set('model.json', new TextEncoder().encode(JSON.stringify(artefact)));
    const place = await emptyStore();
    await publishVersion(place, { ...model, files });
    return { place, version: model.version };
  };

  it('publishes the version of the lowest validation loss, among those that there are', async () => {
    const contenders = [await contender(1.7, 1), await contender(1.5, 2), await contender(1.6, 3)];
    const main = await emptyStore();
    const failed = await emptyStore();
    const stores = new Map([
      ['', main],
      ['failed', failed],
      ...contenders.map(({ place }, i) => [String(i), place] as const),
    ]);
    const open = (place: string) => stores.get(place)!;
    const result = await publishBest(open, ['0', '1', 'failed', '2'], 'novel');
    expect(result.best).toEqual({ place: '1', version: contenders[1]?.version, validationLoss: 1.5 });
    expect(result.contenders).toHaveLength(3);
    expect(await currentVersion(main, 'novel')).toBe(contenders[1]?.version);
    await expect(publishBest(open, ['failed'], 'novel')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('bulk', () => {
  it('does the rows of a batch, each with its place, and says which are at fault', async () => {
    const environment = await start('bulk');
    const batch = {
      BatchInput: {
        task: 'generate',
        model: 'shakespeare',
        defaults: { length: 12 },
        seed: 100,
        output: 'bulk/out',
      },
      Items: [
        { index: 5, row: { id: 'a', prompt: 'Hello' } },
        { index: 6, row: { prompt: 'Hello', temperature: -1 } },
        { index: 7, row: 'no JSON' },
      ],
    };
    const received = await environment.invoke(batch);
    expect(received.status).toBe('answered');
    expect(JSON.parse(received.body.toString())).toEqual({
      key: 'bulk/out/0000000005.jsonl',
      rows: 3,
      faults: 2,
    });
    const written = async () =>
      new TextDecoder()
        .decode((await store.read('bulk/out/0000000005.jsonl'))?.bytes)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const results = await written();
    expect(results).toMatchObject([
      { index: 5, id: 'a', seed: 105, characters: 12 },
      { index: 6, error: { code: 'invalid_parameter' } },
      { index: 7, error: { code: expect.any(String) } },
    ]);
    await environment.invoke(batch);
    expect(await written()).toEqual(results);
  });

  it('fails for what is no row’s fault, so that Step Functions tries again', async () => {
    const environment = await start('bulk');
    const received = await environment.invoke({
      BatchInput: { task: 'score', model: 'nosuch', defaults: {}, seed: 0, output: 'bulk/out' },
      Items: [{ index: 0, row: { text: 'Hello' } }],
    });
    expect(received.status).toBe('failed');
    expect(JSON.parse(received.body.toString())).toMatchObject({ errorType: 'model_not_found' });
  });
});

describe('admin', () => {
  const variables = {
    FOLIO_WRITER_KEY_ID: `an-earlier-key,${writerKeyId}`, // while keys are being rotated, both are valid
    FOLIO_CORPORA: 's3://corpora',
    FOLIO_UPLOAD_ORIGIN: 'https://corpora.s3.eu-west-1.amazonaws.com',
    FOLIO_RETRAINING: 'arn:aws:states:us-east-1:123456789012:stateMachine:retraining',
  };
  interface Answered {
    readonly statusCode: number;
    readonly headers: Record<string, string>;
    readonly body: string;
    readonly isBase64Encoded: boolean;
  }
  const ask = async (environment: Environment, asked: Parameters<typeof gatewayEvent>[0]) => {
    const received = await environment.invoke(gatewayEvent(asked));
    return JSON.parse(received.body.toString()) as Answered;
  };

  it('lists models, shows its pages to everybody, and generates nothing', async () => {
    const environment = await start('admin', variables);
    const list = await ask(environment, { method: 'GET', path: '/v1/models' });
    expect(JSON.parse(list.body)).toMatchObject({ data: [{ id: 'shakespeare' }] });
    const page = await ask(environment, { method: 'GET', path: '/', keyId: null });
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('<title>Folio</title>');
    const script = await ask(environment, { method: 'GET', path: '/assets/page.js', keyId: null });
    expect(script.headers['content-type']).toMatch(/^text\/javascript/);
    const nothing = await ask(environment, { method: 'POST', path: '/generate', body: { prompt: 'a' } });
    expect(nothing.statusCode).toBe(404);
    const nobody = await ask(environment, { method: 'GET', path: '/v1/models', keyId: null });
    expect(nobody.statusCode).toBe(401);
  });

  it('says when the corpus of a model was deleted', async () => {
    const environment = await start('admin', variables);
    const path = '/v1/models/shakespeare';
    const before = JSON.parse((await ask(environment, { method: 'GET', path })).body) as object;
    expect(before).not.toHaveProperty('corpus_deleted_at');
    const mark = { corpus: 's3://corpora/corpora/shakespeare.txt', deletedAt: '2026-11-24T12:00:00.000Z' };
    await store.write(
      'models/shakespeare/corpus-deleted.json',
      new TextEncoder().encode(JSON.stringify(mark)),
    );
    const after = JSON.parse((await ask(environment, { method: 'GET', path })).body) as object;
    expect(after).toMatchObject({ corpus_deleted_at: mark.deletedAt });
  });

  it('gives a writer a form by which a corpus is uploaded, with its preset and its limit', async () => {
    const environment = await start('admin', { ...variables, FOLIO_MAX_CORPUS_BYTES: '1000' });
    const path = '/v1/corpora/novel';
    const reader = await ask(environment, { method: 'POST', path, body: {}, keyId: readerKeyId });
    expect(reader.statusCode).toBe(403);
    const given = await ask(environment, {
      method: 'POST',
      path,
      body: { preset: 'tiny', from: 'shakespeare', teachers: ['shakespeare', 'shakespeare'] },
      keyId: writerKeyId,
    });
    expect(given.statusCode).toBe(200);
    const { upload } = JSON.parse(given.body) as { upload: { url: string; fields: Record<string, string> } };
    const send = (text: string) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
      form.append('file', new Blob([text]));
      return fetch(upload.url, { method: 'POST', body: form });
    };
    expect((await send('x'.repeat(2000))).ok).toBe(false);
    expect((await send('a corpus')).status).toBeLessThan(300);
    expect(upload.fields).toMatchObject({
      key: 'corpora/novel.txt',
      'x-amz-meta-preset': 'tiny',
      'x-amz-meta-from': 'shakespeare',
      'x-amz-meta-teachers': 'shakespeare shakespeare',
    });
    const absent = await ask(environment, {
      method: 'POST',
      path,
      body: { from: 'dickens' },
      keyId: writerKeyId,
    });
    expect(absent.statusCode).toBe(404);
    expect(JSON.parse(absent.body)).toMatchObject({ error: { code: 'model_not_found', param: 'from' } });
  });

  it('activates another version for a writer alone', async () => {
    const environment = await start('admin', variables);
    const { endpoint, region, credentials } = s3;
    const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    const other = tinyModel({ name: 'shakespeare', seed: 9, createdAt: new Date('2026-03-01T00:00:00Z') });
    for (const [file, bytes] of other.files) {
      const Key = `models/shakespeare/${other.version}/${file}`;
      await client.send(new PutObjectCommand({ Bucket: 'models', Key, Body: bytes }));
    }
    const asked = {
      method: 'POST',
      path: '/v1/models/shakespeare/activate',
      body: { version: other.version },
    };
    expect((await ask(environment, { ...asked, keyId: readerKeyId })).statusCode).toBe(403);
    expect((await ask(environment, { ...asked, keyId: writerKeyId })).statusCode).toBe(200);
    expect(await currentVersion(store, 'shakespeare')).toBe(other.version);
  });
});

describe('bundles', () => {
  it('keep the kernel where it is needed', async () => {
    const { readdir, readFile, stat } = await import('node:fs/promises');
    const code = async (name: keyof Bundles) => {
      const files = (await readdir(bundles[name])).filter((file) => file.endsWith('.mjs'));
      const texts = await Promise.all(files.map((file) => readFile(join(bundles[name], file), 'utf8')));
      const sizes = await Promise.all(
        files.map(async (file) => (await stat(join(bundles[name], file))).size),
      );
      return { text: texts.join('\n'), bytes: sizes.reduce((a, b) => a + b) };
    };
    const wasm = 'AGFzbQEAAAA'; // the magic bytes of WebAssembly in base64
    const [generate, admin, small] = await Promise.all([code('generate'), code('admin'), code('authorise')]);
    expect(generate.text).toContain(wasm);
    expect(admin.text).not.toContain(wasm);
    expect(generate.bytes).toBeLessThan(560_000);
    expect(admin.bytes).toBeLessThan(700_000);
    expect(small.bytes).toBeLessThan(100_000);
  });
});
