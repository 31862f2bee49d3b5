import type { Command } from 'commander';
import * as z from 'zod/mini';
import { FolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { removeHalfVersions } from '../store/clean-models.ts';
import { modelFile, prefixes, versionKey } from '../store/keys.ts';
import { activate, listModels, listVersions, removeVersion } from '../store/models.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { type VersionReport, verifyModels } from '../store/verify-models.ts';
import { integer, newCommand } from './command.ts';
import { columns, count, print, printStatus, size } from './print.ts';

interface StoreFlags {
  readonly store?: string;
  readonly json?: true;
  readonly replaces?: string;
  readonly all?: true;
  readonly olderThan?: number;
}

/** `folio models`: which models and versions a store holds, and which version of each is current. */
export const command = (): Command => {
  const models = newCommand('models', 'list, check and change models and their versions', [
    'folio models',
    'folio models versions shakespeare',
    'folio models activate shakespeare 20261124T120000Z-0a1b2c3d',
    'folio models verify --all',
    'folio models clean',
    'folio models remove shakespeare 20261101T080000Z-4e5f6a7b --store s3://my-bucket',
  ]);
  models.addCommand(
    withStore(
      newCommand('list', 'list the models and their current versions', ['folio models list --json']),
    ).action(list),
    { isDefault: true },
  );
  models.addCommand(
    withStore(newCommand('versions', 'list the versions of a model', ['folio models versions shakespeare']))
      .argument('<name>', 'the model')
      .action(versions),
  );
  models.addCommand(
    withStore(
      newCommand('activate', 'make another version the current one', [
        'folio models activate shakespeare 20261124T120000Z-0a1b2c3d',
      ]),
    )
      .argument('<name>', 'the model')
      .argument('<version>', 'the version to serve from now on')
      .option('--replaces <version>', 'refuse if another version than this is current')
      .action(async (name: string, version: string, flags: StoreFlags) => {
        await activate(await storeOf(flags), name, version, flags.replaces);
        printStatus(`${name}@${version} is current.`);
      }),
  );
  models.addCommand(
    withStore(
      newCommand('remove', 'remove a version that is not current', [
        'folio models remove shakespeare 20261101T080000Z-4e5f6a7b',
      ]),
    )
      .argument('<name>', 'the model')
      .argument('<version>', 'the version to remove')
      .action(async (name: string, version: string, flags: StoreFlags) => {
        await removeVersion(await storeOf(flags), name, version);
        printStatus(`${name}@${version} is removed.`);
      }),
  );
  models.addCommand(
    withStore(
      newCommand('verify', 'check every published file against its digest', [
        'folio models verify',
        'folio models verify shakespeare --all',
      ]),
    )
      .argument('[name...]', 'the models (default: all)')
      .option('--all', 'every version, not the current ones alone')
      .action(verify),
  );
  models.addCommand(
    withStore(
      newCommand('clean', 'remove what killed writers left: half versions and temporary files', [
        'folio models clean',
        'folio models clean --older-than 0',
      ]),
    )
      .option('--older-than <minutes>', 'of half versions; one may be under way', integer(0), 60)
      .action(clean),
  );
  return models;
};

const withStore = (command: Command): Command =>
  command
    .option('--store <location>', 'a folder or s3://BUCKET/PREFIX (default: FOLIO_STORE)')
    .option('--json', 'print JSON');

const storeOf = (flags: StoreFlags): Promise<Store> => openStore(flags.store ?? readSettings().store);

async function list(flags: StoreFlags): Promise<void> {
  const store = await storeOf(flags);
  const models = await listModels(store);
  if (flags.json) return print(`${JSON.stringify(models, null, 2)}\n`);
  if (models.length === 0) printStatus(`There is no model in ${store.location}.`);
  return print(columns(models.map(({ name, version }) => [name, version])));
}

async function versions(name: string, flags: StoreFlags): Promise<void> {
  const store = await storeOf(flags);
  const found = await listVersions(store, name);
  if (found.length === 0) {
    throw new FolioError('model_not_found', `There is no model ${name} in ${store.location}.`, {
      where: 'name',
      received: name,
    });
  }
  if (flags.json) return print(`${JSON.stringify(found, null, 2)}\n`);
  const rows = found.map(async ({ version, bytes, current }) => [
    version,
    size(bytes),
    ...(await madeFrom(store, name, version)),
    current ? 'current' : '',
  ]);
  return print(columns(await Promise.all(rows)));
}

async function clean({ olderThan = 60, ...flags }: StoreFlags): Promise<void> {
  const store = await storeOf(flags);
  const halves = await removeHalfVersions(store, undefined, olderThan * 60_000);
  const removed = [...halves];
  for (const prefix of Object.values(prefixes)) {
    removed.push(...((await store.removeLeftovers?.(prefix)) ?? []));
  }
  await print(
    flags.json ? `${JSON.stringify(removed, null, 2)}\n` : removed.map((name) => `${name}\n`).join(''),
  );
  printStatus(`${count(removed.length)} files removed.`);
}

/** Exits with the code of `model_damaged` if any version is damaged. */
async function verify(names: readonly string[], flags: StoreFlags): Promise<void> {
  const store = await storeOf(flags);
  const reports: VersionReport[] = [];
  for await (const report of verifyModels(store, names.length > 0 ? names : undefined, flags.all ?? false)) {
    reports.push(report);
    for (const fault of report.faults) printStatus(fault);
  }
  const rows = reports.map(({ name, version, current, state }) => [
    `${name}@${version}`,
    state,
    current ? 'current' : '',
  ]);
  await print(flags.json ? `${JSON.stringify(reports, null, 2)}\n` : columns(rows));
  const unverified = reports.filter(({ state }) => state === 'unverified').length;
  if (unverified > 0) printStatus(`${unverified} published without digests: damage cannot be found there.`);
  const damaged = reports.filter(({ state }) => state === 'damaged');
  if (damaged.length === 0) return;
  const listed = damaged.map(({ name, version }) => `${name}@${version}`).join(', ');
  throw new FolioError('model_damaged', `Damaged: ${listed}.`, { where: store.location, received: listed });
}

const folioMetadata = z.object({
  preset: z.optional(z.string()),
  corpus: z.optional(z.object({ source: z.string() })),
  training: z.optional(z.object({ validationLoss: z.number() })),
});

/** How a version was made, by its metadata: validation loss, preset, corpus; blank where they do not say. */
async function madeFrom(store: Store, name: string, version: string): Promise<readonly string[]> {
  const object = await store.read(versionKey(name, version, modelFile));
  const artefact = object && JSON.parse(new TextDecoder().decode(object.bytes));
  const { data } = folioMetadata.safeParse(artefact?.userDefinedMetadata?.folio);
  const loss = data?.training?.validationLoss;
  return [
    loss === undefined ? '' : `${loss.toFixed(4)} nats`,
    data?.preset ?? '',
    data?.corpus?.source ?? '',
  ];
}
