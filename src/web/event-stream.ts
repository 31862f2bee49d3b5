import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream';

/**
 * The server-sent events of an answer to `fetch`, as they arrive: `EventSource` sends neither a body nor a key.
 * Leaving the loop early cancels the answer.
 */
export async function* readEvents(response: Response): AsyncGenerator<EventSourceMessage> {
  const reader = response.body
    ?.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader(); // Safari's streams cannot be iterated
  if (!reader) return;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    await reader.cancel();
  }
}
