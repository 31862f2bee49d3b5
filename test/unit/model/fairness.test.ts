import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { randomModel, randomNetwork } from '../../random-model.ts';

const endless = 10_000_000;

describe('many at once', () => {
  it('all progress, and leave room for others', async () => {
    const model = randomModel();
    const stop = new AbortController();
    const written = new Array<number>(50).fill(0);
    const readers = written.map(async (_, i) => {
      for await (const text of model.generate({ length: endless, seed: i, signal: stop.signal })) {
        written[i]! += text.length;
      }
    });
    let turns = 0;
    const began = performance.now();
    while (performance.now() - began < 300) {
      await turn();
      turns++;
    }
    stop.abort();
    await Promise.all(readers);
    expect(turns).toBeGreaterThan(5);
    expect(Math.min(...written)).toBeGreaterThan(0.5 * Math.max(...written));
  });

  it('end at once when they are aborted, with what they have', async () => {
    const model = randomModel();
    const stop = new AbortController();
    const completions = model.complete({ length: endless, n: 3, signal: stop.signal });
    const counts = [0, 0, 0];
    for await (const { index, text, finishReason } of completions) {
      counts[index]! += text.length;
      if (finishReason) expect(finishReason).toBe('aborted');
      if (counts[0]! > 100) stop.abort();
    }
    const { choices } = await completions.result();
    expect(choices.map(({ text }) => text.length)).toEqual(counts);
    const { state, text } = choices[0]!;
    const on = await model.complete({ from: state, length: 30 }).result();
    expect([...on.choices[0]!.text]).toHaveLength(30);
    expect(text.length).toBeGreaterThan(100);
  });

  it('never begin when they are aborted before', async () => {
    const model = randomModel();
    const { choices } = await model.complete({ prompt: 'a', signal: AbortSignal.abort() }).result();
    expect(choices[0]).toMatchObject({ text: '', finishReason: 'aborted', generated: 0 });
  });

  it('stop when their reader leaves', async () => {
    const model = randomModel();
    const before = model.info.byteLength;
    for (let i = 0; i < 20; i++) {
      for await (const _ of model.generate({ length: endless })) break;
    }
    await turn();
    const { choices } = await model.complete({ length: 5 }).result();
    expect(choices[0]!.generated).toBe(5);
    expect(model.info.byteLength - before).toBeLessThan(100_000);
  });

  it('wait for a slow reader, and do not pile up text', async () => {
    const model = randomModel();
    const reader = model.complete({ length: endless })[Symbol.asyncIterator]();
    await reader.next();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { value } = await reader.next();
    expect(value!.text.length).toBeGreaterThan(0);
    expect(value!.text.length).toBeLessThanOrEqual(1100);
    await reader.return!();
  });

  it('run to the end without a reader', async () => {
    const model = randomModel();
    const completions = model.complete({ length: 5000, seed: 1 });
    const { choices } = await completions.result();
    expect([...choices[0]!.text]).toHaveLength(5000);
    let late = '';
    for await (const { text } of completions) late += text;
    expect(late).toBe(choices[0]!.text);
  });

  it('end with an error when their model is disposed of', async () => {
    const model = randomModel();
    const running = model.complete({ length: endless }).result();
    const scoring = model.score('abc'.repeat(50_000));
    setTimeout(() => model.dispose(), 10);
    await expect(running).rejects.toMatchObject({ code: 'unavailable' });
    await expect(scoring).rejects.toMatchObject({ code: 'unavailable' });
    await expect(model.complete().result()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('keep every text apart in a network of several sizes', async () => {
    const model = randomModel({ network: randomNetwork(undefined, 33) });
    const alone = await model.complete({ seed: 1, length: 64 }).result();
    const together = await Promise.all(
      Array.from({ length: 70 }, (_, seed) => model.complete({ seed, length: 64 }).result()),
    );
    expect(together[1]!.choices[0]!.text).toBe(alone.choices[0]!.text);
  });
});
