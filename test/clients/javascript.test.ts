import { afterAll, describe, expect, test } from 'vitest';
import { importNpmClients } from './packages.ts';
import { serve } from './server-under-test.ts';

const clients = await importNpmClients();
const server = await serve();
const baseURL = `${server.url}/v1`;
/** Requests that reached the server; refusals must not be repeated. */
let requests = 0;
const counted: typeof fetch = (input, init) => {
  requests++;
  return fetch(input, init);
};

afterAll(() => server[Symbol.asyncDispose]());

const join = async (pieces: AsyncIterable<string>): Promise<string> => {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
};

describe('LangChain.js', () => {
  const options = {
    model: 'tiny',
    apiKey: 'none',
    maxTokens: 40,
    configuration: { baseURL, fetch: counted },
  };
  const llm = new clients.LangChainOpenAI(options);

  test('completes and streams', async () => {
    expect(await llm.invoke('Once')).toHaveLength(40);
    expect(await join(await llm.stream('Once'))).toHaveLength(40);
  });

  test('draws twenty texts for twenty equal prompts that it packs into one request', async () => {
    const before = requests;
    const { generations } = await llm.generate(Array.from({ length: 20 }, () => 'Once'));
    expect(new Set(generations.map(([one]) => one?.text)).size).toBe(20);
    expect(requests - before).toBe(1);
  });

  test.each([
    [{ temperature: 5 }, /temperature/],
    [{ stop: ['x'.repeat(2000)] }, /stop/],
    [{ model: 'nobody' }, /There are: tiny/],
  ])('gives up at once on %j', async (faulty, message) => {
    const before = requests;
    await expect(new clients.LangChainOpenAI({ ...options, ...faulty }).invoke('Once')).rejects.toThrow(
      message,
    );
    expect(requests - before).toBe(1);
  });

  test('gives up at once on a prompt that is too long, and is given a shorter text where it asks for too much', async () => {
    const before = requests;
    await expect(llm.invoke('a'.repeat(20_000))).rejects.toThrow(/prompt: expected at most 10000/);
    expect(requests - before).toBe(1);
    expect(await new clients.LangChainOpenAI({ ...options, maxTokens: 20_000 }).invoke('Once')).toHaveLength(
      10_000,
    );
  });

  test('chats', async () => {
    const chat = new clients.LangChainChat(options);
    const { content } = await chat.invoke([
      ['system', 'Be kind.'],
      ['human', 'Once'],
    ]);
    expect(content).toHaveLength(40);
    const pieces: string[] = [];
    for await (const piece of await chat.stream('Once')) pieces.push(piece.content);
    expect(pieces.join('')).toHaveLength(40);
  });
});

describe('AI SDK', () => {
  const openai = clients.createOpenAI({ baseURL, apiKey: 'none', fetch: counted });
  const compatible = clients.createOpenAICompatible({ name: 'folio', baseURL, fetch: counted });
  const request = { prompt: 'Once', maxOutputTokens: 40, maxRetries: 0 };

  test.each([
    [
      'openai’s default, a response',
      (openai as unknown as (name: string) => ReturnType<typeof compatible>)('tiny'),
    ],
    ['openai.completion', openai.completion('tiny')],
    ['openai.chat', openai.chat('tiny')],
    ['openai-compatible’s default, a chat', compatible('tiny')],
    ['openai-compatible.completionModel', compatible.completionModel('tiny')],
  ])('%s generates and streams', async (_, model) => {
    expect((await clients.generateText({ ...request, model })).text).toHaveLength(40);
    const { textStream, finishReason, usage } = clients.streamText({
      ...request,
      model,
      includeUsage: true,
    });
    expect(await join(textStream)).toHaveLength(40);
    expect(await finishReason).toBe('length');
    await usage;
  });

  test('passes its own options beside OpenAI’s', async () => {
    const model = compatible.completionModel('tiny');
    const providerOptions = { folio: { logitBias: { 3: -100 }, user: 'somebody' } };
    expect((await clients.generateText({ ...request, model, providerOptions })).text).toHaveLength(40);
  });
});
