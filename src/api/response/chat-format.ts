import type { CompletionFormat, Logprobs } from './completion-format.ts';

/** OpenAI's log-probabilities of a chat: each character with its UTF-8 bytes. */
const chatLogprobs = (logprobs: Logprobs | null): object | null => {
  if (logprobs === null) return null;
  const entry = (token: string, logprob: number | null): object => ({
    token,
    logprob,
    bytes: [...Buffer.from(token)],
  });
  return {
    content: logprobs.tokens.map((token, at) => ({
      ...entry(token, logprobs.token_logprobs[at] ?? null),
      top_logprobs: [...(logprobs.top_logprobs[at] ?? [])].map(([other, logprob]) => entry(other, logprob)),
    })),
    refusal: null,
  };
};

/** `chat.completion` and its chunks: https://platform.openai.com/docs/api-reference/chat/object */
export const chatFormat: CompletionFormat = {
  idPrefix: 'chatcmpl',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  listsOwn: false,
  choice: ({ text, logprobs, ...rest }) => ({
    ...rest,
    message: { role: 'assistant', content: text, refusal: null },
    logprobs: chatLogprobs(logprobs),
  }),
  chunkChoice: ({ text, logprobs, ...rest }) => ({
    ...rest,
    delta: text === '' ? {} : { content: text },
    logprobs: chatLogprobs(logprobs),
  }),
  firstChoice: (index) => ({
    index,
    delta: { role: 'assistant', content: '' },
    logprobs: null,
    finish_reason: null,
  }),
};
