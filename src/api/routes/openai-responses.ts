import type { GeneratorDeps } from '../deps.ts';
import { readJson } from '../request/body.ts';
import { chatTemplateOf, renderChat } from '../request/chat-template.ts';
import type { ChatMessage, ResponsesParameters } from '../request/parameters.ts';
import { type Endpoint, prepareGeneration } from '../request/prepare-generation.ts';
import { ResponsesRequestSchema } from '../request/requests.ts';
import type { ValidationErrors } from '../request/validation-errors.ts';
import { answerResponse } from '../response/answer-response.ts';
import { events, generationErrors, json, type Route, route } from './route.ts';

/** OpenAI's responses, for clients that ask for nothing else: one text after the input, as of a chat. Nothing is kept. */
export const openAiResponsesRoutes: readonly Route<GeneratorDeps>[] = [
  route(
    {
      method: 'post',
      path: '/v1/responses',
      group: 'Generation',
      id: 'createResponse',
      summary: 'Continue a text, as OpenAI’s responses API does',
      description:
        'The input is one text, or messages, which are joined as those of a chat; the answer is one message. ' +
        'Nothing is stored: `previous_response_id` and `conversation` are refused. Tools, reasoning and other ' +
        'formats than text are ignored and named in `warnings`.',
      lambda: 'generate',
      openAi: true,
      body: { [json]: ResponsesRequestSchema },
      example: { model: 'shakespeare', input: 'ROMEO:\n', max_output_tokens: 200, seed: 1 },
      answers: {
        200: {
          description: 'The continuation',
          content: { [json]: 'ResponseObjectSchema', [events]: 'ResponseEventSchema' },
        },
      },
      errors: generationErrors,
    },
    async (context, deps) => {
      const body = await readJson(context, deps.limits);
      const { parameters, generation } = await prepareGeneration(deps, endpoint, body, context);
      return answerResponse(context, generation, parameters);
    },
  ),
];

/** Members that would need a memory of the server's. */
const needMemory = ['previous_response_id', 'conversation', 'background'] as const;

const checkTogether = (body: Readonly<Record<string, unknown>>, faults: ValidationErrors): void => {
  for (const name of needMemory) {
    if (body[name] === undefined || body[name] === false) continue;
    faults.add(
      'invalid_parameter',
      name,
      `${name}: not supported, since nothing of a response is stored; send the earlier messages in \`input\`.`,
    );
  }
};

/** A text is continued as it stands; messages are a chat. */
const promptOf = (
  { input, instructions }: ResponsesParameters,
  template: string,
): { readonly prompt: string; readonly warnings: readonly string[] } => {
  const system: ChatMessage[] = instructions === undefined ? [] : [{ role: 'system', content: instructions }];
  if (typeof input !== 'string') return renderChat([...system, ...input.map(toChat)], template);
  if (template.includes('{role}')) return renderChat([...system, { role: 'user', content: input }], template);
  const warning = 'instructions: left out, since a model of characters follows none.';
  return { prompt: input, warnings: instructions === undefined ? [] : [warning] };
};

const toChat = ({ role, content }: Exclude<ResponsesParameters['input'], string>[number]): ChatMessage => ({
  role,
  content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
});

const endpoint: Endpoint<ResponsesParameters> = {
  schema: ResponsesRequestSchema,
  lengthName: 'max_output_tokens',
  defaultLength: 256,
  promptName: 'input',
  openAi: true,
  unknown: 'nearest',
  checkTogether,
  toGenerationRequest: (parameters, lease, { requests }) => {
    const { prompt, warnings } = promptOf(parameters, chatTemplateOf(lease, requests?.chatTemplate));
    return {
      prompts: [prompt],
      length: parameters.max_output_tokens,
      count: 1,
      minLength: parameters.min_tokens,
      whole: !parameters.stream,
      warnings,
    };
  },
};
