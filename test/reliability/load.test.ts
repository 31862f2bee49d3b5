import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ServerProcess } from './server-process.ts';
import { report, sized } from './size.ts';

const places = 32;
const clients = 1.5 * places;
const seconds = sized(600, 20);
const warmUp = 10; // seconds more: a heap of V8 finds its size in some 5,000 requests, whatever they leave behind
const mostGrowth = 100e6; // bytes

interface Seen {
  answered: number;
  refused: number;
  readonly faults: string[];
  readonly texts: Set<string>;
}

/** Asks for the same text again and again, and waits where it is refused, as clients do. */
const client = async (url: string, until: number, seen: Seen): Promise<void> => {
  for (let stream = Math.random() < 0.5; performance.now() < until; stream = !stream) {
    const response = await fetch(`${url}/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: stream ? 'text/plain' : 'application/json' },
      body: JSON.stringify({ prompt: 'ROMEO:', length: 200, seed: 1 }),
    });
    const body = await response.text();
    if (response.status === 200) {
      seen.answered++;
      seen.texts.add(stream ? body : (JSON.parse(body) as { text: string }).text);
    } else if ([429, 503].includes(response.status) && response.headers.has('retry-after')) {
      seen.refused++;
      await delay(1000 * Number(response.headers.get('retry-after')) * Math.random());
    } else seen.faults.push(`${response.status} ${body}`);
  }
};

test('1.5 times the load that a server takes is shed, and what is answered is right', async () => {
  await using server = await ServerProcess.start({
    FOLIO_MAX_CONCURRENT: String(places),
    FOLIO_MAX_CONCURRENT_PER_KEY: String(2 * places),
  });
  const seen: Seen = { answered: 0, refused: 0, faults: [], texts: new Set() };
  const began = performance.now();
  const until = began + (warmUp + seconds) * 1000;
  const running = Promise.all(Array.from({ length: clients }, () => client(server.url, until, seen)));
  const health: number[] = [];
  let early = 0;
  while (performance.now() < until) {
    const asked = performance.now();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    health.push(performance.now() - asked);
    if (early === 0 && performance.now() - began > (warmUp + seconds / 3) * 1000) early = await server.rss();
    await delay(100);
  }
  await running;
  const growth = (await server.rss()) - early;
  const asked = performance.now();
  expect((await fetch(`${server.url}/generate?length=1`)).status).toBe(200);
  const recovered = performance.now() - asked;

  expect(seen.faults).toEqual([]);
  expect(seen.texts.size).toBe(1);
  expect(seen.answered).toBeGreaterThan(seconds);
  expect(seen.refused).toBeGreaterThan(0);
  expect(growth).toBeLessThan(mostGrowth);
  expect(recovered).toBeLessThan(5000);
  const p99 = health.toSorted((a, b) => a - b)[Math.floor(health.length * 0.99)] ?? 0;
  report(
    `${clients} clients at a server for ${places}, ${warmUp + seconds} s`,
    `${seen.answered} answered, all with the same text; ${seen.refused} refused with Retry-After; 0 other answers; ` +
      `/healthz p99 ${p99.toFixed(0)} ms; RSS ${growth < 0 ? '' : '+'}${(growth / 1e6).toFixed(0)} MB over the last ${Math.round((2 / 3) * seconds)} s; next answer after ${recovered.toFixed(0)} ms`,
  );
}, 900_000);
