import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { readRecord } from '../../../src/training-jobs/records.ts';
import { StateMachineTrainingJobs } from '../../../src/training-jobs/state-machine-training-jobs.ts';

interface Execution {
  readonly name: string;
  readonly input: string;
}

const machine = 'arn:aws:states:us-east-1:123456789012:stateMachine:Retraining';
let server: Server;
let folder: string;
let store: FolderStore;
let started: Execution[];
let refuses: boolean;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-machine-'));
  store = new FolderStore(folder);
  // Step Functions, as far as it is asked here: names as it takes them.
  server = createServer(async (request, response) => {
    const execution = (await json(request)) as Execution;
    const isName = /^[\w.-]{1,80}$/.test(execution.name);
    response.setHeader('content-type', 'application/x-amz-json-1.0');
    if (refuses || !isName) {
      response
        .writeHead(400)
        .end(JSON.stringify({ __type: isName ? 'StateMachineDoesNotExist' : 'InvalidName' }));
      return;
    }
    started.push(execution);
    response.end(JSON.stringify({ executionArn: `${machine}:${execution.name}`, startDate: 1_795_000_000 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
beforeEach(() => {
  started = [];
  refuses = false;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const start = (model: string) =>
  new StateMachineTrainingJobs(store, machine, 's3://corpora').start({
    model,
    corpusKey: `corpora/${model}.txt`,
  });

describe('a training by the state machine', () => {
  test.each([1, 57, 58, 59, 64])(
    'starts for a name of %i characters, by the longest name that there is',
    async (length) => {
      const record = await start('n'.repeat(length));
      expect(record.state).toBe('queued');
      const [{ name, input } = { name: '', input: '' }] = started;
      expect(name).toBe(record.id.slice(0, 80));
      expect(JSON.parse(input)).toMatchObject({ training: record.id, model: 'n'.repeat(length) });
    },
  );

  test('says how to train in the words of an upload’s metadata', async () => {
    const jobs = new StateMachineTrainingJobs(store, machine, 's3://corpora');
    const options = {
      preset: 'standard',
      from: 'novel',
      teachers: ['large', 'larger@v1'],
      precision: 'bf16',
    } as const;
    const record = await jobs.start({ model: 'novel', corpusKey: 'corpora/novel.txt', ...options });
    expect(record).toMatchObject(options);
    expect(JSON.parse(started[0]?.input ?? '')).toMatchObject({ ...options, teachers: 'large larger@v1' });
  });

  test('that cannot be started has failed, in its record too', async () => {
    refuses = true;
    await expect(start('refused')).rejects.toMatchObject({ code: 'unavailable' });
    const jobs = new StateMachineTrainingJobs(store, machine, 's3://corpora');
    const failed = (await jobs.list()).find(({ model }) => model === 'refused');
    expect(await readRecord(store, failed?.id ?? '')).toMatchObject({
      state: 'failed',
      failure: { code: 'unavailable' },
    });
  });
});
