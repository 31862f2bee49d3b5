import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createApp } from '../../../src/api/app.ts';
import { ContinuationSigner } from '../../../src/api/request/continuation.ts';
import { Admission, limitsFrom } from '../../../src/api/request/limits.ts';
import { FolioClient } from '../../../src/client/client.ts';
import { blendModels } from '../../../src/model/decode/blend.ts';
import { createHost } from '../../../src/server/host.ts';
import { openModels } from '../../../src/store/open-models.ts';
import { folioWithin as folio } from '../../folio-command.ts';
import { publishTinyModel } from '../../tiny-model.ts';
import { furnished } from './host-under-test.ts';

type Json = Record<string, unknown>;
type Answer = Json & { text: string; receipt: Json & { blend: Json } };

const place = await furnished();
afterAll(() => place[Symbol.asyncDispose]());
const { version: novel } = await publishTinyModel(place.store, { name: 'novel', seed: 7 });
await publishTinyModel(place.store, { name: 'third', seed: 8 });
await publishTinyModel(place.store, { name: 'digits', alphabet: '\n 0123456789' });
const { app } = await createHost(place.settings);
const fetchApp = async (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
  app.fetch(new Request(input, init), { remoteAddress: '127.0.0.1' });
const post = (path: string, body: Json): Promise<Response> =>
  fetchApp(`http://localhost${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const generate = async (body: Json): Promise<Answer> =>
  (await (await post('/generate', body)).json()) as Answer;

const body = { prompt: 'Once', length: 60, seed: 4, blend: { novel: 0.4 } };

describe('blend', () => {
  test('is what the library’s blend writes, on every route', async () => {
    const models = openModels(place.store, place.settings);
    const [own, other] = await Promise.all(['tiny', 'novel'].map((name) => models.acquire({ name })));
    const library = blendModels([
      { model: own!.model, weight: 0.6 },
      { model: other!.model, weight: 0.4 },
    ]);
    const { prompt, length, seed } = body;
    const { choices } = await library.complete({ prompt, length, seed }).result();
    const { text, receipt } = await generate(body);
    expect(text).toBe(choices[0]!.text);
    const { blend: _, ...plain } = body;
    expect((await generate(plain)).text).not.toBe(text);
    expect(receipt).toMatchObject({ model: 'tiny', digest: own!.model.info.digest });
    expect(receipt.blend).toEqual({
      [`novel@${novel}`]: { weight: 0.4, digest: other!.model.info.digest },
    });
    expect((await generate(receipt)).text).toBe(text);
    const query = new URLSearchParams({ prompt, length: '60', seed: '4', blend: '{"novel":0.4}' });
    expect(await (await fetchApp(`http://localhost/generate?${query}`)).json()).toMatchObject({ text });
    const openAi = { model: 'tiny', prompt, max_tokens: length, seed, blend: { [`novel@${novel}`]: 0.4 } };
    expect(await (await post('/v1/completions', openAi)).json()).toMatchObject({ choices: [{ text }] });
    const streamed = await (await post('/v1/completions', { ...openAi, stream: true })).text();
    const pieces = [...streamed.matchAll(/"text":("(?:[^"\\]|\\.)*")/g)].map(([, one]) => JSON.parse(one!));
    expect(pieces.join('')).toBe(text);
    expect(streamed).toContain(`"novel@${novel}":{"weight":0.4`);
    const chat = { model: 'tiny', messages: [{ role: 'user', content: 'Once' }], seed, max_tokens: 9 };
    const chats = await Promise.all(
      [chat, { ...chat, blend: { novel: 0.9 } }].map(async (one) => {
        const answer = await post('/v1/chat/completions', one);
        return ((await answer.json()) as { choices: { message: { content: string } }[] }).choices[0]!.message
          .content;
      }),
    );
    expect(chats[0]).not.toBe(chats[1]);
    const client = new FolioClient({ baseUrl: 'http://localhost', fetch: fetchApp as typeof fetch });
    expect(await client.generate({ ...body, blend: { novel: 0.4 } })).toMatchObject({ text });
  });

  test('goes on exactly with continue_from and the same blend, and with no other', async () => {
    const mixed = { ...body, blend: { third: 0.1, novel: 0.2 } };
    const whole = await generate(mixed);
    const first = await generate({ ...mixed, length: 25, continuable: true });
    const { continue_from } = first;
    const { prompt: _, seed: __, ...rest } = mixed;
    const second = await generate({ ...rest, length: 35, continue_from, blend: { novel: 0.2, third: 0.1 } });
    expect(first.text + second.text).toBe(whole.text);
    for (const wrong of [{}, { blend: { novel: 0.2 } }, { blend: { third: 0.1, novel: 0.21 } }]) {
      const refused = await post('/v1/completions', { max_tokens: 5, continue_from, stream: true, ...wrong });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({
        error: {
          code: 'state_mismatch',
          param: 'continue_from',
          message: expect.stringMatching(
            /^continue_from: .* received one of 0\.7 of tiny@.* and 0\.2 of novel@/,
          ),
        },
      });
    }
    const plain = await generate({ length: 5, continuable: true });
    expect(
      await generate({ length: 5, continue_from: plain.continue_from, blend: { novel: 0.1 } }),
    ).toMatchObject({
      error: { code: 'state_mismatch' },
    });
  });

  test.each([
    [{}, 'blend', 'invalid_parameter', /one to three models/],
    [{ a: 0.1, b: 0.1, c: 0.1, d: 0.1 }, 'blend', 'invalid_parameter', /one to three models/],
    [{ novel: 0 }, 'blend.novel', 'invalid_parameter', /above 0 and below 1/],
    [{ novel: 1 }, 'blend.novel', 'invalid_parameter', /above 0 and below 1/],
    [{ novel: '0.4' }, 'blend.novel', 'invalid_parameter', /above 0 and below 1/],
    [{ novel: { digest: 'x' } }, 'blend.novel', 'invalid_parameter', /above 0 and below 1/],
    [['novel'], 'blend', 'invalid_parameter', /one to three models/],
    [{ '../etc': 0.4 }, 'blend.../etc', 'invalid_parameter', /name/],
    [{ novel: 0.5, third: 0.5 }, 'blend', 'invalid_parameter', /sum to less than 1/],
    [{ tiny: 0.4 }, 'blend.tiny', 'invalid_parameter', /other models than tiny@.* the rest of the weight/],
    [{ novel: 0.2, [`novel@${novel}`]: 0.2 }, `blend.novel@${novel}`, 'invalid_parameter', /each once/],
    [{ absent: 0.4 }, 'blend.absent', 'model_not_found', /^blend\.absent: .*absent/],
    [{ digits: 0.4 }, 'blend.digits', 'invalid_parameter', /alphabet of tiny, received digits, .* lacks "a"/],
    [{ novel: { weight: 0.4, digest: 'sha256:0' } }, 'blend.novel', 'state_mismatch', /digest/],
  ])('%j is refused', async (blend, param, code, message) => {
    for (const path of ['/generate', '/v1/completions']) {
      const response = await post(path, { model: 'tiny', blend: blend as Json });
      const { error } = (await response.json()) as { error: { message: string } };
      expect(error).toMatchObject({ param, code });
      expect(error.message).toMatch(message);
    }
  });

  test('is no more than what the server keeps, and gives its models back', async () => {
    const models = openModels(place.store, place.settings);
    let held = 0;
    const appOf = (maximumModelBytes?: number) =>
      createApp({
        store: place.store,
        limits: limitsFrom(place.settings),
        authorise: () => ({ id: 'anybody', rights: ['read'] }),
        generator: {
          defaultModel: { name: 'tiny' },
          admission: new Admission(limitsFrom(place.settings)),
          signer: async () => new ContinuationSigner('secret'),
          maximumModelBytes,
          acquire: async (reference, precision) => {
            const lease = await models.acquire(reference, precision);
            held++;
            return {
              ...lease,
              release: () => {
                held--;
                lease.release();
              },
            };
          },
        },
      });
    const ask = async (maximum: number | undefined, more: Json): Promise<unknown> => {
      const request = new Request('http://localhost/generate', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...body, ...more }),
      });
      const answer = await (await appOf(maximum).fetch(request)).json();
      expect(held).toBe(0);
      return answer;
    };
    const limited = { code: 'limit_exceeded', param: 'blend.novel' };
    expect(await ask(60_000, {})).toMatchObject({ error: limited });
    expect(await ask(undefined, {})).toMatchObject({ finish_reason: 'length' });
    expect(await ask(undefined, { blend: { novel: 0.2, digits: 0.2 } })).toHaveProperty('error');
    expect(await ask(undefined, { pattern: '(' })).toHaveProperty('error');
  });

  test('on the command line: a text as JSON, and rows of a bulk job', async () => {
    const { text } = await generate(body);
    const args = ['--store', place.settings.store, '--model', 'tiny', '--blend', 'novel=0.4'];
    const written = ['generate', ...args, '--prompt', 'Once', '--length', '60', '--seed', '4'];
    const json = JSON.parse((await folio([...written, '--json'])).stdout) as Json & { digest: string };
    expect(json).toMatchObject({
      digest: expect.stringMatching(/^sha256:/),
      blend: { [`novel@${novel}`]: { weight: 0.4, digest: expect.stringMatching(/^sha256:/) } },
      choices: [{ text }],
    });
    const input = join(place.settings.store, 'rows.jsonl');
    const output = join(place.settings.store, 'texts.jsonl');
    await writeFile(input, '{"prompt":"Once","length":60,"seed":4}\n{"blend":{"novel":0.1}}\n');
    expect((await folio(['bulk', 'generate', ...args, '-i', input, '-o', output])).code).toBe(2);
    const rows = (await readFile(output, 'utf8'))
      .trim()
      .split('\n')
      .map((row) => JSON.parse(row) as Json);
    expect(rows).toMatchObject([{ text }, { error: { code: 'invalid_parameter' } }]);
    const itself = await folio(['generate', ...args, '--blend', 'tiny=0.1']);
    expect(itself.stderr).toContain('--blend tiny: expected other models than tiny@');
    const refused = await folio(['generate', ...args, '--blend', 'digits=0.1']);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('--blend digits: expected a model with'),
    ]);
  });
});
