import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readEvents } from '../../../src/web/event-stream.ts';

const streamOf = (pieces: readonly Uint8Array[]): Response =>
  new Response(
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    }),
  );

const all = async (response: Response) => {
  const events: { event: string; data: string }[] = [];
  for await (const { event = 'message', data } of readEvents(response)) events.push({ event, data });
  return events;
};

test('events are the same wherever the network cuts them', async () => {
  const text =
    'data: {"a":"ä🌿"}\r\n\r\n: still there\n\nevent: end\ndata: one\ndata:two: three\n\ndata: [DONE]\n\n';
  const bytes = new TextEncoder().encode(text);
  const expected = [
    { event: 'message', data: '{"a":"ä🌿"}' },
    { event: 'end', data: 'one\ntwo: three' },
    { event: 'message', data: '[DONE]' },
  ];
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(cuts, async (places) => {
      const edges = [0, ...places.toSorted((a, b) => a - b), bytes.length];
      const pieces = edges.slice(1).map((end, at) => bytes.slice(edges[at], end));
      expect(await all(streamOf(pieces))).toEqual(expected);
    }),
  );
});
