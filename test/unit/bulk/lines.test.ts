import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linesOf } from '../../../src/bulk/lines.ts';

const gather = async (chunks: readonly Uint8Array[]): Promise<string[]> => {
  async function* flow() {
    yield* chunks;
  }
  const lines: string[] = [];
  for await (const line of linesOf(flow())) lines.push(line);
  return lines;
};

test('readLines gives whole lines however the bytes are cut', async () => {
  const line = fc
    .string({ unit: 'binary', maxLength: 12 })
    .filter((text) => text.trim() !== '' && !/\n|^\ufeff/.test(text)); // a mark of byte order is left out
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 8 }),
      fc.boolean(),
      fc.array(fc.nat(100), { maxLength: 12 }),
      async (lines, closed, cuts) => {
        const bytes = new TextEncoder().encode(lines.join('\n') + (closed && lines.length > 0 ? '\n' : ''));
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
        expect(await gather(chunks)).toEqual(lines);
      },
    ),
  );
});

test('readLines splits at newlines alone and leaves out empty lines', async () => {
  const text = 'a\u2028b\r\n\n  \nc\u0085d';
  expect(await gather([new TextEncoder().encode(text)])).toEqual(['a\u2028b\r', 'c\u0085d']);
});
