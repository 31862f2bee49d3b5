import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createHost } from '../../../src/server/host.ts';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { corpusKey } from '../../../src/store/keys.ts';
import type { ReadOptions } from '../../../src/store/store.ts';
import { LocalTrainingJobs } from '../../../src/training-jobs/local-training-jobs.ts';
import { queuedRecord, writeRecord } from '../../../src/training-jobs/records.ts';
import { corpusOf } from '../../corpus.ts';
import { callsOf, furnished } from '../../unit/api/host-under-test.ts';

const pretend = fileURLToPath(new URL('../../pretend-trainer.ts', import.meta.url));
const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(new TextEncoder().encode(text));

/** A body whose chunks are handed over one by one. */
const slowBody = () => {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
    },
  });
  return {
    body,
    send: (chunk: string | Uint8Array) =>
      controller?.enqueue(typeof chunk === 'string' ? bytes(chunk) : chunk),
    end: () => controller?.close(),
    leave: () => controller?.error(new Error('the connection was reset')),
  };
};

describe('uploads of corpora', async () => {
  const place = await furnished({ maximumCorpusBytes: 1 << 22 });
  const host = await createHost(place.settings, [process.execPath, pretend]);
  afterAll(async () => {
    await host.close();
    await place[Symbol.asyncDispose]();
  });
  const call = callsOf(host);
  const post = (path: string, init: RequestInit): Promise<Response> =>
    call(path, { method: 'POST', duplex: 'half', ...init } as RequestInit);
  const upload = (name: string, body: BodyInit, type = 'text/plain'): Promise<Response> =>
    post(`/v1/corpora/${name}`, { body, headers: { 'content-type': type } });
  const codeOf = async (response: Response): Promise<unknown[]> => [
    response.status,
    (await response.json()).error.code,
  ];
  const stored = (name: string): Promise<string> =>
    readFile(join(place.settings.store, corpusKey(name)), 'utf8');

  test('four run at a time, the next is refused with Retry-After, and a place that is free is given again', async () => {
    const bodies = Array.from({ length: 4 }, slowBody);
    const uploads = bodies.map(({ body }, i) => upload(`parallel-${i}`, body));
    for (const { send } of bodies) send(corpusOf('Once '));
    const refused = await upload('parallel-4', corpusOf('Once.'));
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await codeOf(refused)).toEqual([503, 'overloaded']);
    bodies[0]!.leave();
    expect(await codeOf(await uploads[0]!)).toEqual([499, 'interrupted']);
    expect((await upload('parallel-4', corpusOf('Once.'))).status).toBe(202);
    for (const { send, end } of bodies.slice(1)) {
      send('upon a time.');
      end();
    }
    for (const response of await Promise.all(uploads.slice(1))) expect(response.status).toBe(202);
    expect(await stored('parallel-3')).toBe(`${corpusOf('Once ')}upon a time.`);
  });

  test.each([
    ['a client that leaves', [bytes('Other text')], 'leave', 'interrupted'],
    ['a zero byte in a later chunk', [bytes('Other'), bytes('te\0xt')], 'end', 'corpus_invalid'],
    ['half a character at the end', [bytes('Other'), Uint8Array.of(0xe2, 0x82)], 'end', 'corpus_invalid'],
    ['nothing', [], 'end', 'corpus_too_small'],
    ['too little', [bytes('Other')], 'end', 'corpus_too_small'],
    ['too much', [new Uint8Array((1 << 22) + 1).fill(65)], 'end', 'too_large'],
  ] as const)('%s leaves the corpus that was there', async (_, chunks, last, code) => {
    const name = 'kept';
    expect((await upload(name, corpusOf('The first text.'))).status).toBe(202);
    const { body, send, ...ends } = slowBody();
    const response = upload(name, body);
    for (const chunk of chunks) send(chunk);
    ends[last]();
    expect((await codeOf(await response))[1]).toBe(code);
    expect(await stored(name)).toBe(corpusOf('The first text.'));
  });

  test('a character that two chunks share is read as one', async () => {
    const { body, send, end } = slowBody();
    const response = upload('split', body);
    const euro = bytes(corpusOf('5 €'));
    send(euro.slice(0, 3));
    send(euro.slice(3));
    end();
    expect((await response).status).toBe(202);
    expect(await stored('split')).toBe(corpusOf('5 €'));
  });

  test('the file of a form is taken as it comes, whatever the form holds beside it', async () => {
    const text = 'Once upon a time. '.repeat(100_000);
    const form = new FormData();
    form.set('preset', 'a field');
    form.set('file', new File([text], 'novel.txt'));
    form.set('another', 'field');
    const { headers, body } = new Response(form);
    expect((await upload('form', body!, headers.get('content-type')!)).status).toBe(202);
    expect(await stored('form')).toBe(text);
  });

  test.each([
    ['that ends in its file', '--x\r\ncontent-disposition: form-data; name=f; filename=a\r\n\r\nOther'],
    ['without a file', '--x\r\ncontent-disposition: form-data; name=f\r\n\r\nOther\r\n--x--\r\n'],
    ['without a boundary', 'Other', 'multipart/form-data'],
    ['of another kind', '--x\r\n\r\nOther\r\n--x--\r\n', 'multipart/mixed; boundary=x'],
    ['that is empty', ''],
  ])('a form %s is refused', async (_, body, type = 'multipart/form-data; boundary=x') => {
    expect(await codeOf(await upload('refused', body, type))).toEqual([400, 'invalid_request']);
    await expect(stored('refused')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('trainings', async () => {
  const place = await furnished();
  afterAll(() => place[Symbol.asyncDispose]());

  test('so many may wait; the next is refused before its corpus is taken', async () => {
    const waits = [process.execPath, '-e', 'setTimeout(() => undefined, 60_000)', '--'] as const;
    const host = await createHost(place.settings, waits);
    const upload = (name: string): Promise<Response> =>
      callsOf(host)(`/v1/corpora/${name}`, { method: 'POST', body: corpusOf('Once.') });
    try {
      for (let i = 0; i < 17; i++) expect((await upload(`waiting-${i}`)).status).toBe(202); // one of them runs
      const refused = await upload('one-more');
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '60']);
      expect((await refused.json()).error.code).toBe('overloaded');
      expect(await place.store.stat(corpusKey('one-more'))).toBeUndefined();
      expect((await upload('waiting-9')).status).toBe(202); // in place of the one that waits
    } finally {
      await host.close();
    }
  });

  test('all who follow one share one read of its record a second', async () => {
    class CountingStore extends FolderStore {
      reads = 0;
      override read(key: string, options?: ReadOptions) {
        if (key.startsWith('trainings/')) this.reads++;
        return super.read(key, options);
      }
    }
    const store = new CountingStore(place.settings.store);
    const id = '20260101T000000Z-0001-followed';
    await writeRecord(store, queuedRecord(id, { model: 'followed', corpusKey: corpusKey('followed') }));
    const jobs = new LocalTrainingJobs(store, {});
    const records = await Promise.all(Array.from({ length: 50 }, () => jobs.nextRecord(id)));
    expect(new Set(records.map((record) => record?.id))).toEqual(new Set([id]));
    expect(store.reads).toBe(1);
    await jobs.nextRecord(id);
    expect(store.reads).toBe(2);
  });
});
