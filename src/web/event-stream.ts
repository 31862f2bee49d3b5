export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

/**
 * The data of server-sent events as they arrive: what `EventSource` cannot read, since it sends neither a body nor
 * a key. See https://html.spec.whatwg.org/multipage/server-sent-events.html, without ids and retries.
 */
export async function* readEvents(response: Response): AsyncGenerator<ServerSentEvent> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  let pending = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (pending + value).replaceAll('\r\n', '\n').split('\n\n');
      pending = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = readBlock(block);
        if (event) yield event;
      }
    }
  } finally {
    await reader.cancel();
  }
}

const readBlock = (block: string): ServerSentEvent | undefined => {
  const fields = block.split('\n').map((line) => {
    const [name = '', ...rest] = line.split(':');
    return { name, value: rest.join(':').replace(/^ /, '') };
  });
  const data = fields.filter(({ name }) => name === 'data').map(({ value }) => value);
  if (data.length === 0) return undefined;
  return { event: fields.find(({ name }) => name === 'event')?.value ?? 'message', data: data.join('\n') };
};
