import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import { afterAll, describe, expect, test } from 'vitest';
import { ResponseObjectSchema } from '../../../src/api/response/responses.ts';
import { startServer } from '../../../src/server/server.ts';
import { older, tiny, tinyId } from '../../api.cases.ts';
import { furnished } from './host-under-test.ts';

/** The official client, unmodified, against the server. */
describe('OpenAI’s client', async () => {
  const place = await furnished({
    apiKeys: ['a-reading-key'],
    writeKeys: ['a-writing-key'],
    maximumConcurrentPerKey: 3,
    maximumLength: 1_000_000,
  });
  const server = await startServer(place.settings);
  afterAll(async () => {
    await server.close(0);
    await place[Symbol.asyncDispose]();
  });
  const clientWith = (apiKey: string) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
  const openai = clientWith('a-reading-key');

  test('completions.create returns a text', async () => {
    const completion = await openai.completions.create({ model: 'tiny', prompt: 'Once', seed: 1 });
    expect(completion).toMatchObject({
      object: 'text_completion',
      model: tinyId,
      choices: [{ index: 0, finish_reason: 'length', logprobs: null }],
      usage: {
        prompt_tokens: 4,
        completion_tokens: 16,
        total_tokens: 20,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    });
    expect(completion.id).toMatch(/^cmpl-/);
    expect(Math.abs(completion.created - Date.now() / 1000)).toBeLessThan(60);
    expect(completion.system_fingerprint).toContain(tiny.version);
  });

  test('a streamed completion is the text of the whole one', async () => {
    const body = { model: 'tiny', prompt: 'Once', max_tokens: 50, seed: 2 };
    const whole = await openai.completions.create(body);
    const stream = await openai.completions.create({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: OpenAI.CompletionUsage | undefined;
    const reasons: unknown[] = [];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? '';
      if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason);
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(whole.choices[0]?.text);
    expect(reasons).toEqual(['length']);
    expect(usage).toEqual(whole.usage);
  });

  test('responses.create returns a message, whose text is the completion’s of the same seed', async () => {
    const request = { model: 'tiny', seed: 2 };
    const { choices } = await openai.completions.create({ ...request, prompt: 'Once', max_tokens: 50 });
    const response = await openai.responses.create({ ...request, input: 'Once', max_output_tokens: 50 });
    expect(ResponseObjectSchema.parse(response)).toMatchObject({
      object: 'response',
      model: tinyId,
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      usage: { input_tokens: 4, output_tokens: 50, total_tokens: 54 },
    });
    expect(response.output_text).toBe(choices[0]?.text);
    const stopped = await openai.responses.create({
      ...{ ...request, input: 'Once', max_output_tokens: 200 },
      ...({ stop: [response.output_text[0]!] } as object),
    });
    expect(stopped).toMatchObject({ status: 'completed', incomplete_details: null, output_text: '' });
  });

  test('responses.stream gives the response in its events, of messages as of a text', async () => {
    const request = { model: 'tiny', max_output_tokens: 50, ...({ seed: 2 } as object) };
    const content = [{ type: 'input_text' as const, text: 'Once' }];
    const input = [
      { role: 'system' as const, content: 'Be brief.' },
      { role: 'user' as const, content },
    ];
    const whole = await openai.responses.create({ ...request, input });
    const stream = openai.responses.stream({ ...request, input });
    let text = '';
    const types: string[] = [];
    for await (const event of stream) {
      expect(event.sequence_number).toBe(types.length);
      types.push(event.type);
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    const final = await stream.finalResponse();
    expect([text, final.output_text]).toEqual([whole.output_text, whole.output_text]);
    expect(final.usage?.total_tokens).toBe(whole.usage?.total_tokens);
    expect(final).toMatchObject({ warnings: [expect.stringContaining('system')] });
    expect(types.filter((type) => !type.endsWith('delta'))).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ]);
  });

  test('a response that would need a memory of the server’s is refused', async () => {
    const error = await openai.responses
      .create({ model: 'tiny', input: 'Once', previous_response_id: 'resp_1' })
      .catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ param: 'previous_response_id', code: 'invalid_parameter' });
  });

  test('n: 3 returns three completions', async () => {
    const { choices } = await openai.completions.create({ model: 'tiny', prompt: 'Once', n: 3, seed: 3 });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(choices.map(({ text }) => text)).size).toBe(3);
  });

  test('logprobs are those of the text', async () => {
    const { choices } = await openai.completions.create({
      model: 'tiny',
      prompt: 'Once',
      max_tokens: 4,
      logprobs: 5,
      echo: true,
    });
    const logprobs = choices[0]?.logprobs;
    expect(logprobs?.tokens).toHaveLength(8);
    for (const logprob of logprobs?.token_logprobs ?? []) expect(logprob).toBeLessThan(0);
    expect(Object.keys(logprobs?.top_logprobs?.[7] ?? {}).length).toBeGreaterThanOrEqual(5);
    expect(logprobs?.text_offset).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('a stop string ends the text', async () => {
    const { choices } = await openai.completions.create({
      model: 'tiny',
      prompt: 'Once',
      max_tokens: 500,
      stop: ['a', 'e', 'i', 'o'],
    });
    expect(choices[0]?.finish_reason).toBe('stop');
    expect(choices[0]?.text).not.toMatch(/[aeio]/);
  });

  test('sends Folio’s own parameters beside OpenAI’s', async () => {
    const extra = { top_k: 1, min_p: 0.1, typical_p: 0.9, repetition_penalty: 1.1, precision: 'int8' };
    const completion = await openai.completions.create({
      model: 'tiny',
      prompt: 'Once',
      logit_bias: { '3': -100 },
      user: 'someone',
      ...extra,
    } as OpenAI.CompletionCreateParamsNonStreaming);
    expect((completion as unknown as { receipt: object }).receipt).toMatchObject(extra);
  });

  test('lists, retrieves and deletes models', async () => {
    const names: string[] = [];
    for await (const { id } of openai.models.list()) names.push(id);
    expect(names).toEqual(['tiny', 'other']);
    expect(await openai.models.retrieve(tinyId)).toMatchObject({ id: tinyId, object: 'model' });
    await expect(openai.models.delete(`tiny@${older.version}`)).rejects.toMatchObject({ status: 403 });
    const id = `tiny@${older.version}`;
    expect(await clientWith('a-writing-key').models.delete(id)).toEqual({
      id,
      object: 'model',
      deleted: true,
    });
  });

  test('errors of the API become the client’s typed errors', async () => {
    const create = (body: object, client = openai) =>
      client.completions.create({ model: 'tiny', ...body } as OpenAI.CompletionCreateParamsNonStreaming).then(
        () => undefined,
        (error: unknown) => error,
      );
    const bad = await create({ temperature: 3 });
    expect(bad).toBeInstanceOf(BadRequestError);
    expect(bad).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      code: 'invalid_parameter',
      param: 'temperature',
      message: '400 temperature: expected a number from 0 to 2, received 3.',
    });
    const stranger = await create({}, clientWith('a-wrong-key'));
    expect(stranger).toBeInstanceOf(AuthenticationError);
    expect(stranger).toMatchObject({ status: 401, code: 'unauthorized' });
    const missing = await create({ model: 'nobody' });
    expect(missing).toBeInstanceOf(NotFoundError);
    expect(missing).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    const streams = await Promise.all(
      [1, 2, 3].map(() =>
        openai.completions.create({ model: 'tiny', prompt: 'Once', max_tokens: 1_000_000, stream: true }),
      ),
    );
    const limited = await create({});
    expect(limited).toBeInstanceOf(RateLimitError);
    expect(limited).toMatchObject({ status: 429, code: 'too_many_requests' });
    expect((limited as RateLimitError).headers.get('retry-after')).toBe('1');
    for (const stream of streams) stream.controller.abort();
  });

  test('an error event inside a stream is thrown', async () => {
    await using slow = await furnished({ timeLimitSeconds: 1, maximumLength: 10_000_000 });
    const other = await startServer(slow.settings);
    const client = new OpenAI({ baseURL: `${other.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const stream = await client.completions.create({
      model: 'tiny',
      prompt: 'Once',
      max_tokens: 10_000_000,
      stream: true,
    });
    let text = '';
    const failed = await (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
    })().catch((error: unknown) => error);
    expect(text).not.toBe('');
    expect(failed).toBeInstanceOf(APIError);
    expect(failed).toMatchObject({ code: 'time_limit', type: 'server_error' });
    const whole = await client.completions
      .create({ model: 'tiny', prompt: 'Once', max_tokens: 10_000_000 })
      .catch((error: unknown) => error);
    expect(whole).toMatchObject({ status: 503, code: 'time_limit' });
    await other.close(0);
  });
});
