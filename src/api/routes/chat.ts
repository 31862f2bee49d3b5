import type { GeneratorDeps } from '../deps.ts';
import { readJson } from '../request/body.ts';
import { chatTemplateOf, renderChat } from '../request/chat-template.ts';
import type { ChatParameters } from '../request/parameters.ts';
import { type Endpoint, prepareGeneration } from '../request/prepare-generation.ts';
import { ChatRequestSchema } from '../request/requests.ts';
import { answerCompletion } from '../response/answer-completion.ts';
import { chatFormat } from '../response/chat-format.ts';
import { checkStreamOptions } from './completions.ts';
import { events, generationErrors, json, type Route, route } from './route.ts';

/** OpenAI's chats, for clients that speak nothing else: the messages become the beginning of a text, which goes on. */
export const chatRoutes: readonly Route<GeneratorDeps>[] = [
  route(
    {
      method: 'post',
      path: '/v1/chat/completions',
      group: 'Generation',
      id: 'createChatCompletion',
      summary: 'Continue a chat, as OpenAI’s API does',
      description:
        'The messages are joined by a template, the model’s, the server’s or plain lines, and the text goes on after ' +
        'them. Characters that the model does not know are replaced by the nearest; `replaced` and `warnings` report ' +
        'what was changed.',
      lambda: 'generate',
      openAi: true,
      body: { [json]: ChatRequestSchema },
      example: {
        model: 'shakespeare',
        messages: [{ role: 'user', content: 'ROMEO:' }],
        max_tokens: 200,
        seed: 1,
      },
      answers: {
        200: {
          description: 'The continuation',
          content: { [json]: 'ChatResponseSchema', [events]: 'ChatChunkSchema' },
        },
      },
      errors: generationErrors,
    },
    async (context, deps) => {
      const body = await readJson(context, deps.limits);
      const { parameters, generation } = await prepareGeneration(deps, endpoint, body, context);
      const { n, stream, stream_options: streamOptions, logprobs, top_logprobs: top } = parameters;
      return answerCompletion(context, generation, chatFormat, {
        n,
        stream,
        streamOptions,
        logprobs: logprobs ? (top ?? 0) : undefined,
        echo: false,
      });
    },
  ),
];

const endpoint: Endpoint<ChatParameters> = {
  schema: ChatRequestSchema,
  lengthName: 'max_tokens',
  defaultLength: 256,
  promptName: 'messages',
  openAi: true,
  unknown: 'nearest',
  checkTogether: (body, faults) => {
    checkStreamOptions(body, faults);
    if (typeof body.top_logprobs === 'number' && body.logprobs !== true) {
      faults.add('invalid_parameter', 'top_logprobs', 'top_logprobs: expected only with `logprobs`.');
    }
  },
  toGenerationRequest: (parameters, lease, { requests }) => {
    const { messages, n, stream, logprobs, top_logprobs: top } = parameters;
    const { prompt, warnings } = renderChat(messages, chatTemplateOf(lease, requests?.chatTemplate));
    return {
      prompts: [prompt],
      length: parameters.max_tokens,
      count: n,
      minLength: parameters.min_tokens,
      logprobs: logprobs ? (top ?? 0) : undefined,
      whole: !stream,
      warnings,
    };
  },
};
