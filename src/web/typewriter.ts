import type { GenerationEvent } from './generation.ts';

const nextFrame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));

/**
 * Delays characters so that they can be seen arriving: the model is far faster than an eye. Other events pass
 * unchanged.
 *
 * @param rate Characters a second and completion; Infinity delays nothing
 */
export async function* typewriter(
  events: AsyncIterable<GenerationEvent>,
  rate: number,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent> {
  const start = performance.now();
  const shown = new Map<number, number>(); // characters passed on, by completion
  for await (const event of events) {
    if (event.kind !== 'characters' || rate === Number.POSITIVE_INFINITY) {
      yield event;
      continue;
    }
    let at = 0;
    while (at < event.characters.length) {
      if (signal.aborted) return;
      const before = shown.get(event.index) ?? 0;
      const due = Math.floor(((performance.now() - start) / 1000) * rate) - before;
      if (due < 1) {
        await nextFrame();
        continue;
      }
      const characters = event.characters.slice(at, at + due);
      at += characters.length;
      shown.set(event.index, before + characters.length);
      yield { ...event, characters };
    }
  }
}
