import { FolioError } from '../errors.ts';

/** A write as the probe needs it: its etag, or undefined where the server refused it by its condition. */
export type ConditionalPut = (
  content: string,
  condition: { readonly IfMatch: string } | { readonly IfNoneMatch: '*' },
) => Promise<string | undefined>;

const writers = 8;
const rounds = 5;

/**
 * Finds out whether a server honours conditional writes, by racing: some servers compare and then write, so that only
 * writers at the same time show it, and only now and then.
 *
 * @param put Writes one scratch object.
 * @param remove Removes it.
 * @param server For the message.
 * @throws FolioError `store_unsafe`
 */
export async function probeConditionalWrites(
  put: ConditionalPut,
  remove: () => Promise<void>,
  server: string,
): Promise<void> {
  const unsafe = (found: string): FolioError =>
    new FolioError(
      'store_unsafe',
      `The S3 server ${server} does not honour conditional writes: ${found}. With several writers, updates would be lost. ` +
        'FOLIO_SINGLE_WRITER=1 accepts that, where only one process ever writes.',
      { where: 'store', expected: 'one of several racing writers to succeed', received: found },
    );
  const race = async (condition: Parameters<ConditionalPut>[1], round: number): Promise<string> => {
    const etags = await Promise.all(
      Array.from({ length: writers }, (_, writer) => put(`round ${round}, writer ${writer}`, condition)),
    );
    const winners = etags.filter((etag) => etag !== undefined);
    if (winners.length === 1) return winners[0]!;
    const name = Object.keys(condition)[0] === 'IfMatch' ? 'If-Match' : 'If-None-Match';
    throw unsafe(`${winners.length} of ${writers} racing writers with ${name} succeeded`);
  };
  try {
    for (let round = 0; round < rounds; round++) {
      const first = await race({ IfNoneMatch: '*' }, round);
      await race({ IfMatch: first }, round + rounds);
      if ((await put('stale', { IfMatch: first })) !== undefined) {
        throw unsafe('a write with a stale If-Match succeeded');
      }
      await remove();
    }
  } finally {
    await remove().catch(() => undefined);
  }
}
