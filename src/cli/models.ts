import type { Command } from 'commander';
import { FolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { removeHalfVersions } from '../store/clean-models.ts';
import { findVersion, removeModel, renameModel } from '../store/copy-version.ts';
import { prefixes } from '../store/keys.ts';
import { checkModelName, type ModelReference, parseModelReference } from '../store/model-name.ts';
import {
  activate,
  currentVersion,
  listCandidates,
  listModels,
  listVersions,
  removeVersion,
} from '../store/models.ts';
import { openStore } from '../store/open-store.ts';
import { resolveVersion } from '../store/resolve-version.ts';
import type { Store } from '../store/store.ts';
import { type VersionReport, verifyModels } from '../store/verify-models.ts';
import { integer, newCommand, unknownCommand } from './command.ts';
import { columns, print, printStatus, several, size } from './print.ts';
import { noSuchModel, placeOf } from './store-contents.ts';
import { differences, readMetadata, versionFacts } from './version-facts.ts';

interface StoreFlags {
  readonly store?: string;
  readonly json?: true;
  readonly replaces?: string;
  readonly all?: true;
  readonly olderThan?: number;
}

const examples = {
  list: ['folio models list --json'],
  versions: ['folio models versions shakespeare', 'folio models versions shakespeare --store s3://my-bucket'],
  show: ['folio models show shakespeare', 'folio models show shakespeare@previous'],
  diff: [
    'folio models diff shakespeare@previous shakespeare',
    'folio models diff novel@20261124 novel@20261127 --json',
  ],
  activate: [
    'folio models activate shakespeare 20261124T120000Z-0a1b2c3d',
    'folio models activate shakespeare 20261124',
  ],
  rollback: ['folio models rollback shakespeare'],
  rename: ['folio models rename draft novel'],
  remove: [
    'folio models remove shakespeare 20261101T080000Z-4e5f6a7b',
    'folio models remove shakespeare previous',
    'folio models remove draft --all',
  ],
  verify: ['folio models verify', 'folio models verify shakespeare --all'],
  clean: ['folio models clean', 'folio models clean --older-than 0'],
};

/** `folio models`: which models and versions a store holds, and which version of each is current. */
export const command = (): Command => {
  const models = withStore(
    newCommand('models', 'list, check and change models and their versions', [
      'folio models',
      'folio models versions shakespeare',
      'folio models show shakespeare',
      'folio models rollback shakespeare --store s3://my-bucket',
    ]),
  )
    .allowExcessArguments()
    .action((flags: StoreFlags, command: Command) => {
      if (command.args.length > 0) unknownCommand(command);
      return list(flags);
    });
  const add = (name: keyof typeof examples, summary: string): Command => {
    const command = withStore(newCommand(name, summary, examples[name]));
    models.addCommand(command);
    return command;
  };
  const version = ['[version]', 'its version, the beginning of one, or previous'] as const;
  add('list', 'list the models and their current versions').action(withGlobals(list));
  add('versions', 'list the versions of a model, and what the gate rejected')
    .argument('<name>', 'the model')
    .action(withGlobals(versions));
  add('show', 'say how a version was made')
    .argument('<name>', 'NAME or NAME@VERSION')
    .argument(...version)
    .action(withGlobals(show));
  add('diff', 'say in what two versions differ')
    .argument('<first>', 'NAME or NAME@VERSION')
    .argument('<second>', 'NAME or NAME@VERSION')
    .action(withGlobals(diff));
  add('activate', 'make another version the current one')
    .argument('<name>', 'NAME or NAME@VERSION')
    .argument(...version)
    .option('--replaces <version>', 'refuse if another version than this is current')
    .action(withGlobals(activateVersion));
  add('rollback', 'make the version before the current one current')
    .argument('<name>', 'the model')
    .action(withGlobals((name: string, flags: StoreFlags) => activateVersion(name, 'previous', flags)));
  add('rename', 'give a model another name')
    .argument('<from>', 'the model')
    .argument('<to>', 'its new name')
    .action(withGlobals(rename));
  add('remove', 'remove a version that is not current, or a whole model')
    .argument('<name>', 'NAME or NAME@VERSION')
    .argument(...version)
    .option('--all', 'every version, the current one too, and what the gate rejected')
    .action(withGlobals(remove));
  add('verify', 'check every published file against its digest')
    .argument('[name...]', 'the models (default: all)')
    .option('--all', 'every version, not the current ones alone')
    .action(withGlobals(verify));
  add('clean', 'remove what killed writers left: half versions and temporary files')
    .option('--older-than <minutes>', 'of half versions; one may be under way', integer(0), 60)
    .action(withGlobals(clean));
  return models;
};

const withStore = (command: Command): Command =>
  command
    .option('--store <location>', 'a folder, s3://BUCKET/PREFIX or https://ENDPOINT (default: FOLIO_STORE)')
    .option('--json', 'print JSON');

/** An action whose flags may also stand before the name of its command: `folio models --store S versions NAME`. */
const withGlobals =
  <Given extends unknown[]>(action: (...given: [...Given, StoreFlags]) => Promise<void>) =>
  (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    return action(...([...given.slice(0, -2), command.optsWithGlobals()] as [...Given, StoreFlags]));
  };

const storeOf = (flags: StoreFlags): Promise<Store> => openStore(flags.store ?? readSettings().store);

/** The version that two words of the command line mean: `NAME VERSION`, `NAME@VERSION`, or `NAME` for the current one. */
const versionMeant = async (
  store: Store,
  given: string,
  version: string | undefined,
): Promise<Required<ModelReference>> => {
  const reference = parseModelReference(given);
  const meant = version ?? reference.version ?? 'current';
  return { name: reference.name, version: await resolveVersion(store, reference.name, meant) };
};

const required = (given: string, version: string | undefined, others = ''): void => {
  if (version !== undefined || given.includes('@')) return;
  throw new FolioError(
    'invalid_parameter',
    `Say which version of ${given}: VERSION, its beginning, or previous.${others}`,
    {
      where: 'version',
      expected: 'a version',
      received: 'none',
    },
  );
};

async function activateVersion(given: string, version: string | undefined, flags: StoreFlags): Promise<void> {
  required(given, version);
  const store = await storeOf(flags);
  const meant = await versionMeant(store, given, version);
  const before = await currentVersion(store, meant.name).catch(() => undefined);
  await activate(store, meant.name, meant.version, flags.replaces);
  if (flags.json) await print(`${JSON.stringify({ ...meant, replaced: before ?? null })}\n`);
  const was = before === undefined || before === meant.version ? '' : ` It was ${before}.`;
  printStatus(`${meant.name}@${meant.version} is current.${was}`);
}

async function remove(given: string, version: string | undefined, flags: StoreFlags): Promise<void> {
  const store = await storeOf(flags);
  if (flags.all) {
    if (version !== undefined || given.includes('@')) {
      throw new FolioError('invalid_parameter', 'Give a version or --all, not both.', { where: '--all' });
    }
    const removed = await removeModel(store, checkModelName(given));
    if (flags.json) await print(`${JSON.stringify(removed.map((one) => `${given}@${one}`))}\n`);
    printStatus(`${given} is removed: ${several(removed.length, 'version')}.`);
    return;
  }
  required(given, version, ' For the whole model, --all.');
  const meant = await versionMeant(store, given, version);
  await removeVersion(store, meant.name, meant.version);
  if (flags.json) await print(`${JSON.stringify([`${meant.name}@${meant.version}`])}\n`);
  printStatus(`${meant.name}@${meant.version} is removed.`);
}

async function rename(from: string, to: string, flags: StoreFlags): Promise<void> {
  await renameModel(await storeOf(flags), checkModelName(from), checkModelName(to));
  printStatus(`${from} is called ${to}.`);
}

async function show(given: string, version: string | undefined, flags: StoreFlags): Promise<void> {
  const store = await storeOf(flags);
  const { name, version: meant } = await foundVersion(store, given, version);
  const found = await findVersion(store, name, meant);
  const metadata = await readMetadata(store, found);
  const state = found.candidate
    ? 'candidate: rejected by the gate'
    : (await currentVersion(store, name)) === meant
      ? 'current'
      : 'published';
  if (flags.json) return print(`${JSON.stringify({ name, version: meant, state, ...metadata }, null, 2)}\n`);
  return print(columns([['model', `${name}@${meant}`], ['state', state], ...versionFacts(metadata)]));
}

async function diff(first: string, second: string, flags: StoreFlags): Promise<void> {
  const store = await storeOf(flags);
  const [a, b] = await Promise.all([first, second].map((given) => foundVersion(store, given, undefined)));
  const [ofA, ofB] = await Promise.all(
    [a!, b!].map(async ({ name, version }) => readMetadata(store, await findVersion(store, name, version))),
  );
  const rows = differences(ofA, ofB);
  const [nameA, nameB] = [a!, b!].map(({ name, version }) => `${name}@${version}`) as [string, string];
  if (flags.json) {
    const changes = rows.map(([property, before, after]) => ({ property, first: before, second: after }));
    return print(`${JSON.stringify({ first: nameA, second: nameB, differences: changes }, null, 2)}\n`);
  }
  if (rows.length === 0) printStatus(`${nameA} and ${nameB} were made alike.`);
  const short = (value: string): string => value.replace(/^(sha256:\w{12})\w+$/, '$1…');
  const table = columns([['', 'A', 'B'], ...rows.map((cells) => cells.map(short))]);
  return print(`A  ${nameA}\nB  ${nameB}\n\n${table}`);
}

/** As `versionMeant`, candidates included. */
const foundVersion = async (
  store: Store,
  given: string,
  version: string | undefined,
): Promise<Required<ModelReference>> => {
  const reference = parseModelReference(given);
  const meant = version ?? reference.version ?? 'current';
  const { name } = reference;
  return { name, version: await resolveVersion(store, name, meant, { candidates: true }) };
};

async function list(flags: StoreFlags): Promise<void> {
  const store = await storeOf(flags);
  const models = await listModels(store);
  if (flags.json) return print(`${JSON.stringify(models, null, 2)}\n`);
  if (models.length === 0) printStatus(`There is no model in ${placeOf(store)}.`);
  await print(columns(models.map(({ name, version }) => [name, version])));
  for (const { fault } of models) if (fault !== undefined) printStatus(fault);
}

async function versions(name: string, flags: StoreFlags): Promise<void> {
  const store = await storeOf(flags);
  const found = await listVersions(store, name);
  if (found.length === 0 && (await listCandidates(store, name)).length === 0)
    throw await noSuchModel(store, name);
  if (flags.json) return print(`${JSON.stringify(found, null, 2)}\n`);
  const rows = found.map(async ({ version, bytes, current }) => [
    version,
    size(bytes),
    ...madeFrom(await readMetadata(store, { name, version })),
    current ? 'current' : '',
  ]);
  await print(columns(await Promise.all(rows)));
  const candidates = await listCandidates(store, name);
  if (candidates.length === 0) return;
  printStatus(`rejected by the gate: ${candidates.join(', ')}`);
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
  printStatus(`${several(removed.length, 'file')} removed.`);
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

/** How a version was made, in three cells; blank where its metadata does not say. */
const madeFrom = (metadata: Awaited<ReturnType<typeof readMetadata>>): readonly string[] => {
  const loss = metadata?.training?.validationLoss;
  return [
    loss === undefined ? '' : `${loss.toFixed(4)} nats`,
    metadata?.preset ?? '',
    metadata?.corpus?.source ?? '',
  ];
};
