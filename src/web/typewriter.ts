import type { GenerationEvent } from './generation.ts';

const nextFrame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));

/**
 * Holds letters back so that they can be seen to come: the model is far faster than an eye. Everything else passes
 * as it is.
 *
 * @param rate Letters a second and completion; Infinity lets all through at once
 */
export async function* typewriter(
  events: AsyncIterable<GenerationEvent>,
  rate: number,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent> {
  const begun = performance.now();
  const shown = new Map<number, number>(); // letters let through, by completion
  for await (const event of events) {
    if (event.kind !== 'letters' || rate === Number.POSITIVE_INFINITY) {
      yield event;
      continue;
    }
    let at = 0;
    while (at < event.letters.length) {
      if (signal.aborted) return;
      const before = shown.get(event.index) ?? 0;
      const due = Math.floor(((performance.now() - begun) / 1000) * rate) - before;
      if (due < 1) {
        await nextFrame();
        continue;
      }
      const letters = event.letters.slice(at, at + due);
      at += letters.length;
      shown.set(event.index, before + letters.length);
      yield { ...event, letters };
    }
  }
}
