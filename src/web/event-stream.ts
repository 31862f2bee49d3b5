/**
 * The data of server-sent events as they arrive: what `EventSource` cannot read, since it sends neither a body nor
 * a key. See https://html.spec.whatwg.org/multipage/server-sent-events.html, without ids and retries.
 */
export async function* readEvents(response: Response): AsyncGenerator<{ event: string; data: string }> {
  if (!response.body) return;
  let pending = '';
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (pending + text).replaceAll('\r\n', '\n').split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = block.split('\n').map((line) => {
        const [name = '', ...rest] = line.split(':');
        return { name, value: rest.join(':').replace(/^ /, '') };
      });
      const data = fields.filter(({ name }) => name === 'data').map(({ value }) => value);
      if (data.length === 0) continue;
      yield { event: fields.find(({ name }) => name === 'event')?.value ?? 'message', data: data.join('\n') };
    }
  }
}
