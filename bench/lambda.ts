import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleFunctions, root } from '../functions/bundle.ts';
import { publishVersion } from '../src/store/models.ts';
import { S3Store } from '../src/store/s3-store.ts';
import { Environment } from '../test/lambda/environment.ts';
import { gatewayEvent } from '../test/lambda/event.ts';
import type { Received } from '../test/lambda/runtime-api.ts';
import { startGateway } from '../test/s3/gateway.ts';
import { interleave, report, type Subject } from './harness.ts';

/**
 * The generating function's bundle under AWS's own runtime client, the committed model in an S3 server on loopback:
 *
 * - `cold`: from the start of the process to the first character of the first request, as a caller of a new
 *   environment waits, and the init phase alone; `bare` is the init of a function that does nothing;
 * - `cold, processor time`: what processors spent on the process up to the end of its first request, which other work on
 *   the machine changes least;
 * - `warm`: from a request to its first character, and the speed of a long text;
 * - `bundle`: bytes of each function's code.
 *
 * `npm run bench:lambda -- --rounds 15 --json`; `--beside FOLDER` measures the generating function of an earlier build, such as
 * `dist/functions/generate`, in the same rounds.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    json: { type: 'boolean', default: false },
    beside: { type: 'string' },
  },
});

const folder = await mkdtemp(join(tmpdir(), 'folio-bench-'));
const bundles = await bundleFunctions(folder);
const s3 = await startGateway();
await s3.createBucket('models');
const { endpoint, region, credentials } = s3;
const store = S3Store.at('s3://models', { endpoint, region, credentials, forcePathStyle: true });
const name = 'shakespeare';
const place = join(root, 'models', name);
const { version } = JSON.parse(await readFile(join(place, 'current.json'), 'utf8')) as { version: string };
const files = new Map<string, Uint8Array>();
for (const file of await readdir(join(place, version))) {
  files.set(file, await readFile(join(place, version, file)));
}
await publishVersion(store, { name, version, files });

const variables = { ...s3.environment, FOLIO_STORE: 's3://models', FOLIO_MODEL: name };
const start = (bundle = bundles.generate): Promise<Environment> => Environment.start(bundle, variables);
const asked = (length: number) =>
  gatewayEvent({
    method: 'POST',
    path: '/generate',
    body: { prompt: 'ROMEO:', length, seed: 1 },
    headers: { accept: 'text/plain' },
  });

/** Chunks: the prelude, its delimiter, then text. */
const firstCharacter = (received: Received): number => {
  const chunk = received.chunks[2];
  if (!chunk) throw new Error(`No text came: ${received.body}`);
  return chunk.at;
};

const bare = join(folder, 'bare');
await mkdir(bare);
await writeFile(
  join(bare, 'index.mjs'),
  'export const handler = awslambda.streamifyResponse(async (event, stream) => stream.end());',
);

interface Cold {
  readonly init: number; // milliseconds, all three
  readonly whole: number;
  readonly processor: number;
}

/** Of a new environment that a request waits for. @param write Whether the function writes a text. */
const coldOf = async (bundle: string, write = true): Promise<Cold> => {
  const began = performance.now();
  const environment = await start(bundle);
  const pending = environment.invoke(asked(50));
  await environment.api.ready;
  const init = performance.now() - began;
  const received = await pending;
  const processor = environment.processorMs;
  await environment.stop();
  return { init, whole: init + (write ? firstCharacter(received) : 0), processor };
};

const builds: Readonly<Record<string, string>> = {
  '': bundles.generate,
  ...(values.beside !== undefined && { ', beside': resolve(values.beside) }),
};
const environment = await start();
const length = 5_000;
const subject = (group: string, what: string, unit: string, measure: Subject['measure']): Subject => ({
  case: group,
  subject: what,
  unit,
  measure,
});

const cases = await interleave(
  [
    subject('cold', 'bare', 'ms', async () => (await coldOf(bare, false)).init),
    ...Object.entries(builds).flatMap(([build, bundle]) => [
      subject('cold', `init${build}`, 'ms', async () => (await coldOf(bundle)).init),
      subject('cold', `first character${build}`, 'ms', async () => (await coldOf(bundle)).whole),
    ]),
    subject('cold, processor time', 'bare', 'ms', async () => (await coldOf(bare, false)).processor),
    ...Object.entries(builds).map(([build, bundle]) =>
      subject(
        'cold, processor time',
        `first request${build}`,
        'ms',
        async () => (await coldOf(bundle)).processor,
      ),
    ),
    subject('warm', 'first character', 'ms', async () => firstCharacter(await environment.invoke(asked(50)))),
    subject('warm', 'long text', 'characters/s', async () => {
      const { chunks } = await environment.invoke(asked(length));
      return (length * 1000) / ((chunks.at(-1)?.at ?? 0) - (chunks[2]?.at ?? 0));
    }),
  ],
  Number(values.rounds),
);

const sizes = await Promise.all(
  Object.entries(bundles).map(async ([function_, bundle]) => {
    const code = (await readdir(bundle)).filter((file) => file.endsWith('.mjs'));
    const bytes = await Promise.all(code.map(async (file) => (await stat(join(bundle, file))).size));
    const kilobytes = bytes.reduce((sum, size) => sum + size, 0) / 1000;
    return { case: 'bundle', subject: function_, unit: 'kB', median: kilobytes, runs: [kilobytes] };
  }),
);

await environment.stop();
await s3.stop();
await rm(folder, { recursive: true, force: true });
report([...cases, ...sizes], { json: values.json });
