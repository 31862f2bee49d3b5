import type { Context } from 'hono';
import type { AppEnv } from '../app-env.ts';
import type { Generation } from '../generation.ts';
import { textStream } from './body-stream.ts';
import { Completion, type CompletionWishes } from './completion.ts';
import type { CompletionFormat } from './completion-format.ts';
import { streamCompletion } from './completion-stream.ts';
import { toJson } from './json.ts';

/** Answers a request of one of OpenAI's routes, whole or as a stream. */
export const answerCompletion = async (
  context: Context<AppEnv>,
  generation: Generation,
  format: CompletionFormat,
  wishes: CompletionWishes,
): Promise<Response> => {
  const completion = new Completion(generation, format, wishes);
  if (wishes.stream) return streamCompletion(completion, context.get('requestId'));
  try {
    const text = toJson(await completion.whole());
    return new Response(
      textStream(text, () => generation.close()),
      { headers: { 'content-type': 'application/json', ...generation.headers() } },
    );
  } catch (error) {
    generation.fail(error);
    generation.close();
    throw error;
  }
};
