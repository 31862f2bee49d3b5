import type { Context } from 'hono';
import type { AppEnv } from '../app-env.ts';
import type { Generation, Outcome } from '../generation.ts';
import type { ResponsesParameters } from '../request/parameters.ts';
import { bodyStream, textStream } from './body-stream.ts';
import { Completion, usageOf } from './completion.ts';
import { textFormat } from './completion-format.ts';
import { errorBody } from './error-response.ts';
import { toJson } from './json.ts';
import { eventStreamHeaders, serverSentEvent } from './sse.ts';

/** Answers a request for a response, whole or as its events: https://platform.openai.com/docs/api-reference/responses */
export const answerResponse = async (
  context: Context<AppEnv>,
  generation: Generation,
  parameters: ResponsesParameters,
): Promise<Response> => {
  const wishes = { n: 1, stream: parameters.stream, logprobs: undefined, echo: false };
  const response = new ResponseObject(
    new Completion(generation, { ...textFormat, idPrefix: 'resp' }, wishes),
    parameters,
  );
  if (parameters.stream) {
    const body = bodyStream(eventsOf(response, context.get('requestId')), () => generation.close());
    return new Response(body, { headers: { ...eventStreamHeaders, ...generation.headers() } });
  }
  try {
    const run = generation.run();
    let step = await run.next();
    while (!step.done) step = await run.next();
    return new Response(
      textStream(toJson(response.ended(step.value)), () => generation.close()),
      { headers: { 'content-type': 'application/json', ...generation.headers() } },
    );
  } catch (error) {
    generation.fail(error);
    generation.close();
    throw error;
  }
};

/** The response as it is before, while and after its one message is made. */
class ResponseObject {
  readonly completion: Completion;
  readonly messageId: string;
  readonly #parameters: ResponsesParameters;

  constructor(completion: Completion, parameters: ResponsesParameters) {
    this.completion = completion;
    this.messageId = completion.head.id.replace('resp', 'msg');
    this.#parameters = parameters;
  }

  /** Before its text. */
  begun(): object {
    return this.#object('in_progress', [], {});
  }

  /** @returns the response with its text */
  ended(outcome: Outcome): object {
    const choice = outcome.results[0]!.choices[0]!;
    const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = usageOf(outcome);
    const isCut = choice.finishReason === 'length';
    const status = isCut ? 'incomplete' : 'completed';
    return this.#object(status, [this.message(status, choice.text)], {
      incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
      usage: {
        input_tokens: prompt_tokens,
        input_tokens_details: { cached_tokens: prompt_tokens_details?.cached_tokens ?? 0 },
        output_tokens: completion_tokens,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens,
      },
      ...this.completion.choiceExtras(choice, 0),
      ...this.completion.extras(outcome),
    });
  }

  /** @param text undefined while there is none */
  message(status: 'in_progress' | 'completed' | 'incomplete', text?: string): object {
    const content = text === undefined ? [] : [outputText(text)];
    return { id: this.messageId, type: 'message', status, role: 'assistant', content };
  }

  #object(status: string, output: readonly object[], more: object): object {
    const { id, created, model } = this.completion.head;
    const { instructions, max_output_tokens, temperature, top_p, json_schema: schema } = this.#parameters;
    const format =
      schema === undefined ? { type: 'text' } : { type: 'json_schema', name: 'schema', schema, strict: true };
    return {
      ...{ id, object: 'response', created_at: created, status, model, output },
      ...{ error: null, incomplete_details: null, instructions: instructions ?? null, max_output_tokens },
      ...{ temperature, top_p, metadata: {}, previous_response_id: null, store: false, usage: null },
      ...{ tools: [], tool_choice: 'none', parallel_tool_calls: false, truncation: 'disabled' },
      ...{ text: { format }, reasoning: { effort: null, summary: null } },
      ...more,
    };
  }
}

const outputText = (text: string): object => ({ type: 'output_text', text, annotations: [], logprobs: [] });

/** The events of a response with one message of one part, numbered. */
async function* eventsOf(response: ResponseObject, requestId: string): AsyncGenerator<string, void> {
  const { generation } = response.completion;
  const run = generation.run();
  let number = 0;
  const event = (type: string, data: object): string =>
    serverSentEvent(toJson({ type, sequence_number: number++, ...data }), type);
  const place = { item_id: response.messageId, output_index: 0, content_index: 0 };
  try {
    yield event('response.created', { response: response.begun() });
    yield event('response.in_progress', { response: response.begun() });
    const item = response.message('in_progress');
    yield event('response.output_item.added', { output_index: 0, item });
    yield event('response.content_part.added', { ...place, part: outputText('') });
    for (let step = await run.next(); ; step = await run.next()) {
      if (step.done) {
        yield ends(response, step.value, event, place);
        return;
      }
      const delta = step.value.map((made) => made.event.text).join('');
      if (delta !== '') yield event('response.output_text.delta', { ...place, delta, logprobs: [] });
    }
  } catch (error) {
    generation.fail(error);
    const { message, code, param } = (errorBody(error, requestId) as { error: Record<string, unknown> })
      .error;
    yield event('error', { code, message, param });
  } finally {
    await run.return(undefined as never);
    generation.close();
  }
}

const ends = (
  response: ResponseObject,
  outcome: Outcome,
  event: (type: string, data: object) => string,
  place: object,
): string => {
  const { text, finishReason } = outcome.results[0]!.choices[0]!;
  const status = finishReason === 'length' ? 'incomplete' : 'completed';
  return [
    event('response.output_text.done', { ...place, text, logprobs: [] }),
    event('response.content_part.done', { ...place, part: outputText(text) }),
    event('response.output_item.done', { output_index: 0, item: response.message(status, text) }),
    event(`response.${status}`, { response: response.ended(outcome) }),
  ].join('');
};
