import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { startServer } from '../src/server/server.ts';
import { readSettings } from '../src/settings.ts';
import { benchOptions, type Measured, median, report } from './harness.ts';

/**
 * The server under streams: as many clients at a time as the case says, each asking for 200 characters again and again,
 * over loopback, from a process of their own, while somebody asks after the server's health. Settings choose the model: FOLIO_STORE, FOLIO_MODEL, FOLIO_PRECISION.
 */
const streams = [1, 10, 50];
const length = 200; // characters
const secondsEach = 3;

const endpoints = {
  '': { path: '/generate', accept: 'text/plain', body: { length } },
  '-events': { path: '/v1/completions', accept: '*/*', body: { max_tokens: length, stream: true } },
} as const;
type Endpoint = keyof typeof endpoints;

interface Run {
  readonly requests: number; // per second
  readonly characters: number; // per second, all streams together
  readonly firsts: readonly number[]; // ms from each request to its first character
  readonly health: readonly number[]; // ms that /healthz took meanwhile
}

/** One request. @returns ms to the first character */
const ask = (agent: Agent, url: string, model: string, endpoint: Endpoint, seed: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const { path, accept, body } = endpoints[endpoint];
    const began = performance.now();
    let first: number | undefined;
    let last = '';
    const outgoing = request(
      url + path,
      { method: 'POST', agent, headers: { 'content-type': 'application/json', accept } },
      (incoming: IncomingMessage) => {
        let received = 0;
        incoming.setEncoding('utf8').on('data', (chunk: string) => {
          first ??= performance.now() - began;
          received += chunk.length;
          last = chunk;
        });
        incoming.on('end', () => {
          const whole = endpoint === '' ? received === length : last.endsWith('data: [DONE]\n\n');
          if (whole && first !== undefined) resolve(first);
          else reject(new Error(`${incoming.statusCode}: ${received} characters, ending in ${last}`));
        });
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify({ ...body, model, prompt: 'ROMEO:\n', seed }));
  });

/** Asks after the server's health until it is aborted. @returns ms of each answer */
const watch = async (url: string, until: () => boolean): Promise<number[]> => {
  const took: number[] = [];
  while (!until()) {
    const began = performance.now();
    await (await fetch(`${url}/healthz`)).text();
    took.push(performance.now() - began);
    await setTimeout(20);
  }
  return took;
};

const load = async (
  url: string,
  model: string,
  endpoint: Endpoint,
  clients: number,
  seconds: number,
): Promise<Run> => {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const firsts: number[] = [];
  const began = performance.now();
  const until = began + seconds * 1000;
  let over = false;
  const watching = watch(url, () => over);
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let turn = 0; performance.now() < until; turn++) {
        firsts.push(await ask(agent, url, model, endpoint, client * 1_000_000 + turn));
      }
    }),
  );
  const took = (performance.now() - began) / 1000;
  over = true;
  agent.destroy();
  const health = await watching;
  return { requests: firsts.length / took, characters: (firsts.length * length) / took, firsts, health };
};

const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
};

const figures = {
  requests: ['requests/s', (run: Run) => run.requests],
  characters: ['characters/s', (run: Run) => run.characters],
  'first-character-p50': ['ms', (run: Run) => quantile(run.firsts, 0.5)],
  'first-character-p99': ['ms', (run: Run) => quantile(run.firsts, 0.99)],
  'healthz-p99': ['ms', (run: Run) => quantile(run.health, 0.99)],
} as const;

const serve = async (): Promise<void> => {
  const server = await startServer({ ...readSettings(), port: 0, logLevel: 'warn' });
  process.send?.(server.url);
  process.once('disconnect', () => void server.close(0).then(() => process.exit()));
};

const bench = async (): Promise<void> => {
  const { json, rounds, wanted } = benchOptions(3);
  const { model } = readSettings();
  const server = fork(import.meta.filename, ['serve']);
  const [url] = (await once(server, 'message')) as [string];
  const runs = new Map<string, Run[]>();
  for (const endpoint of Object.keys(endpoints) as Endpoint[]) await load(url, model, endpoint, 10, 1); // warm
  for (let round = 0; round < rounds; round++) {
    for (const clients of streams) {
      for (const endpoint of Object.keys(endpoints) as Endpoint[]) {
        const key = `${clients}${endpoint}`;
        runs.set(key, [...(runs.get(key) ?? []), await load(url, model, endpoint, clients, secondsEach)]);
      }
    }
  }
  server.disconnect();
  const cases = streams.flatMap((clients) =>
    (Object.keys(endpoints) as Endpoint[]).flatMap((endpoint) =>
      Object.entries(figures).map(([figure, [unit, of]]): Measured => {
        const values = (runs.get(`${clients}${endpoint}`) ?? []).map(of);
        return {
          case: String(clients),
          subject: figure + endpoint,
          unit,
          median: median(values),
          runs: values,
        };
      }),
    ),
  );
  report(
    cases.filter((one) => wanted(one.case, one.subject)),
    { json, notes: [together(cases)] },
  );
};

/** The streams together against one stream alone. */
const together = (cases: readonly Measured[]): string => {
  const of = (name: string): number =>
    cases.find((one) => one.case === name && one.subject === 'characters')?.median ?? Number.NaN;
  return `50 streams together reach ${(of('50') / of('1')).toFixed(2)} times the characters/s of one.`;
};

await (process.argv[2] === 'serve' ? serve() : bench());
