import { afterAll, beforeAll, expect, test } from 'vitest';
import { S3Store } from '../../src/store/s3-store.ts';
import { folio } from '../folio-command.ts';
import { type Gateway, startGateway } from './gateway.ts';

let gateway: Gateway;
let store: S3Store;

beforeAll(async () => {
  gateway = await startGateway();
  await gateway.createBucket('corpora-of-tests');
  const { endpoint, region, credentials } = gateway;
  store = S3Store.at('s3://corpora-of-tests', { endpoint, region, credentials });
});
afterAll(() => gateway?.stop());

const inspect = (place: string) => folio(['inspect', '--json', place], { env: gateway.environment });

test('a corpus is read from S3 piece by piece, and a folder of them in order', async () => {
  const long = 'It was a dark and stormy night. '.repeat(2 ** 18 + 1); // a little over one piece of 8 MB
  await store.write('corpora/long.txt', new TextEncoder().encode(long));
  await store.write('corpora/more/a.txt', new TextEncoder().encode('Once upon a time. '.repeat(40)));
  await store.write('corpora/more/b.txt', new TextEncoder().encode('There was a king. '.repeat(40)));
  const one = await inspect('s3://corpora-of-tests/corpora/long.txt');
  expect(one.stderr).toBe('');
  expect(JSON.parse(one.stdout)).toMatchObject({ source: 'corpora/long.txt', characters: long.length });
  const folder = await inspect('s3://corpora-of-tests/corpora/more/');
  expect(JSON.parse(folder.stdout)).toMatchObject({ source: 'corpora/more/a.txt and 1 more', files: 2 });
});

test('a missing object and an empty one are errors', async () => {
  const none = await inspect('s3://corpora-of-tests/corpora/none.txt');
  expect(none).toMatchObject({ code: 3, stderr: expect.stringContaining('[corpus_not_found]') });
  await store.write('corpora/empty.txt', new Uint8Array());
  const empty = await inspect('s3://corpora-of-tests/corpora/empty.txt');
  expect(empty).toMatchObject({ code: 5, stderr: expect.stringContaining('[corpus_too_small]') });
});
