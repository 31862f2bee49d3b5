import { randomUUID } from 'node:crypto';
import { access, constants, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Command } from 'commander';
import { installCommand } from '../../training/loop/tensorflow.ts';
import { tensorFlowState } from '../../training/setup-tensorflow.ts';
import { cacheFolder } from '../cache-folder.ts';
import { FolioError, isFolioError } from '../errors.ts';
import { instantiateKernel, kernelBuild } from '../model/kernel/kernel-module.ts';
import { readSettings, type Settings } from '../settings.ts';
import { verifyVersion } from '../store/check-version.ts';
import { prefixes } from '../store/keys.ts';
import { parseModelReference } from '../store/model-name.ts';
import { currentVersion } from '../store/models.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { leastNodeOfTraining } from '../version.ts';
import { newCommand } from './command.ts';
import { folioLine } from './command-line.ts';
import { print, size } from './print.ts';
import { contentsOf, isRemote, placeOf } from './store-contents.ts';

interface DoctorFlags {
  readonly store?: string;
  readonly json?: true;
}

/** What one check found. `note`: only some commands are touched by it. */
interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'note' | 'wrong';
  readonly message: string;
  /** What to do, as a command where one does it. */
  readonly remedy?: string;
}

type Check = () => Promise<Omit<Finding, 'check'>>;

const ROOM = 2e9; // bytes: TensorFlow takes 1.1 GB, a corpus and its checkpoints the rest

/** `folio doctor`: looks at what Folio needs of this machine and its store. */
export const command = (): Command =>
  newCommand('doctor', 'look for what is missing or wrong, and say what mends it', [
    'folio doctor',
    'folio doctor --store s3://my-bucket',
    'folio doctor --json',
  ])
    .option('--store <location>', 'a folder, s3://BUCKET/PREFIX or https://ENDPOINT (default: FOLIO_STORE)')
    .option('--json', 'print JSON')
    .action(run);

async function run({ json, ...flags }: DoctorFlags): Promise<void> {
  const settings = readSettings(undefined, flags);
  const store = await openStore(settings.store);
  const checks: Readonly<Record<string, Check>> = {
    node: checkNode,
    kernel: checkKernel,
    store: () => checkStore(store),
    writes: () => checkWrites(store),
    model: () => checkModel(store, settings),
    tensorflow: checkTensorFlow,
    disk: () => checkDisk(store),
    cache: checkCache,
    port: () => checkPort(settings),
  };
  const findings: Finding[] = [];
  for (const [check, look] of Object.entries(checks)) {
    const found = await look().catch(
      (error: unknown): Omit<Finding, 'check'> => ({
        state: 'wrong',
        message: error instanceof Error ? error.message : String(error),
      }),
    );
    const finding = { check, ...found };
    findings.push(finding);
    if (!json) await print(lineOf(finding));
  }
  if (json) await print(`${JSON.stringify(findings, null, 2)}\n`);
  const wrong = findings.filter(({ state }) => state === 'wrong').map(({ check }) => check);
  if (wrong.length === 0) return;
  throw new FolioError('unavailable', `Not as it should be: ${wrong.join(', ')}.`, {
    where: wrong.join(', '),
    received: 'see above',
  });
}

const lineOf = ({ check, state, message, remedy }: Finding): string => {
  const line = (mark: string, name: string, text: string): string =>
    `${mark.padEnd(7)}${name.padEnd(12)}${text}\n`;
  return line(state, check, message) + (remedy === undefined ? '' : line('', '', `to mend: ${remedy}`));
};

const checkNode: Check = async () => {
  const { node } = process.versions;
  return Number.parseInt(node, 10) >= leastNodeOfTraining
    ? { state: 'ok', message: node }
    : {
        state: 'note',
        message: `${node} generates and serves; train, inspect and evaluate need Node ${leastNodeOfTraining} or later`,
        remedy: `install Node ${leastNodeOfTraining}; a checkout has it after npm ci: start Folio by npm or npx there`,
      };
};

const checkKernel: Check = async () => {
  instantiateKernel(); // throws where the host runs none
  return { state: 'ok', message: `${kernelBuild()} build` };
};

const checkStore = async (store: Store): Promise<Omit<Finding, 'check'>> => {
  const place = placeOf(store);
  for await (const _ of store.list(prefixes.models)) break; // credentials, bucket and rights
  return { state: 'ok', message: `${place}. ${await contentsOf(store)}` };
};

/** Creates, replaces and removes a scratch object, and tries a stale replacement, which must be refused. */
const checkWrites = async (store: Store): Promise<Omit<Finding, 'check'>> => {
  const place = placeOf(store);
  if (/^https?:/.test(place)) return { state: 'note', message: 'a deployment takes no files' };
  if (!place.startsWith('s3://')) {
    const mayWrite = await access(place, constants.W_OK).then(
      () => true,
      () => false,
    );
    if (!mayWrite) {
      return {
        state: 'note',
        message: `${place} cannot be written: models can be used, and none trained or published`,
        remedy: `mkdir -p ${place} && chmod u+w ${place}`,
      };
    }
  }
  const key = `${prefixes.checkpoints}doctor/${randomUUID()}.bin`;
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  try {
    const { etag } = await store.replace(key, bytes('first'), null);
    await store.replace(key, bytes('second'), etag);
    const refused = await store.replace(key, bytes('stale'), etag).then(
      () => false,
      (error: unknown) => isFolioError(error) && error.code === 'conflict',
    );
    return refused
      ? { state: 'ok', message: 'conditional writes are honoured' }
      : {
          state: 'wrong',
          message: 'a stale write was accepted: with several writers, updates would be lost',
          remedy: 'take another store, or set FOLIO_SINGLE_WRITER=1 where one process alone writes',
        };
  } finally {
    await store.remove(key).catch(() => undefined);
  }
};

const checkModel = async (store: Store, settings: Settings): Promise<Omit<Finding, 'check'>> => {
  const { name, version = await currentVersion(store, name) } = parseModelReference(settings.model);
  if (version === undefined) {
    return {
      state: 'note',
      message: `there is no model ${name}, which is the default`,
      remedy: `FOLIO_MODEL names another; ${folioLine('train', '--corpus', 'FILE.txt', '--name', name)} makes it`,
    };
  }
  const { state, faults } = await verifyVersion(store, name, version);
  return state === 'damaged'
    ? {
        state: 'wrong',
        message: `${name}@${version} is damaged: ${faults[0]}`,
        remedy: folioLine('models', 'rollback', name),
      }
    : { state: 'ok', message: `${name}@${version}, ${state}` };
};

const checkTensorFlow: Check = async () => {
  const state = tensorFlowState();
  if (state === 'ready') return { state: 'ok', message: 'set up' };
  return state === 'no package'
    ? {
        state: 'note',
        message: 'the optional package @tensorflow/tfjs-node is not installed; only training needs it',
        remedy: installCommand,
      }
    : {
        state: 'note',
        message: 'not set up yet; only training needs it, and the first one does it',
        remedy: 'npm run setup:tensorflow, in a checkout',
      };
};

const checkDisk = async (store: Store): Promise<Omit<Finding, 'check'>> => {
  const places = [cacheFolder(), ...(isRemote(placeOf(store)) ? [] : [placeOf(store)])];
  const free = await Promise.all(
    places.map((place) =>
      statfs(place).then(
        ({ bavail, bsize }) => bavail * bsize,
        () => Number.POSITIVE_INFINITY, // the folder is not there yet
      ),
    ),
  );
  const least = Math.min(...free);
  const place = places[free.indexOf(least)];
  return least < ROOM
    ? {
        state: 'note',
        message: `${size(least)} free at ${place}; a training may need ${size(ROOM)}`,
        remedy: 'free some, or set FOLIO_CACHE and FOLIO_STORE to another disk',
      }
    : { state: 'ok', message: `${size(least)} free` };
};

const checkCache: Check = async () => {
  const folder = cacheFolder();
  await access(folder, constants.W_OK);
  return { state: 'ok', message: folder };
};

const checkPort = ({ port, host }: Settings): Promise<Omit<Finding, 'check'>> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve({
        state: 'note',
        message: `${host}:${port} cannot be listened on: ${error.code === 'EADDRINUSE' ? 'something does already' : error.code}`,
        remedy: `${folioLine('serve', '--port', String(port + 1))}, or stop what listens there`,
      }),
    );
    server.listen(port, host, () =>
      server.close(() => resolve({ state: 'ok', message: `${host}:${port} is free` })),
    );
  });
