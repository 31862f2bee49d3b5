/** What a body's reader may do: milliseconds without taking anything, after which it counts as gone. */
export const readerIdleMs = 30_000;

/**
 * A response's body, made piece by piece as its reader takes it: what is not taken is not made. A reader that takes
 * nothing for a while is ended, so that it holds neither memory nor a place.
 *
 * @param pieces Runs its `finally` when the reader leaves.
 * @param leave Called first when the reader leaves, for pieces that are waiting for something.
 */
export const bodyStream = (
  pieces: AsyncGenerator<string | Uint8Array, void>,
  leave: () => void = () => {},
  idleMs = readerIdleMs,
): ReadableStream<Uint8Array> => {
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => {
    clearTimeout(timer);
    leave();
    pieces.return().catch(() => {});
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(timer);
        try {
          const { done, value } = await pieces.next();
          if (done) {
            controller.close();
            return;
          }
          controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value);
        } catch (error) {
          controller.error(error);
          return;
        }
        timer = setTimeout(() => {
          end();
          controller.error(new Error('The reader of a response took nothing for too long.'));
        }, idleMs);
        timer.unref?.();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
};

const sliceUnits = 32_768; // UTF-16 units of a text that are encoded at a time

/** A text that is there already, in slices. @param done Called when it has been taken, or its reader has left. */
export const textStream = (text: string, done: () => void): ReadableStream<Uint8Array> =>
  bodyStream(
    (async function* () {
      try {
        for (let at = 0; at < text.length; ) {
          let end = Math.min(text.length, at + sliceUnits);
          const unit = text.charCodeAt(end - 1);
          if (end < text.length && unit >= 0xd800 && unit < 0xdc00) end++; // not between the units of a character
          yield text.slice(at, end);
          at = end;
        }
      } finally {
        done();
      }
    })(),
  );
