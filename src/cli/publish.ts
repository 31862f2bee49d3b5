import type { Command } from 'commander';
import { FolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { copyVersion, findVersion, removeCandidate } from '../store/copy-version.ts';
import { checkModelName, parseModelReference } from '../store/model-name.ts';
import { currentVersion, listCandidates } from '../store/models.ts';
import { openStore } from '../store/open-store.ts';
import { resolveVersion } from '../store/resolve-version.ts';
import type { Store } from '../store/store.ts';
import { newCommand } from './command.ts';
import { folioLine } from './command-line.ts';
import { print, printStatus } from './print.ts';
import { noSuchModel, placeOf } from './store-contents.ts';

interface PublishFlags {
  readonly store?: string;
  readonly to?: string;
  readonly as?: string;
}

/** `folio publish`: a version goes from one store into another, or out of the candidates, without another training. */
export const command = (): Command =>
  newCommand('publish', 'publish a candidate, or a version in another store', [
    'folio publish novel',
    'folio publish novel@20261127 --to s3://my-bucket',
    'folio publish novel --to ../production --as prose',
  ])
    .argument(
      '<model>',
      'NAME or NAME@VERSION; of a NAME alone the newest candidate, or with --to the current version',
    )
    .option('--store <location>', 'where it is: a folder or s3://BUCKET/PREFIX (default: FOLIO_STORE)')
    .option('--to <location>', 'where it goes: a folder or s3://BUCKET/PREFIX (default: the same store)')
    .option('--as <name>', 'another name for it there')
    .action(run);

async function run(model: string, flags: PublishFlags): Promise<void> {
  const { name, version } = parseModelReference(model);
  const from = await openStore(flags.store ?? readSettings().store);
  const to = flags.to === undefined ? from : await openStore(flags.to);
  const target = checkModelName(flags.as ?? name);
  const meant =
    version === undefined
      ? await newest(from, name, flags.to !== undefined)
      : await resolveVersion(from, name, version, { candidates: true });
  const source = await findVersion(from, name, meant);
  if (!source.candidate && flags.to === undefined && target === name) {
    throw new FolioError(
      'already_exists',
      `${name}@${meant} is published already. ${folioLine('models', 'activate', name, meant)} makes it current; --to names another store.`,
      { where: 'model', expected: 'a candidate, --to or --as', received: `${name}@${meant}` },
    );
  }
  await copyVersion(from, source, to, target);
  if (source.candidate && flags.to === undefined) await removeCandidate(from, name, meant);
  printStatus(`${target}@${meant} is current in ${placeOf(to)}.`);
  await print(`${target}@${meant}\n`);
}

/** @throws FolioError `model_not_found` */
const newest = async (store: Store, name: string, publishedFirst: boolean): Promise<string> => {
  const [candidate] = await listCandidates(store, name);
  const current = await currentVersion(store, name);
  const found = publishedFirst ? (current ?? candidate) : (candidate ?? current);
  if (found === undefined) throw await noSuchModel(store, name);
  return found;
};
