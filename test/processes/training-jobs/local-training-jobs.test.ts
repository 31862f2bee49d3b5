import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FolioError } from '../../../src/errors.ts';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { corpusKey, recordKey } from '../../../src/store/keys.ts';
import { type ProcessIdentity, thisProcess } from '../../../src/store/process-identity.ts';
import type { ReadOptions } from '../../../src/store/store.ts';
import { LocalTrainingJobs } from '../../../src/training-jobs/local-training-jobs.ts';
import { listRecords, queuedRecord, readRecord, writeRecord } from '../../../src/training-jobs/records.ts';
import { isFinal, type TrainingRecord } from '../../../src/training-jobs/training-jobs.ts';
import { RecordKeeper } from '../../../training/record.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A store whose records cannot be written, or not be read, for a while. */
class FaultyStore extends FolderStore {
  failing: 'read' | 'write' | undefined;

  #fail(key: string, kind: 'read' | 'write'): void {
    if (this.failing === kind && key.startsWith('trainings/')) {
      throw new FolioError('store_failed', 'No space left on the device.');
    }
  }

  override async read(key: string, options?: ReadOptions) {
    this.#fail(key, 'read');
    return super.read(key, options);
  }

  override async write(key: string, content: Uint8Array) {
    this.#fail(key, 'write');
    return super.write(key, content);
  }
}

/** A trainer that runs a line of JavaScript, whatever its arguments. */
const trainer = (script: string) => [process.execPath, '-e', script, '--'] as const;
const dies = trainer('setTimeout(() => process.exit(9), 50)');
const waits = trainer('setTimeout(() => undefined, 60_000)');

let folder: string;
let store: FaultyStore;
let logged: string[];
let opened: LocalTrainingJobs[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-trainings-'));
  store = new FaultyStore(folder);
  await store.write(corpusKey('novel'), bytes('Once upon a time.'));
  logged = [];
  opened = [];
});
afterEach(async () => {
  store.failing = undefined;
  for (const jobs of opened) await jobs.close();
  await rm(folder, { recursive: true, force: true });
});

const openJobs = (command: readonly [string, ...string[]], killAfterMs?: number): LocalTrainingJobs => {
  const log = (message: string) => logged.push(message);
  const jobs = new LocalTrainingJobs(store, { command, log, ...(killAfterMs && { killAfterMs }) });
  opened.push(jobs);
  return jobs;
};
const request = { model: 'novel', corpusKey: corpusKey('novel') };

/** A process that has ended: its number may be another's by now. */
async function deadProcess(): Promise<ProcessIdentity> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return { host: thisProcess().host, pid: child.pid!, started: '1' };
}

const written = async (state: TrainingRecord['state'], owner?: ProcessIdentity): Promise<string> => {
  const id = `20260101T000000Z-000${logged.length}-${state}`;
  const { owner: _, ...record } = queuedRecord(id, request);
  await writeRecord(store, { ...record, state, ...(owner && { owner }) });
  return id;
};

describe('whatever happens to a training, its server goes on', () => {
  test.each(['read', 'write'] as const)(
    'when its trainer dies while no record can be %s',
    async (failing) => {
      const jobs = openJobs(dies);
      const { id } = await jobs.start(request);
      store.failing = failing;
      await new Promise((resolve) => setTimeout(resolve, 700));
      store.failing = undefined;
      await expect.poll(async () => (await readRecord(store, id))?.state, { timeout: 5_000 }).toBe('failed');
      expect((await readRecord(store, id))?.failure?.code).toBe('trainer_failed');
      const next = await jobs.start(request);
      await expect.poll(async () => (await readRecord(store, next.id))?.state).toBe('failed');
    },
  );

  test('when its record is torn: the others are listed, and it can be stopped', async () => {
    const id = await written('running', thisProcess());
    await store.write(recordKey('20260101T000000Z-ffff-torn'), bytes('{"id":"2026'));
    await store.write(recordKey('20260101T000000Z-fffe-torn'), bytes('null'));
    const jobs = openJobs(dies);
    await jobs.recover();
    const records = await listRecords(store);
    expect(records.map(({ state }) => state)).toEqual(['failed', 'failed', 'running']);
    expect(records[0]).toMatchObject({ model: 'torn', failure: { code: 'record_damaged' } });
    await jobs.stop('20260101T000000Z-ffff-torn');
    await jobs.stop(id);
    expect((await readRecord(store, id))?.state).toBe('stopped');
  });

  test('when its trainer is killed: that is the reason, and not the last line that it printed', async () => {
    const jobs = openJobs(trainer('console.error("epoch 1"); process.kill(process.pid, "SIGKILL")'));
    const { id } = await jobs.start(request);
    await expect.poll(async () => (await readRecord(store, id))?.state).toBe('failed');
    expect(await readRecord(store, id)).toMatchObject({
      failure: { code: 'trainer_failed', message: expect.stringContaining('SIGKILL') },
      logTail: ['epoch 1'],
    });
  });

  test('when its trainer ends with an error: its sentence is the reason', async () => {
    const jobs = openJobs(
      trainer('console.error("error: The disk is full. [store_failed]"); process.exit(9)'),
    );
    const { id } = await jobs.start(request);
    await expect.poll(async () => (await readRecord(store, id))?.failure?.message).toBe('The disk is full.');
  });

  test('when its trainer cannot be started', async () => {
    const jobs = openJobs([join(folder, 'no-such-program')]);
    const { id } = await jobs.start(request);
    await expect.poll(async () => (await readRecord(store, id))?.state).toBe('failed');
    expect((await readRecord(store, id))?.failure?.message).toContain('ENOENT');
  });

  test('when it is closed while no record can be written', async () => {
    const jobs = openJobs(waits);
    await jobs.start(request);
    await jobs.start({ ...request, model: 'other' });
    store.failing = 'write';
    await jobs.close();
    expect(logged.length).toBeGreaterThan(0);
  });

  test('when the records of earlier trainings cannot be read at its start', async () => {
    await written('running', await deadProcess());
    store.failing = 'read';
    await openJobs(dies).recover();
    expect(logged).toEqual([expect.stringContaining('could not be brought up to date')]);
  });
});

describe('trainings of a server that is gone', () => {
  test.each(['queued', 'running'] as const)('are interrupted: %s', async (state) => {
    const id = await written(state, await deadProcess());
    const interrupted = { state: 'failed', failure: { code: 'interrupted' } };
    expect(await readRecord(store, id)).toMatchObject(interrupted);
    await openJobs(dies).recover();
    const stored = await store.read(recordKey(id));
    expect(JSON.parse(new TextDecoder().decode(stored?.bytes))).toMatchObject(interrupted);
  });

  test('whose trainer still runs are left to it', async () => {
    const id = await written('running', thisProcess());
    await openJobs(dies).recover();
    expect((await readRecord(store, id))?.state).toBe('running');
  });

  test.runIf(process.platform === 'linux')(
    'that ended and that nobody waited for are interrupted',
    async () => {
      const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60']); // what it has become waits for no child
      const [pid] = (await once(parent.stdout.setEncoding('utf8'), 'data')) as [string];
      try {
        const id = await written('running', { host: thisProcess().host, pid: Number(pid) });
        await expect.poll(async () => (await readRecord(store, id))?.failure?.code).toBe('interrupted');
      } finally {
        parent.kill('SIGKILL');
      }
    },
  );

  test('whose number another process has by now are interrupted', async () => {
    const id = await written('running', { ...thisProcess(), started: '1' });
    expect((await readRecord(store, id))?.failure?.code).toBe('interrupted');
  });
});

describe('stopping always ends in a final state', () => {
  test.runIf(process.platform === 'linux')(
    'a trainer that hangs is killed, and what it computes in',
    async () => {
      const ready = join(folder, 'ready');
      const script = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); require("fs").writeFileSync(${JSON.stringify(ready)}, "")`;
      const jobs = openJobs(trainer(script), 50);
      const { id } = await jobs.start(request);
      await expect.poll(() => existsSync(ready)).toBe(true);
      const computing = spawn('sleep', ['60']);
      const stat = await readFile(`/proc/${computing.pid}/stat`, 'utf8');
      const { host } = thisProcess();
      const owner = { host, pid: computing.pid!, started: stat.replace(/^.*\) /, '').split(' ')[19]! };
      await writeRecord(store, { ...(await readRecord(store, id))!, state: 'running', owner });
      const [[, signal]] = await Promise.all([once(computing, 'close'), jobs.stop(id)]);
      expect(signal).toBe('SIGKILL');
      expect((await readRecord(store, id))?.state).toBe('stopped');
    },
  );

  test.each(['queued', 'running'] as const)('%s, of any other process', async (state) => {
    for (const owner of [undefined, await deadProcess(), thisProcess(), { host: 'another', pid: 1 }]) {
      const id = await written(state, owner);
      await openJobs(dies).stop(id);
      expect(isFinal((await readRecord(store, id))!.state)).toBe(true);
    }
  });

  test('a trainer of another process notices it when it writes next', async () => {
    let stopped = 0;
    const start = { id: '20260101T000000Z-0000-novel', model: 'novel', preset: 'tiny', source: 'x' };
    const keeper = new RecordKeeper(store, start, undefined, () => stopped++);
    await keeper.begin();
    await openJobs(dies).stop(start.id);
    expect((await readRecord(store, start.id))?.state).toBe('stopped');
    await keeper.flush();
    expect(stopped).toBe(1);
    await keeper.fail('stopped', 'interrupted', 'Stopped.');
    expect((await readRecord(store, start.id))?.state).toBe('stopped');
    expect(stopped).toBe(1);
  });
});
