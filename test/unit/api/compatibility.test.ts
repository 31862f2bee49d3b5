import { afterAll, describe, expect, test } from 'vitest';
import { openAiBody } from '../../../src/api/request/openai-body.ts';
import { ValidationErrors } from '../../../src/api/request/validation-errors.ts';
import * as answers from '../../../src/api/response/responses.ts';
import { createHost } from '../../../src/server/host.ts';
import type { Settings } from '../../../src/settings.ts';
import { tiny } from '../../api.cases.ts';
import { callsOf, furnished } from './host-under-test.ts';

type Json = Record<string, unknown>;

const open = async (settings: Partial<Settings> = {}) => {
  const place = await furnished(settings);
  afterAll(() => place[Symbol.asyncDispose]());
  const fetch = callsOf(await createHost(place.settings));
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const complete = async (body: Json) => {
    const response = await post('/v1/completions', { model: 'tiny', ...body });
    return answers.CompletionResponseSchema.parse(await response.json());
  };
  const refuse = async (response: Response) => {
    const { error } = answers.ErrorResponseSchema.parse(await response.json());
    return { status: response.status, ...error };
  };
  return { fetch, post, complete, refuse, store: place.store };
};

describe('parameters of OpenAI’s routes', async () => {
  const { post, complete, refuse } = await open();

  test.each([
    { seed: -1 },
    { top_k: -1 },
    { max_tokens: -1 },
    { max_tokens: null },
    { suffix: '' },
    { stop: '' },
    { stop: [] },
    { stop: ['', ''] },
    { stop: null },
    { logit_bias: {} },
    { logprobs: null },
    { stream: true, stream_options: { include_usage: null, continuous_usage_stats: null } },
  ])('%j means that nothing is set', async (body) => {
    const response = await post('/v1/completions', { model: 'tiny', prompt: 'Once', ...body });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-folio-warnings')).toBeNull();
    await response.text();
  });

  test.each([
    [{ repeat_penalty: 1.5 }, { repetition_penalty: 1.5 }],
    [{ max_completion_tokens: 5 }, { max_tokens: 5 }],
    [{ max_new_tokens: 5 }, { max_tokens: 5 }],
    [{ typical: 0.5 }, { typical_p: 0.5 }],
    [{ logitBias: { 3: -100 } }, { logit_bias: { 3: -100 } }],
    [{ topP: 0.5 }, { top_p: 0.5 }],
    [{ stop_sequences: ['a'] }, { stop: ['a'] }],
    [{ top_p: 0.5, topP: 0.9 }, { top_p: 0.5 }],
  ])('%j acts as %j', async (alias, own) => {
    const text = { prompt: 'Once', seed: 4, max_tokens: undefined };
    const [a, b] = await Promise.all([complete({ ...text, ...alias }), complete({ ...text, ...own })]);
    expect(a.choices).toEqual(b.choices);
    expect(a.warnings).toBeUndefined();
  });

  test.each([
    { ignore_eos: true },
    { metadata: { a: 'b' } },
    { store: false },
    { service_tier: 'auto' },
    { use_beam_search: false },
    { stop_token_ids: [] },
  ])('%j changes nothing and passes', async (body) => {
    expect((await complete({ prompt: 'Once', ...body })).warnings).toBeUndefined();
  });

  test('what is unknown is ignored and reported, in the answer and in a header', async () => {
    const body = { model: 'tiny', prompt: 'Once', colour: 'red', use_beam_search: true, seed: 1 };
    const response = await post('/v1/completions', body);
    const { warnings } = answers.CompletionResponseSchema.parse(await response.json());
    expect(warnings).toEqual([
      'colour: ignored, since there is no such parameter here.',
      'use_beam_search: ignored, since there is no such parameter here.',
    ]);
    expect(response.headers.get('x-folio-warnings')).toContain('colour: ignored');
    const streamed = await post('/v1/completions', { ...body, stream: true, stream_options: { odd: 1 } });
    expect(await streamed.text()).toContain('"warnings":["colour: ignored');
    expect(streamed.headers.get('x-folio-warnings')).toContain('stream_options.odd: ignored');
  });

  test.each([
    ['temprature', 'temperature'],
    ['temperatur', 'temperature'],
    ['max_token', 'max_tokens'],
    ['top_logprob', undefined],
    ['frequency_penality', 'frequency_penalty'],
    ['pormpt', 'prompt'],
    ['strem', 'stream'],
  ])('%s is nearly %s', async (key, meant) => {
    const response = await post('/v1/completions', { model: 'tiny', [key]: 1 });
    if (meant === undefined) return expect(response.status).toBe(200);
    const fault = await refuse(response);
    expect(fault).toMatchObject({ status: 400, code: 'invalid_parameter', param: key });
    expect(fault.message).toContain(`is ${meant} meant?`);
  });

  test('a length above the maximum is lowered to it, and that is reported', async () => {
    const answer = await complete({ prompt: 'Once', max_tokens: 1e6, seed: 1 });
    expect(answer.choices[0]?.text).toHaveLength(500);
    expect(answer.warnings?.[0]).toMatch(/^max_tokens: lowered from 1000000 to 500/);
    expect(answer.receipt).toMatchObject({ max_tokens: 500 });
  });

  test('sixteen stop strings are taken, and 129 are not', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, at) => `x${at}`);
    expect((await post('/v1/completions', { model: 'tiny', stop: many(128) })).status).toBe(200);
    expect((await post('/v1/completions', { model: 'tiny', stop: many(129) })).status).toBe(400);
  });

  test('a stop string counts after min_tokens', async () => {
    const free = (await complete({ prompt: 'Once', max_tokens: 100, seed: 6 })).choices[0]?.text ?? '';
    const stop = [...free.slice(0, 10)].find((character) => free.slice(10).includes(character)) ?? '';
    const { choices } = await complete({ prompt: 'Once', max_tokens: 100, seed: 6, stop, min_tokens: 10 });
    expect(choices[0]?.text).toBe(free.slice(0, free.indexOf(stop, 10)));
    expect(choices[0]?.finish_reason).toBe('stop');
  });

  test('a refusal has a sentence a fault, and never zod’s own', async () => {
    const faulty = [
      { logit_bias: { ab: 1 } },
      { logit_bias: { 1: 'b' } },
      { logit_bias: 5 },
      { stop: [5] },
      { prompt: [1.5] },
      { prompt: [] },
      { prompt: [[]] },
      { prompt: ['a', 1] },
      { prompt: Array.from({ length: 129 }, () => 'a') },
      { stop: 'x'.repeat(2000) },
      { stop: ['x'.repeat(2000)] },
      { seed: -5.5 },
      { seed: [] },
      { seed: [1.5] },
      { seed: 1.5 },
      { seed: 'x' },
      { stream_options: 5, stream: true },
      { n: '1' },
      { user: 5 },
    ];
    for (const body of faulty) {
      const fault = await refuse(await post('/v1/completions', { model: 'tiny', ...body }));
      expect(fault.status, JSON.stringify(body)).toBe(400);
      expect(fault.message).toMatch(/^[\w.[\]]+: expected .+, received .+\.$/);
      expect(fault.message).not.toMatch(/Invalid|Too |Unrecognized|undefined|\.\./);
    }
  });

  test('an error lists at most twenty faults', async () => {
    const body = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`unknown_${at}`, at]));
    const fault = await refuse(await post('/generate', body));
    expect(fault.faults).toHaveLength(20);
    expect(fault.message).toMatch(/And 480 more\.$/);
    expect(fault.message.length).toBeLessThan(3000);
  });

  test('an unknown model’s error names those that there are', async () => {
    const fault = await refuse(await post('/v1/completions', { model: 'gpt-4' }));
    expect(fault).toMatchObject({ status: 404, code: 'model_not_found' });
    expect(fault.message).toContain('There are: other, tiny.');
    const none = await refuse(await post('/v1/completions', { prompt: 'a', model: '' }));
    expect(none).toMatchObject({ status: 400, param: 'model' });
    expect(none.message).toContain('other, tiny');
  });

  test('without a seed every prompt draws its own, and the receipt gives them all again', async () => {
    const answer = await complete({ prompt: ['Once', 'Once', 'Once'], max_tokens: 40 });
    expect(new Set(answer.choices.map(({ text }) => text)).size).toBe(3);
    expect(answer.receipt.seed).toHaveLength(3);
    const again = await complete(answer.receipt as Json);
    expect(again.choices).toEqual(answer.choices);
    const one = await complete({
      prompt: 'Once',
      max_tokens: 40,
      seed: (answer.receipt.seed as number[])[1],
    });
    expect(one.choices[0]?.text).toBe(answer.choices[1]?.text);
  });

  test('seeds of 64 bits are exact', async () => {
    const body = (seed: string) => `{"model":"tiny","prompt":"Once","max_tokens":60,"seed":${seed}}`;
    const texts = new Map<string, string>();
    for (const seed of [
      '1234567890123456',
      '9007199254740991',
      '9007199254740992',
      '9007199254740993',
      '18446744073709551615',
      '18446744073709551614',
      '-9223372036854775808',
      '-3',
      '"9007199254740993"',
    ]) {
      const response = await post('/v1/completions', body(seed));
      const answer = answers.CompletionResponseSchema.parse(await response.json());
      const text = answer.choices[0]?.text ?? '';
      texts.set(seed, text);
      expect(String(answer.receipt.seed)).toBe(seed.replaceAll('"', ''));
      expect(response.headers.get('x-folio-seed')).toBe(seed.replaceAll('"', ''));
      expect((await complete(answer.receipt as Json)).choices[0]?.text).toBe(text);
    }
    expect(texts.get('"9007199254740993"')).toBe(texts.get('9007199254740993'));
    expect(new Set(texts.values()).size).toBe(texts.size - 1);
    const fault = await refuse(await post('/v1/completions', body('18446744073709551616')));
    expect(fault.message).toBe(
      'seed: expected a whole number from 0 to 18446744073709551615, received "18446744073709551616".',
    );
  });

  test('ids reach the model as ids', async () => {
    const ids = [...'Once'].map((character) => tiny.alphabet.indexOf(character));
    const wanted = await complete({ prompt: 'Once', seed: 1, echo: true, logprobs: 1 });
    for (const prompt of [ids, [ids]]) {
      expect((await complete({ prompt, seed: 1, echo: true, logprobs: 1 })).choices).toEqual(wanted.choices);
    }
    const start = tiny.alphabet.length;
    const begun = await complete({ prompt: [start, ...ids], seed: 1, echo: true, logprobs: 1 });
    const { tokens = [], token_logprobs: logprobs = [] } = begun.choices[0]?.logprobs ?? {};
    expect(tokens[0]).toBe('<|endoftext|>');
    expect([logprobs[0], ...logprobs.slice(1)]).toEqual([
      null,
      ...(wanted.choices[0]?.logprobs?.token_logprobs ?? []),
    ]);
    expect(begun.choices[0]?.text).toBe(wanted.choices[0]?.text);
    const misplaced = await refuse(await post('/v1/completions', { model: 'tiny', prompt: [1, start] }));
    expect(misplaced).toMatchObject({ status: 400, code: 'unknown_character' });
  });

  test('a stream with log-probabilities has one chunk a character', async () => {
    const body = { model: 'tiny', prompt: 'Once', max_tokens: 30, logprobs: 2, seed: 1, stream: true };
    const response = await post('/v1/completions', body);
    const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: {'));
    const chunks = events.map((event) =>
      answers.CompletionChunkSchema.parse(JSON.parse(event.replace('data: ', ''))),
    );
    const texts = chunks.flatMap(({ choices }) => choices.map(({ text }) => text)).filter(Boolean);
    expect(texts.map((text) => [...text].length)).toEqual(new Array(30).fill(1));
  });

  test('the usage so far is in every chunk where it is wanted', async () => {
    const response = await post('/v1/completions', {
      model: 'tiny',
      prompt: 'Once',
      max_tokens: 30,
      logprobs: 0,
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    });
    const usages = [...(await response.text()).matchAll(/"usage":(\{(?:[^{}]|\{[^{}]*\})*\})/g)].map(
      ([, usage = '']) => JSON.parse(usage) as { completion_tokens: number; prompt_tokens: number },
    );
    expect(usages.length).toBeGreaterThan(30);
    expect(usages[0]?.prompt_tokens).toBe(4);
    expect(usages.at(-1)).toMatchObject({ prompt_tokens: 4, completion_tokens: 30, total_tokens: 34 });
  });
});

test('a strict server ignores, renames and lowers nothing', async () => {
  const { post, refuse } = await open({ strictRequests: true });
  for (const body of [{ colour: 'red' }, { repeat_penalty: 1 }, { max_tokens: 501 }, { ignore_eos: true }]) {
    const fault = await refuse(await post('/v1/completions', { model: 'tiny', ...body }));
    expect(fault, JSON.stringify(body)).toMatchObject({ status: 400, param: Object.keys(body)[0] });
  }
  expect((await post('/v1/completions', { model: 'tiny', seed: -1, stop: null })).status).toBe(200);
});

test('only own properties of a body are read', async () => {
  const faults = new ValidationErrors();
  const rules = { known: new Set(['seed']), lengthName: 'max_tokens', strict: false };
  const limits = {} as Parameters<typeof openAiBody>[2];
  const sent = JSON.parse('{"constructor":1,"__proto__":{"seed":5},"toString":2}') as Json;
  const { body, warnings } = await openAiBody(sent, rules, limits, faults);
  expect(body).toEqual({});
  expect(warnings).toHaveLength(3);
  faults.throwIfAny();
});

describe('log-probabilities', async () => {
  const { complete, post, fetch, store } = await open();

  test('alternatives stay in their order where a digit is among them', async () => {
    const { tinyModel } = await import('../../tiny-model.ts');
    const { publishVersion } = await import('../../../src/store/models.ts');
    await publishVersion(store, tinyModel({ name: 'digits', alphabet: '\n 0123456789abcdef' }));
    const response = await post('/v1/completions', {
      model: 'digits',
      prompt: '12ab',
      max_tokens: 30,
      logprobs: 8,
      seed: 1,
      echo: true,
    });
    const text = await response.text();
    const tops = [...text.matchAll(/\{((?:"[^"]*":-[\d.e-]+,?)+)\}/g)].map(([, members = '']) =>
      [...members.matchAll(/":(-[\d.e-]+)/g)].map(([, logprob]) => Number(logprob)).slice(0, 8),
    );
    expect(tops).toHaveLength(34);
    for (const top of tops) expect(top).toEqual(top.toSorted((a, b) => b - a));
  });

  test('of an echoed text are those of /v1/score', async () => {
    const lines = ['Once upon a time', 'the end.', 'A'];
    const scored = answers.ScoreResponseSchema.parse(
      await (await post('/v1/score', { model: 'tiny', text: lines })).json(),
    );
    const { choices } = await complete({ prompt: lines, echo: true, logprobs: 1, max_tokens: 0 });
    expect(choices.map(({ logprobs }) => logprobs?.token_logprobs)).toEqual(
      scored.data.map(({ details }) => details.map(({ logprob }) => logprob)),
    );
  });

  test('a tool that evaluates finds a tokenizer', async () => {
    const info = answers.TokenizerInfoSchema.parse(await (await fetch('/tokenizer_info')).json());
    expect(info).toMatchObject({ vocab_size: tiny.alphabet.length, eos_token_id: tiny.alphabet.length });
    const tokenized = answers.TokenizeResponseSchema.parse(
      await (
        await post('/tokenize', {
          model: 'tiny',
          prompt: 'Once',
          add_special_tokens: false,
          return_token_strs: true,
        })
      ).json(),
    );
    expect(tokenized).toMatchObject({
      count: 4,
      tokens: [...'Once'].map((character) => tiny.alphabet.indexOf(character)),
      token_strs: [...'Once'],
    });
    const start = await (
      await post('/tokenize', { prompt: info.eos_token, add_special_tokens: false })
    ).json();
    expect(start).toMatchObject({ tokens: [info.eos_token_id] });
    const back = await post('/detokenize', {
      model: 'tiny',
      tokens: [info.bos_token_id, ...tokenized.tokens],
    });
    expect(await back.json()).toEqual({ prompt: 'Once' });
    const chat = await post('/tokenize', { messages: [{ role: 'user', content: 'Once' }] });
    expect(await chat.json()).toMatchObject({ count: 5 });
    for (const body of [{}, { prompt: 'a', messages: [] }, { prompt: 5 }, { prompt: 'é' }]) {
      expect((await post('/tokenize', body)).status, JSON.stringify(body)).toBe(400);
    }
    expect((await post('/detokenize', { tokens: [9999] })).status).toBe(400);
  });
});

describe('chats', async () => {
  const { post, complete, refuse } = await open();
  const chat = async (body: Json) => {
    const response = await post('/v1/chat/completions', { model: 'tiny', ...body });
    return answers.ChatResponseSchema.parse(await response.json());
  };
  const messages = [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Once' },
    { role: 'assistant', content: 'upon' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'a ' },
        { type: 'text', text: 'time' },
      ],
    },
  ];

  test('are their contents, a line each, gone on with', async () => {
    const answer = await chat({ messages, max_tokens: 30, seed: 3, logprobs: true, top_logprobs: 2 });
    const text = await complete({ prompt: 'Once\nupon\na time\n', max_tokens: 30, seed: 3, logprobs: 2 });
    expect(answer.choices[0]?.message).toEqual({
      role: 'assistant',
      content: text.choices[0]?.text,
      refusal: null,
    });
    expect(answer.choices[0]?.logprobs?.content.map(({ logprob }) => logprob)).toEqual(
      text.choices[0]?.logprobs?.token_logprobs,
    );
    const { prompt_tokens_details: _, ...counts } = answer.usage; // the first has filled the cache
    expect(text.usage).toMatchObject(counts);
    expect(answer.warnings?.[0]).toMatch(/^messages: those of the system are left out/);
    const { receipt } = answer;
    expect((await chat(receipt as Json)).choices).toEqual((await chat({ messages, ...receipt })).choices);
  });

  test('stream the very same', async () => {
    const body = { messages, max_tokens: 30, seed: 3, n: 2 };
    const whole = await chat(body);
    const response = await post('/v1/chat/completions', {
      model: 'tiny',
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    });
    const events = (await response.text()).split('\n\n').filter(Boolean);
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events
      .slice(0, -1)
      .map((event) => answers.ChatChunkSchema.parse(JSON.parse(event.replace(/^data: /, ''))));
    for (const choice of whole.choices) {
      const own = chunks.flatMap(({ choices }) => choices.filter(({ index }) => index === choice.index));
      expect(own[0]?.delta).toEqual({ role: 'assistant', content: '' });
      expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe(choice.message.content);
      expect(own.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual([choice.finish_reason]);
    }
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
  });

  test('take characters that the model does not know for the nearest', async () => {
    const answer = await chat({ messages: [{ role: 'user', content: 'Café 1' }], max_tokens: 5 });
    expect(answer.replaced?.map(({ character }) => character)).toEqual(['é', '1']);
  });

  test('ignore what a model of characters has no use for', async () => {
    const answer = await chat({ messages, tools: [{ type: 'function' }], tool_choice: 'auto', store: true });
    expect(answer.warnings).toHaveLength(3);
    const faults = await Promise.all(
      [
        {},
        { messages: [] },
        { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
        { messages: 5 },
      ].map(async (body) => refuse(await post('/v1/chat/completions', { model: 'tiny', ...body }))),
    );
    for (const fault of faults) {
      expect(fault.status).toBe(400);
      expect(fault.param).toMatch(/^messages/);
      expect(fault.message).not.toMatch(/Invalid|undefined/);
    }
  });

  test('follow a template where there is one', async () => {
    const other = await open({ chatTemplate: '{role}: {content}\\n\\n', unknownCharacters: 'error' });
    const response = await other.post('/v1/chat/completions', {
      model: 'tiny',
      messages,
      max_tokens: 20,
      seed: 1,
    });
    const answer = answers.ChatResponseSchema.parse(await response.json());
    const prompt = 'system: Be kind.\n\nuser: Once\n\nassistant: upon\n\nuser: a time\n\nassistant: ';
    const text = await other.complete({ prompt, max_tokens: 20, seed: 1 });
    expect(answer.choices[0]?.message.content).toBe(text.choices[0]?.text);
    expect(answer.warnings).toBeUndefined();
    const info = (await (await other.fetch('/tokenizer_info')).json()) as { chat_template: string };
    expect(info.chat_template).toContain("message['role'] + \": \" + message['content']");
  });
});

describe('on the wire', async () => {
  const { fetch, post, refuse } = await open({ origins: ['https://friend.example'] });

  test.each([
    ['POST', '/completions', '/v1'],
    ['POST', '/chat/completions', '/v1'],
    ['GET', '/v1/responses/resp_1', 'keeps no responses'],
    ['POST', '/v1/embeddings', '/v1/score'],
    ['GET', '/models', '/v1'],
    ['POST', '/v1/v1/completions', 'one /v1 too many'],
    ['GET', '/v1/nothing', 'nothing at GET'],
  ])('%s %s is answered with what helps', async (method, path, hint) => {
    const fault = await refuse(await fetch(path, { method }));
    expect(fault).toMatchObject({ status: 404, code: 'not_found' });
    expect(fault.message).toContain(hint);
  });

  test.each([
    ['GET', '/v1/completions', 'POST, OPTIONS'],
    ['PUT', '/v1/models', 'GET, HEAD, OPTIONS'],
    ['PATCH', '/generate', 'POST, GET, HEAD, OPTIONS'],
    ['DELETE', '/healthz', 'GET, HEAD, OPTIONS'],
    ['PUT', '/v1/models/tiny', 'GET, DELETE, HEAD, OPTIONS'],
  ])('%s %s is a 405 with Allow', async (method, path, allow) => {
    const response = await fetch(path, { method });
    expect(response.headers.get('allow')).toBe(allow);
    expect(await refuse(response)).toMatchObject({ status: 405, code: 'method_not_allowed' });
  });

  test('a slash at the end of a path changes nothing', async () => {
    for (const path of ['/v1/models/', '/healthz/', '/v1/models/tiny/', '/health']) {
      expect((await fetch(path)).status, path).toBe(200);
    }
    expect((await post('/v1/completions/', { model: 'tiny' })).status).toBe(200);
  });

  test('HEAD generates nothing', async () => {
    const response = await fetch('/generate?length=400', { method: 'HEAD' });
    expect([response.status, response.headers.get('x-folio-seed')]).toEqual([200, null]);
    expect((await fetch('/v1/models', { method: 'HEAD' })).status).toBe(200);
  });

  test('names that every object has are unknown parameters', async () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      const fault = await refuse(await fetch(`/generate?${name}=1`));
      expect(fault).toMatchObject({ status: 400, param: name });
    }
    expect((await fetch('/generate?__proto__=1')).status).toBeLessThan(500);
  });

  test('a body in parts is a 415', async () => {
    const form = new FormData();
    form.set('prompt', 'a');
    for (const path of ['/generate', '/v1/completions', '/v1/score', '/v1/trainings']) {
      const fault = await refuse(await fetch(path, { method: 'POST', body: form }));
      expect(fault).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    }
  });

  test('a body nested as deep as it is long is refused', async () => {
    for (const body of [
      `{"stop":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      `{"a":${'{"a":'.repeat(8000)}1${'}'.repeat(8000)}}`,
    ]) {
      expect((await post('/generate', body)).status).toBe(400);
      expect((await post('/v1/completions', body)).status).toBe(400);
    }
  });

  test('a caller’s own request id is kept where it is safe', async () => {
    const id = async (own: string) =>
      (await fetch('/healthz', { headers: { 'x-request-id': own } })).headers.get('x-request-id');
    expect(await id('req_abc-123.4:5')).toBe('req_abc-123.4:5');
    expect(await id('a b')).toMatch(/^[\da-f-]{36}$/);
    expect(await id('x'.repeat(500))).toMatch(/^[\da-f-]{36}$/);
  });
});
