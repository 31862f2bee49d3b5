import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { TrainingListSchema, TrainingSchema } from '../../../src/api/response/responses.ts';
import { eventStreamHeaders } from '../../../src/api/response/sse.ts';
import { ApiError, FolioClient, type TrainingJob as TrainingState } from '../../../src/client/client.ts';
import { createHost } from '../../../src/server/host.ts';
import { recordKey } from '../../../src/store/keys.ts';
import { checkPrecision, hasBfloat16 } from '../../../src/training-jobs/bfloat16.ts';
import { LocalTrainingJobs } from '../../../src/training-jobs/local-training-jobs.ts';
import { corpusOf } from '../../corpus.ts';
import { callsOf, furnished } from '../../unit/api/host-under-test.ts';

const pretend = fileURLToPath(new URL('../../pretend-trainer.ts', import.meta.url));

describe('uploads and trainings', async () => {
  const place = await furnished({ reloadSeconds: 0, maximumCorpusBytes: 2000 });
  const host = await createHost(place.settings, [process.execPath, pretend]);
  const call = callsOf(host);
  const folio = new FolioClient({
    baseUrl: 'http://localhost',
    fetch: (input, init) => call(String(input), init),
  });
  afterAll(async () => {
    await host.close();
    await place[Symbol.asyncDispose]();
  });
  const upload = (name: string, body: string | Uint8Array<ArrayBuffer>) =>
    call(`/v1/corpora/${name}`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body });
  const begun = (name: string, beginning: string) => upload(name, corpusOf(beginning));
  const started = async (response: Response): Promise<string> => {
    expect(response.status).toBe(202);
    const location = response.headers.get('location') ?? '';
    expect(location).toMatch(/^\/v1\/trainings\/\d{8}T\d{6}Z-/);
    return location;
  };
  const until = async (location: string, state: TrainingState['state']) => {
    for (;;) {
      const training = TrainingSchema.parse(await (await call(location)).json());
      if (training.state === state) return training;
      if (training.state !== 'queued' && training.state !== 'running') expect(training.state).toBe(state);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  test('an upload becomes a model that the running server serves', async () => {
    const states: string[] = [];
    let last: TrainingState | undefined;
    for await (const training of folio.train({
      name: 'novel',
      corpus: corpusOf('Once upon a time.'),
      preset: 'tiny',
    })) {
      states.push(training.state);
      last = training;
    }
    expect(states.at(-1)).toBe('published');
    expect(last).toMatchObject({ model: 'novel', preset: 'tiny', history: [{ validation_loss: 2.1 }] });
    const { text, version } = await folio.generate({ model: 'novel', prompt: 'Once', length: 12 });
    expect(text).toHaveLength(12);
    expect(version).toBe(last?.version);
  });

  test('a training may start from a model of the store', async () => {
    let last: TrainingState | undefined;
    for await (const training of folio.train({ name: 'heir', corpus: corpusOf('Once more.'), from: 'novel' }))
      last = training;
    expect(last).toMatchObject({ state: 'published', from: 'novel', log_tail: ['--from novel'] });
    const again = await call('/v1/trainings', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'heir', from: 'none' }),
    });
    expect(again.status).toBe(202);
    const { id } = TrainingSchema.parse(await again.json());
    expect(await until(`/v1/trainings/${id}`, 'published')).toMatchObject({ from: 'none' });
  });

  test('a training may learn from models of the store, and from one that it starts from', async () => {
    let last: TrainingState | undefined;
    for await (const training of folio.train({
      name: 'pupil',
      corpus: corpusOf('Once more.'),
      from: 'novel',
      teachers: ['novel', 'heir'],
    }))
      last = training;
    expect(last).toMatchObject({
      state: 'published',
      teachers: ['novel', 'heir'],
      log_tail: ['--from novel', '--teacher novel heir'],
    });
    const again = await call('/v1/trainings', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'pupil', teachers: 'heir' }),
    });
    const { id } = TrainingSchema.parse(await again.json());
    expect(await until(`/v1/trainings/${id}`, 'published')).toMatchObject({
      teachers: ['heir'],
      log_tail: ['--teacher heir'],
    });
  });

  test('a training may be in a precision that this processor has', async () => {
    const corpus = corpusOf('Once precisely.');
    for (const precision of ['f32', 'bf16'] as const) {
      const train = folio.train({ name: 'precise', corpus, precision });
      if (precision === 'bf16' && !hasBfloat16()) {
        await expect(train.next()).rejects.toMatchObject({ status: 400, param: 'precision' });
        continue;
      }
      let last: TrainingState | undefined;
      for await (const training of train) last = training;
      const log_tail = [`--precision ${precision}`];
      expect(last).toMatchObject({ state: 'published', precision, log_tail });
    }
  });

  test.each([
    ['/v1/trainings', { model: 'novel' }],
    ['/v1/corpora/heir2', { bytes: 1200 }],
    ['/v1/corpora/heir2', undefined],
  ])(
    '%s with %j refuses a precision that there is not, and one that the processor has not',
    async (path, body) => {
      const ask = async (precision: string) => {
        const response = await (body === undefined
          ? call(`${path}?precision=${precision}`, {
              method: 'POST',
              headers: { 'content-type': 'text/plain' },
              body: corpusOf('A corpus of words.'),
            })
          : call(path, {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify({ ...body, precision }),
            }));
        return [response.status, await response.json()];
      };
      const refusal = (message: RegExp) => [
        400,
        { error: expect.objectContaining({ param: 'precision', message: expect.stringMatching(message) }) },
      ];
      expect(await ask('f16')).toEqual(refusal(/one of "f32", "bf16"/));
      const check = vi.spyOn(LocalTrainingJobs.prototype, 'checkPrecision');
      check.mockImplementation((precision) => checkPrecision(precision, 'flags : avx2'));
      onTestFinished(() => check.mockRestore());
      expect(await ask('bf16')).toEqual(refusal(/Training in bf16 needs/));
      expect(await place.store.stat('corpora/heir2.txt')).toBeUndefined();
    },
  );

  test.each([
    [['absent'], 404, 'model_not_found', 'teachers'],
    [['novel', 'none'], 404, 'model_not_found', 'teachers[1]'],
    [['https://example.com/model'], 400, 'invalid_parameter', 'teachers[0]'],
    [[], 400, 'invalid_parameter', 'teachers'],
    [Array.from({ length: 9 }, () => 'novel'), 400, 'invalid_parameter', 'teachers'],
  ])('teachers %j are refused before anything is uploaded: %i %s', async (teachers, status, code, param) => {
    for (const [path, body] of [
      ['/v1/trainings', { model: 'novel', teachers }],
      ['/v1/corpora/heir2', { bytes: 1200, teachers }],
    ] as const) {
      const response = await call(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ error: { code, param } });
    }
  });

  test.each([
    ['absent', 404, 'model_not_found'],
    ['novel@19990101T000000Z-00000000', 404, 'model_not_found'],
    ['../../etc/passwd', 400, 'invalid_parameter'],
    ['https://example.com/model', 400, 'invalid_parameter'],
  ])('a training from %s is refused before anything is uploaded: %i %s', async (from, status, code) => {
    const requests = [
      call('/v1/trainings', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'novel', from }),
      }),
      call('/v1/corpora/heir2', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ bytes: 1200, from }),
      }),
      call(`/v1/corpora/heir2?from=${encodeURIComponent(from)}`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: corpusOf('A corpus of words.'),
      }),
    ];
    for (const response of await Promise.all(requests)) {
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ error: { code, param: 'from' } });
    }
    expect(await place.store.stat('corpora/heir2.txt')).toBeUndefined();
  });

  test('a newer version is served next, and the older stays at hand', async () => {
    const before = await folio.generate({ model: 'novel', length: 5, seed: 1 });
    await new Promise((resolve) => setTimeout(resolve, 1000)); // versions are named by the second
    await until(await started(await begun('novel', 'Once upon another time.')), 'published');
    const after = await folio.generate({ model: 'novel', length: 5, seed: 1 });
    expect(after.version > before.version).toBe(true);
    expect((await folio.generate(before.receipt)).text).toBe(before.text);
  });

  test('a training’s events are streamed while it runs', async () => {
    const location = await started(await begun('live', 'A corpus.'));
    const response = await call(location, { headers: { accept: 'text/event-stream' } });
    expect(Object.fromEntries(response.headers)).toMatchObject(eventStreamHeaders); // no proxy holds it back
    const events = (await response.text()).split('\n\n').filter(Boolean);
    expect(events.at(0)).toMatch(/^event: training\ndata: \{/);
    expect(events.at(-1)).toBe('event: end\ndata: {"state":"published"}');
  });

  test('a file in a multipart form is the corpus, without the form around it', async () => {
    const form = new FormData();
    form.set('note', 'not the corpus');
    form.set('file', new File([corpusOf('Once upon a form.')], 'novel.txt'));
    const response = await call('/v1/corpora/form', { method: 'POST', body: form });
    await until(await started(response), 'published');
    expect(await readFile(join(place.settings.store, 'corpora/form.txt'), 'utf8')).toBe(
      corpusOf('Once upon a form.'),
    );
  });

  test.each([
    [
      'two files',
      () => {
        const form = new FormData();
        form.append('file', new File(['one'], 'one.txt'));
        form.append('file', new File(['two'], 'two.txt'));
        return { body: form };
      },
      400,
      'invalid_request',
    ],
    [
      'a form that is broken',
      () => ({ body: '--x\r\n\r\n', headers: { 'content-type': 'multipart/form-data; boundary=y' } }),
      400,
      'invalid_request',
    ],
    [
      'a zero byte',
      () => ({ body: 'Once\0upon a time.', headers: { 'content-type': 'text/plain' } }),
      422,
      'corpus_invalid',
    ],
  ])('%s is refused', async (_, init, status, code) => {
    const response = await call('/v1/corpora/refused', { method: 'POST', ...init() });
    expect([response.status, (await response.json()).error.code]).toEqual([status, code]);
  });

  test('a trainer that dies leaves a failed training with its last lines', async () => {
    const training = await until(await started(await begun('mortal', 'die')), 'failed');
    expect(training.failure).toEqual({
      code: 'trainer_failed',
      message: 'The library of tensors is not there.',
    });
    expect(training.log_tail).toContain('first line');
  });

  test('a training can be stopped while it runs and while it waits; the later corpus of a name wins', async () => {
    const first = await started(await begun('slow', 'wait'));
    await until(first, 'running');
    const second = await started(await begun('slow', 'wait for me'));
    await until(first, 'stopped');
    await until(second, 'running');
    const waiting = await started(await begun('patient', 'Once.'));
    expect((await call(waiting, { method: 'DELETE' })).status).toBe(200);
    expect(TrainingSchema.parse(await (await call(waiting)).json()).state).toBe('stopped');
    const stopped = TrainingSchema.parse(await (await call(second, { method: 'DELETE' })).json());
    expect(stopped.state).toBe('stopped');
  });

  test('a training starts on a corpus in the store, and on no other', async () => {
    const start = (body: object) => call('/v1/trainings', { method: 'POST', body: JSON.stringify(body) });
    const absent = await start({ model: 'novel', corpus: 'absent' });
    expect([absent.status, (await absent.json()).error.code]).toEqual([404, 'corpus_not_found']);
    const again = TrainingSchema.parse(await (await start({ model: 'sequel', corpus: 'novel' })).json());
    expect((await until(`/v1/trainings/${again.id}`, 'published')).model).toBe('sequel');
  });

  test('trainings are listed, the newest first', async () => {
    const { data } = TrainingListSchema.parse(await (await call('/v1/trainings')).json());
    const ids = data.map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(4);
    expect(ids).toEqual(ids.toSorted().reverse());
    expect((await call('/v1/trainings/20200101T000000Z-0000-none')).status).toBe(404);
    expect((await call('/v1/trainings/..%2Fmodels')).status).toBe(404);
  });

  test('a training whose trainer stopped reporting has failed', async () => {
    const id = '20200101T000000Z-00ff-silent';
    const record = { id, model: 'silent', preset: 'tiny', corpus: { source: 'x' }, state: 'running' };
    const times = { startedAt: '2020-01-01T00:00:00Z', updatedAt: '2020-01-01T00:01:00Z' };
    const rest = { history: [], samples: [], logTail: [] };
    const bytes = new TextEncoder().encode(JSON.stringify({ ...record, ...times, ...rest }));
    await place.store.write(recordKey(id), bytes);
    const training = TrainingSchema.parse(await (await call(`/v1/trainings/${id}`)).json());
    expect(training).toMatchObject({ state: 'failed', failure: { code: 'interrupted' } });
  });

  test('an upload that is no corpus is refused', async () => {
    const refused = (promise: Promise<Response>) =>
      promise.then(async (response) => [response.status, (await response.json()).error.code]);
    expect(await refused(upload('big', 'a'.repeat(2001)))).toEqual([413, 'too_large']);
    expect(await refused(upload('empty', ''))).toEqual([422, 'corpus_too_small']);
    expect(await refused(upload('small', 'é'.repeat(999)))).toEqual([422, 'corpus_too_small']);
    for (const bytes of [0, 999]) {
      const announced = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ bytes }),
      };
      expect(await refused(call('/v1/corpora/small', announced))).toEqual([422, 'corpus_too_small']);
    }
    const utf16 = await upload('utf16', Buffer.from('\uFEFFOnce upon a time', 'utf16le'));
    expect((await utf16.json()).error.message).toContain('received UTF-16. Convert it with `iconv');
    expect(await refused(upload('..%2Fevil', 'abc'))).toEqual([400, 'invalid_parameter']);
    const bytes = { method: 'POST', body: Uint8Array.of(0xff, 0xfe, 0x41) };
    expect(await refused(call('/v1/corpora/bytes', bytes))).toEqual([422, 'corpus_invalid']);
    const image = { method: 'POST', body: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1') };
    expect(await (await call('/v1/corpora/image', image)).json()).toMatchObject({
      error: { message: expect.stringContaining('received a PNG image: a corpus is text') },
    });
    const error: unknown = await folio
      .train({ name: 'big', corpus: 'a'.repeat(2001) })
      .next()
      .catch((refusal: unknown) => refusal);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 413, code: 'too_large' });
  });
});
