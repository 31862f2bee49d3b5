import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import * as answers from '../src/api/response/responses.ts';
import { buildCopyIndex } from '../src/model/copy-index.ts';
import { publishVersion } from '../src/store/models.ts';
import type { Store } from '../src/store/store.ts';
import { tinyModel } from './tiny-model.ts';

/** The API behind one of its hosts. */
export interface ApiUnderTest {
  readonly store: Store;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** Limits that the hosts of these cases are given. */
export const caseLimits = {
  maximumLength: 500,
  maximumPrompt: 300,
  maximumBodyBytes: 65_536,
  maximumConcurrent: 64,
  maximumConcurrentPerKey: 32,
};

export const tiny = tinyModel();
export const tinyId = `tiny@${tiny.version}`;
/** The same network under another name and version, with a report. */
const other = tinyModel({ name: 'other', seed: 2 });
export const older = tinyModel({ seed: 3, createdAt: new Date('2025-01-01T00:00:00Z') });

/** What the cases find in the store. */
export const furnish = async (store: Store): Promise<void> => {
  const report = new TextEncoder().encode(JSON.stringify({ validationLoss: 1.5 }));
  await publishVersion(store, { ...older, replaces: null });
  await publishVersion(store, {
    ...tiny,
    files: new Map([...tiny.files, ['report.json', report]]),
    replaces: older.version,
  });
  await publishVersion(store, other);
};

type Json = Record<string, unknown>;

/** A model as another library wrote it. */
export const importFile = (name: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(readFileSync(new URL(`./fixtures/import/${name}`, import.meta.url)));

/** What every host of the API must do. */
export const apiCases = (open: () => Promise<ApiUnderTest>): void => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await open();
  });

  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    api.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const generate = async (body: Json) =>
    answers.GenerateResponseSchema.parse(await (await post('/generate', body)).json());
  const complete = async (body: Json) => {
    const response = await post('/v1/completions', { model: 'tiny', ...body });
    return answers.CompletionResponseSchema.parse(await response.json());
  };
  const failure = async (response: Response) => {
    const { error } = answers.ErrorResponseSchema.parse(await response.json());
    return { status: response.status, ...error };
  };

  describe('service', () => {
    test('answers /healthz', async () => {
      const response = await api.fetch('/healthz');
      expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
    });

    test('has the shape of an error for what is not there', async () => {
      expect(await failure(await api.fetch('/v1/nothing'))).toMatchObject({ status: 404, code: 'not_found' });
    });
  });

  describe('generate', () => {
    test('writes as many characters as asked, and says with what', async () => {
      const answer = await generate({ prompt: 'Once', length: 40, seed: 5 });
      expect([...answer.text]).toHaveLength(40);
      expect(answer).toMatchObject({
        finish_reason: 'length',
        model: 'tiny',
        version: tiny.version,
        seed: 5,
      });
      expect(answer.receipt).toMatchObject({ prompt: 'Once', length: 40, temperature: 1, seed: 5 });
    });

    test('gives the same text for its receipt', async () => {
      const first = await generate({
        prompt: 'Once',
        length: 80,
        temperature: 0.8,
        top_p: 0.9,
        stop: ['zq'],
      });
      const again = await generate(first.receipt);
      expect(again.text).toBe(first.text);
      expect(again.receipt).toEqual(first.receipt);
    });

    test('streams the very same as plain text', async () => {
      const body = { prompt: 'Once', length: 60, seed: 9 };
      const response = await post('/generate', body, { accept: 'text/plain' });
      expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
      expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
      const receipt = JSON.parse(response.headers.get('x-folio-receipt') ?? '') as Json;
      expect(await response.text()).toBe((await generate(body)).text);
      expect(receipt).toMatchObject({ seed: 9, version: tiny.version });
    });

    test('reads the same parameters from a query', async () => {
      const response = await api.fetch(
        '/generate?prompt=Once&length=30&temperature=0.5&seed=3&stop=q&stop=x',
      );
      const { text } = answers.GenerateResponseSchema.parse(await response.json());
      const body = { prompt: 'Once', length: 30, temperature: 0.5, seed: 3, stop: ['q', 'x'] };
      expect(text).toBe((await generate(body)).text);
    });

    test('goes on exactly as one longer request would have', async () => {
      const sampling = { temperature: 0.9, frequency_penalty: 0.3, presence_penalty: 0.2, seed: 11 };
      const whole = await generate({ prompt: 'Once', length: 60, ...sampling });
      const first = await generate({ prompt: 'Once', length: 25, continuable: true, ...sampling });
      const { seed: _, ...rest } = sampling;
      const second = await generate({ length: 20, continue_from: first.continue_from, ...rest });
      const third = await generate({ length: 15, continue_from: second.continue_from, ...rest });
      expect(first.text + second.text + third.text).toBe(whole.text);
      expect((await generate(second.receipt)).text).toBe(second.text);
    });

    test('goes on with the version that wrote the state, and refuses other states', async () => {
      const { continue_from: token = '' } = await generate({
        model: `tiny@${older.version}`,
        length: 5,
        continuable: true,
      });
      expect(await generate({ continue_from: token, length: 5 })).toMatchObject({ version: older.version });
      const middle = Math.floor(token.length / 2);
      const forged = token.slice(0, middle) + (token[middle] === 'A' ? 'B' : 'A') + token.slice(middle + 1);
      for (const body of [
        { continue_from: forged },
        { continue_from: 'AAAA' },
        { continue_from: token, model: 'other' },
        { continue_from: token, model: tinyId },
        { continue_from: token, precision: 'f32' },
      ]) {
        expect(await failure(await post('/generate', body))).toMatchObject({
          status: 422,
          code: 'state_mismatch',
        });
      }
    });

    test('holds a text to a form, bans strings, discourages loops and mixes models, by receipt and by state', async () => {
      const forms: readonly Json[] = [
        { pattern: '(?:[a-z]{1,6}[ .])*', min_length: 20 },
        { choices: ['yes', 'no', 'perhaps'] },
        { banned: ['e', 'th'], logit_bias: { a: 2 } },
        { dry_multiplier: 2, dry_allowed_length: 2, dynatemp_range: 0.3 },
      ];
      for (const form of forms) {
        const body = { prompt: 'Once', seed: 6, length: 40, blend: { other: 0.3 }, ...form };
        const { text, receipt } = await generate(body);
        expect((await generate(receipt)).text).toBe(text);
        if (form.choices !== undefined) continue;
        const first = await generate({ ...body, length: 20, min_length: 20, continuable: true });
        const { prompt: _, seed: __, ...rest } = body;
        const second = await generate({
          ...rest,
          length: 40 - first.text.length,
          continue_from: first.continue_from,
        });
        expect(second.receipt.blend).toEqual(receipt.blend);
        if (form.pattern === undefined) expect(first.text + second.text).toBe(text);
        else expect(first.text + second.text).toMatch(/^(?:[a-z]{1,6}[ .])*$/);
      }
    });

    test('says what it put in place of characters that it does not know', async () => {
      const answer = await generate({ prompt: 'O1nce', length: 5, unknown: 'skip' });
      expect(answer.replaced).toEqual([{ at: 1, character: '1', by: '' }]);
    });

    test('steers away from the corpus, and reports the overlap', async () => {
      const corpus = (await generate({ prompt: 'Once', length: 400, seed: 1 })).text;
      const guarded = tinyModel({ name: 'guarded' });
      const files = new Map([...guarded.files, ['copy-index.bin', buildCopyIndex(corpus)]]);
      await publishVersion(api.store, { ...guarded, files });
      const body = { model: 'guarded', prompt: 'Once', length: 400, seed: 1 };
      const copied = await generate({ ...body, overlap: true });
      expect(copied.text).toBe(corpus);
      expect(copied.overlap?.characters).toBeGreaterThanOrEqual(400);
      const answer = await generate({ ...body, copy_guard: 16 });
      expect(answer.text).toHaveLength(400);
      expect(answer.overlap?.characters).toBeLessThan(16);
      for (let at = 0; at + 16 <= 400; at++) expect(corpus).not.toContain(answer.text.slice(at, at + 16));
      expect(await failure(await post('/generate', { copy_guard: 16 }))).toMatchObject({
        status: 422,
        code: 'model_unsupported',
        param: 'copy_guard',
      });
    });
  });

  describe('completions', () => {
    test('answers as OpenAI does', async () => {
      const answer = await complete({ prompt: 'Once', seed: 2 });
      expect(answer.object).toBe('text_completion');
      expect(answer.model).toBe(tinyId);
      expect(answer.choices).toMatchObject([{ index: 0, finish_reason: 'length', logprobs: null }]);
      expect(answer.choices[0]?.text).toHaveLength(16);
      expect(answer.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 16, total_tokens: 20 });
      expect(answer.system_fingerprint).toContain(tiny.version);
    });

    test('completes several prompts n times each, every one as if asked alone', async () => {
      const both = await complete({ prompt: ['Once', 'Twice'], n: 2, seed: 4 });
      expect(both.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
      const alone = await complete({ prompt: 'Twice', n: 2, seed: 4 });
      expect(both.choices.slice(2).map(({ text }) => text)).toEqual(alone.choices.map(({ text }) => text));
      const ids = [...'Twice'].map((character) => tiny.alphabet.indexOf(character));
      const byIds = await complete({ prompt: [ids], n: 2, seed: 4 });
      expect(byIds.choices.map(({ text }) => text)).toEqual(alone.choices.map(({ text }) => text));
    });

    test('returns log-probabilities, the prompt’s too when it is echoed', async () => {
      const { choices } = await complete({ prompt: 'Once', max_tokens: 5, logprobs: 2, echo: true, seed: 1 });
      const [choice] = choices;
      const { logprobs } = choice ?? {};
      expect(choice?.text.startsWith('Once')).toBe(true);
      expect(logprobs?.tokens.join('')).toBe(choice?.text);
      expect(logprobs?.text_offset).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      for (const [at, top] of (logprobs?.top_logprobs ?? []).entries()) {
        expect(Object.keys(top ?? {}).length).toBeGreaterThanOrEqual(2);
        expect(Object.keys(top ?? {}).length).toBeLessThanOrEqual(3);
        expect(top?.[logprobs?.tokens[at] ?? '']).toBe(logprobs?.token_logprobs[at]);
      }
      const plain = await complete({ prompt: 'Once', max_tokens: 5, logprobs: 2, seed: 1 });
      expect(plain.choices[0]?.logprobs?.text_offset).toEqual([4, 5, 6, 7, 8]);
      expect(plain.choices[0]?.logprobs?.token_logprobs).toEqual(logprobs?.token_logprobs.slice(4));
    });

    test('scores a prompt alone: echo with nothing to generate', async () => {
      const { choices } = await complete({ prompt: 'Once', max_tokens: 0, echo: true, logprobs: 0 });
      expect(choices[0]?.text).toBe('Once');
      const scored = answers.ScoreResponseSchema.parse(
        await (await post('/v1/score', { text: 'Once' })).json(),
      );
      const { details } = scored.data[0] ?? { details: [] };
      expect(choices[0]?.logprobs?.token_logprobs).toEqual(details.map(({ logprob }) => logprob));
    });

    test('ends at a stop string, which it leaves out', async () => {
      const { choices } = await complete({ prompt: 'Once', max_tokens: 200, seed: 6 });
      const text = choices[0]?.text ?? '';
      const stop = text.slice(20, 23);
      const stopped = await complete({ prompt: 'Once', max_tokens: 200, seed: 6, stop: [stop] });
      expect(stopped.choices[0]).toMatchObject({
        text: text.slice(0, text.indexOf(stop)),
        finish_reason: 'stop',
      });
    });

    test('keeps the best of several', async () => {
      const all = await complete({ prompt: 'Once', n: 5, logprobs: 0, seed: 8 });
      const mean = (choice: (typeof all.choices)[number]) =>
        (choice.logprobs?.token_logprobs ?? []).reduce((sum: number, one) => sum + (one ?? 0), 0);
      const best = all.choices.toSorted((a, b) => mean(b) - mean(a)).slice(0, 2);
      const kept = await complete({ prompt: 'Once', n: 2, best_of: 5, seed: 8 });
      expect(kept.choices.map(({ text }) => text)).toEqual(best.map(({ text }) => text));
      expect(kept.usage.completion_tokens).toBe(5 * 16);
    });

    test.each([
      { prompt: 'Once', n: 3, max_tokens: 40, seed: 3 },
      { prompt: ['Once', 'Twice'], n: 2, max_tokens: 30, seed: 3, echo: true },
      { prompt: 'Once', max_tokens: 30, seed: 3, logprobs: 2, echo: true, stop: ['e'] },
      { prompt: 'Once', max_tokens: 0 },
      { prompt: '', max_tokens: 5, seed: 1, logprobs: 1, echo: true },
      { prompt: 'O1n2ce', max_tokens: 5, seed: 1, logprobs: 1, echo: true, unknown: 'skip' },
    ])('streams the very same: %j', async (body) => {
      const response = await post('/v1/completions', {
        model: 'tiny',
        ...body,
        stream: true,
        stream_options: { include_usage: true },
      });
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      const events = (await response.text()).split('\n\n').filter(Boolean);
      expect(events.at(-1)).toBe('data: [DONE]');
      const chunks = events
        .slice(0, -1)
        .map((event) => answers.CompletionChunkSchema.parse(JSON.parse(event.replace(/^data: /, ''))));
      const whole = await complete(body);
      for (const choice of whole.choices) {
        const own = chunks.flatMap(({ choices }) => choices.filter(({ index }) => index === choice.index));
        expect(own.map(({ text }) => text).join('')).toBe(choice.text);
        expect(own.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual([choice.finish_reason]);
        for (const part of ['tokens', 'token_logprobs', 'text_offset'] as const) {
          const actual = own.flatMap(({ logprobs }): unknown[] => logprobs?.[part] ?? []);
          expect(actual).toEqual(choice.logprobs?.[part] ?? []);
        }
      }
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
      expect(chunks.at(-2)?.receipt).toMatchObject({ model: 'tiny', version: tiny.version });
      if ('seed' in body) expect(chunks.at(-2)?.receipt).toEqual(whole.receipt);
    });

    test('gives the same for its receipt', async () => {
      const first = await complete({
        prompt: ['Once', 'Twice'],
        n: 2,
        temperature: 0.7,
        logit_bias: { 3: 2 },
      });
      const again = await complete(first.receipt);
      expect(again.choices).toEqual(first.choices);
    });
  });

  describe('score', () => {
    test('returns every character’s log-probability and rank', async () => {
      const response = await post('/v1/score', { text: ['Once upon', 'a time'], top: 3 });
      const { data } = answers.ScoreResponseSchema.parse(await response.json());
      expect(data.map(({ index }) => index)).toEqual([0, 1]);
      for (const { details, nats, bits_per_character: bits, perplexity, characters } of data) {
        expect(nats).toBeCloseTo(-details.reduce((sum, { logprob }) => sum + logprob, 0), 6);
        expect(bits).toBeCloseTo(nats / characters / Math.LN2, 6);
        expect(perplexity).toBeCloseTo(Math.exp(nats / characters), 6);
        for (const { rank, character, top = [] } of details) {
          if (rank <= 3) expect(top[rank - 1]?.character).toBe(character);
        }
      }
    });
  });

  describe('faults of a request', () => {
    test('are reported all at once', async () => {
      const body = {
        prompt: 'On1ce',
        temperature: -1,
        top_p: 7,
        n: 1.5,
        unknown: 'maybe',
        colour: 'red',
        length: 1e6,
      };
      const actual = await failure(await post('/generate', { model: 'tiny', ...body }));
      expect(actual).toMatchObject({ status: 400, type: 'invalid_request_error', code: 'invalid_parameter' });
      expect(actual.faults?.map(({ param }) => param).toSorted()).toEqual(
        ['colour', 'length', 'n', 'temperature', 'top_p', 'unknown'].toSorted(),
      );
      expect(actual.message).toContain('temperature: expected a number from 0 to 2, received -1.');
    });

    test.each([
      ['/generate', { prompt: 'été 1' }, 400, 'unknown_character', 'prompt'],
      ['/generate', { prompt: 'a', allowed: 'é' }, 400, 'unknown_character', 'allowed'],
      ['/generate', { model: 'nobody' }, 404, 'model_not_found', 'model'],
      ['/generate', { model: 'tiny@never' }, 404, 'model_not_found', 'model'],
      ['/generate', { model: '../tiny' }, 400, 'invalid_parameter', 'model'],
      ['/generate', { digest: 'sha256:0' }, 422, 'state_mismatch', 'digest'],
      ['/generate', { length: 501 }, 422, 'limit_exceeded', 'length'],
      ['/generate', { prompt: 'a'.repeat(301) }, 422, 'limit_exceeded', 'prompt'],
      ['/generate', [], 400, 'invalid_request', 'body'],
      ['/generate', '{"prompt":', 400, 'invalid_request', 'body'],
      ['/generate', '', 400, 'invalid_request', 'body'],
      ['/generate', { prompt: 'a'.repeat(70_000) }, 413, 'too_large', 'body'],
      ['/v1/completions', { prompt: 'a' }, 400, 'invalid_parameter', 'model'],
      ['/v1/completions', { model: 'tiny', suffix: 'end' }, 400, 'invalid_parameter', 'suffix'],
      ['/v1/completions', { model: 'tiny', n: 3, best_of: 2 }, 400, 'invalid_parameter', 'best_of'],
      ['/v1/completions', { model: 'tiny', best_of: 2, stream: true }, 400, 'invalid_parameter', 'best_of'],
      ['/v1/completions', { model: 'tiny', stream_options: {} }, 400, 'invalid_parameter', 'stream_options'],
      ['/v1/completions', { model: 'tiny', prompt: [1, 9999] }, 400, 'unknown_character', 'prompt'],
      [
        '/v1/completions',
        { model: 'tiny', logit_bias: { 9999: 1 } },
        400,
        'invalid_parameter',
        'logit_bias.9999',
      ],
      ['/v1/completions', { model: 'tiny', n: 33 }, 400, 'limit_exceeded', 'n'],
      ['/v1/completions', { model: 'tiny', n: 20, max_tokens: 500 }, 400, 'limit_exceeded', 'n'],
      ['/v1/score', { text: 'é' }, 400, 'unknown_character', 'text'],
      ['/v1/models/tiny/activate', { version: 'never' }, 404, 'model_not_found', 'version'],
    ])('%s, case %#', async (path, body, status, code, param) => {
      expect(await failure(await post(path, body))).toMatchObject({ status, code, param });
    });

    test('any JSON at all is answered, and never by a fault of the server', async () => {
      const known = fc.constantFrom(
        'model',
        'prompt',
        'length',
        'max_tokens',
        'n',
        'best_of',
        'stream',
        'logprobs',
        'echo',
        'stop',
        'text',
        'top',
        'temperature',
        'top_p',
        'top_k',
        'min_p',
        'typical_p',
        'repetition_penalty',
        'presence_penalty',
        'seed',
        'frequency_penalty',
        'logit_bias',
        'allowed',
        'unknown',
        'continue_from',
        'copy_guard',
        'overlap',
        'precision',
        'continuable',
        'digest',
        'version',
        'suffix',
        'user',
        'stream_options',
        'expected',
        'corpus',
        'preset',
      );
      const value = fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.integer({ min: -2, max: 40 }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        fc.constantFrom('tiny', tinyId, 'a', 'Once', 'skip', 'int8', true, [], [1, 2], ['a', 'b']),
      );
      const body = fc.oneof(
        { weight: 1, arbitrary: fc.jsonValue() },
        { weight: 4, arbitrary: fc.dictionary(known, value, { maxKeys: 6 }) },
      );
      const path = fc.constantFrom(
        '/generate',
        '/v1/completions',
        '/v1/score',
        '/v1/models/tiny/activate',
        '/v1/trainings',
        '/v1/corpora/any',
        '/v1/models/any/import',
      );
      await fc.assert(
        fc.asyncProperty(path, body, async (to, sent) => {
          const response = await post(to, JSON.stringify(sent));
          const text = await response.text();
          expect(response.status, `${to} ${text}`).toBeLessThan(500);
          if (response.status >= 400) answers.ErrorResponseSchema.parse(JSON.parse(text));
          else expect(response.status).toBeLessThan(300);
        }),
        { numRuns: 150 },
      );
    });
  });

  describe('models', () => {
    test('are listed and retrieved as OpenAI does', async () => {
      const { data } = answers.ModelListSchema.parse(await (await api.fetch('/v1/models')).json());
      expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(['other', 'tiny']));
      const model = answers.ModelResponseSchema.parse(await (await api.fetch('/v1/models/tiny')).json());
      expect(model).toMatchObject({ id: 'tiny', object: 'model', version: tiny.version, current: true });
      expect(model.created).toBe(Date.parse('2026-01-02T03:04:05Z') / 1000);
      expect(model.alphabet).toEqual(tiny.alphabet);
      expect(model.report).toEqual({ validationLoss: 1.5 });
      const pinned = await api.fetch(`/v1/models/${encodeURIComponent(`tiny@${older.version}`)}`);
      expect(answers.ModelResponseSchema.parse(await pinned.json())).toMatchObject({ current: false });
    });

    test('have versions, newest first, whose files can be fetched', async () => {
      const { data } = answers.VersionListSchema.parse(
        await (await api.fetch('/v1/models/tiny/versions')).json(),
      );
      expect(data.map(({ version, current }) => [version, current])).toEqual([
        [tiny.version, true],
        [older.version, false],
      ]);
      const file = await api.fetch(`/v1/models/${encodeURIComponent(tinyId)}/files/weights-1-of-1.bin`);
      expect(file.headers.get('cache-control')).toContain('immutable');
      const weights = tiny.files.get('weights-1-of-1.bin') ?? new Uint8Array();
      expect(Buffer.compare(new Uint8Array(await file.arrayBuffer()), weights)).toBe(0);
      for (const path of ['files/none.bin', 'files/..%2Fcurrent.json', 'files/.hidden']) {
        expect((await api.fetch(`/v1/models/tiny/${path}`)).status).toBe(404);
      }
    });

    describe('of other libraries', () => {
      const letters = 'abcdefghijk';
      const importTo = (path: string, body: Uint8Array<ArrayBuffer>): Promise<Response> =>
        api.fetch(`/v1/models/${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/octet-stream' },
          body,
        });

      test('are imported as files, published with their origin, and generated from', async () => {
        const file = importFile('torch-lstm/checkpoint.pt');
        const response = await importTo('checkpoint/import?file=checkpoint.pt', file);
        expect(response.status).toBe(201);
        const imported = answers.ImportResponseSchema.parse(await response.json());
        const { version, digest, sample, alphabet = [] } = imported;
        expect(imported).toMatchObject({
          ...{ id: `checkpoint@${version}`, name: 'checkpoint', format: 'PyTorch', vocabulary: 11 },
        });
        // Behind a gateway, a stage's name stands before it.
        expect(response.headers.get('location')).toMatch(
          new RegExp(`^(?:/live)?/v1/models/checkpoint%40${version}$`),
        );
        expect(alphabet).toHaveLength(11);
        expect([...sample].every((character) => alphabet.includes(character))).toBe(true);
        const made = await generate({ model: 'checkpoint', version, digest, length: 200, seed: 1 });
        expect([made.text, [...made.text].length]).toEqual([sample, 200]);
        const artefact = await (
          await api.fetch(`/v1/models/${encodeURIComponent(`checkpoint@${version}`)}/files/model.json`)
        ).json();
        expect(artefact.userDefinedMetadata.folio).toMatchObject({
          ...{ name: 'checkpoint', version, alphabet },
          imported: {
            ...{ file: 'checkpoint.pt', bytes: file.length, format: 'PyTorch' },
            sha256: createHash('sha256').update(file).digest('hex'),
          },
        });
      });

      test.each([
        ['two-lstm/model.keras', {}],
        ['two-lstm/model.h5', {}],
        ['torch-lstm/state.pt', {}],
        ['torch-lstm/state.safetensors', {}],
        ['torch-lstm/old.onnx', {}],
        ['torch-gru/state.pt', { dense_activation: 'relu' }],
        ['torch-rnn/state.pt', { nonlinearity: 'relu' }],
      ])('%s takes its alphabet from the query', async (file, parameters) => {
        const query = new URLSearchParams({ alphabet: letters, ...parameters });
        const response = await importTo(`${file.replace('/', '-')}/import?${query}`, importFile(file));
        const answer = await response.json();
        expect(response.status, JSON.stringify(answer)).toBe(201);
        const { alphabet, sample, notes } = answers.ImportResponseSchema.parse(answer);
        expect([alphabet?.join(''), notes]).toEqual([letters, []]);
        expect(sample).toMatch(/^[a-k]{200}$/);
      });

      test('write ids where nothing says what they stand for', async () => {
        const response = await importTo('numbers/import', importFile('torch-lstm/state.pt'));
        const { alphabet, sample } = answers.ImportResponseSchema.parse(await response.json());
        expect(alphabet).toBeUndefined();
        expect(sample).toMatch(/^(?: \d+){200}$/);
      });

      test.each([
        ['torch-lstm/checkpoint.pt', '', 'cut', 422, 'model_invalid'],
        ['two-lstm/model.keras', '', 'cut', 422, 'model_invalid'],
        ['torch-lstm/whole.pt', '', 'whole', 422, 'model_unsupported'],
        ['two-lstm/config.json', '', 'whole', 422, 'model_unsupported'],
        ['torch-lstm/state.pt', '?alphabet=abc', 'whole', 422, 'model_invalid'],
        ['torch-gru/state.pt', '', 'whole', 400, 'invalid_parameter'],
        ['torch-gru/state.pt', '?dense_activation=softmax', 'whole', 400, 'invalid_parameter'],
        ['torch-lstm/state.pt', '?color=red', 'whole', 400, 'invalid_parameter'],
        ['torch-lstm/state.pt', '', 'empty', 400, 'invalid_request'],
      ])('%s%s, %s, is refused and leaves nothing', async (file, query, part, status, code) => {
        const bytes = importFile(file);
        const length = { cut: Math.floor(bytes.length * 0.8), whole: bytes.length, empty: 0 }[part];
        const response = await importTo(`damaged/import${query}`, bytes.slice(0, length));
        expect(await failure(response)).toMatchObject({ status, code });
        expect(await failure(await api.fetch('/v1/models/damaged'))).toMatchObject({ status: 404 });
      });

      test('are imported under a name alone', async () => {
        const response = await importTo(
          `${encodeURIComponent('tiny@1')}/import`,
          importFile('torch-lstm/state.pt'),
        );
        expect(await failure(response)).toMatchObject({ status: 400, code: 'invalid_parameter' });
      });
    });

    test('change their current version by compare-and-swap, and lose one that is not current', async () => {
      const activate = (version: string, expected?: string) =>
        post('/v1/models/tiny/activate', { version, expected });
      expect(await failure(await activate(older.version, older.version))).toMatchObject({ status: 409 });
      expect((await activate(older.version, tiny.version)).status).toBe(200);
      expect((await activate(tiny.version)).status).toBe(200);
      const remove = (id: string) => api.fetch(`/v1/models/${encodeURIComponent(id)}`, { method: 'DELETE' });
      expect(await failure(await remove(tinyId))).toMatchObject({ status: 409, code: 'conflict' });
      expect(await failure(await remove('tiny'))).toMatchObject({ status: 400, code: 'invalid_request' });
      const extra = tinyModel({ seed: 77, createdAt: new Date('2024-01-01T00:00:00Z') });
      await publishVersion(api.store, { ...extra, replaces: tiny.version });
      expect((await activate(tiny.version, extra.version)).status).toBe(200);
      const id = `tiny@${extra.version}`;
      expect(answers.DeletedModelSchema.parse(await (await remove(id)).json())).toEqual({
        id,
        object: 'model',
        deleted: true,
      });
      expect((await remove(id)).status).toBe(404);
    });
  });
};
