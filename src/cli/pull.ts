import type { Command } from 'commander';
import { readSettings } from '../settings.ts';
import { copyVersion, findVersion } from '../store/copy-version.ts';
import { checkModelName, parseModelReference } from '../store/model-name.ts';
import { currentVersion } from '../store/models.ts';
import { openStore } from '../store/open-store.ts';
import { resolveVersion } from '../store/resolve-version.ts';
import { newCommand } from './command.ts';
import { folioLine } from './command-line.ts';
import { print, printStatus } from './print.ts';
import { noSuchModel, placeOf } from './store-contents.ts';

interface PullFlags {
  readonly from: string;
  readonly store?: string;
  readonly as?: string;
}

/** `folio pull`: a version of another store, or of a deployment, comes into this one. */
export const command = (): Command =>
  newCommand('pull', 'fetch a model from another store or a deployment', [
    'folio pull novel --from s3://my-bucket',
    'folio pull novel@previous --from https://abc123.example.com/v1',
    'folio pull novel --from ../other-store --as draft',
  ])
    .argument('<model>', 'NAME, or NAME@VERSION, the beginning of a version, or previous')
    .requiredOption('--from <location>', 'where it is: a folder, s3://BUCKET/PREFIX or https://ENDPOINT')
    .option('--store <location>', 'where it goes: a folder or s3://BUCKET/PREFIX (default: FOLIO_STORE)')
    .option('--as <name>', 'another name for it here')
    .action(run);

async function run(model: string, flags: PullFlags): Promise<void> {
  const { name, version } = parseModelReference(model);
  const target = checkModelName(flags.as ?? name);
  const from = await openStore(flags.from);
  const to = await openStore(flags.store ?? readSettings().store);
  const meant =
    version === undefined ? await currentVersion(from, name) : await resolveVersion(from, name, version);
  if (meant === undefined) throw await noSuchModel(from, name);
  await copyVersion(from, await findVersion(from, name, meant), to, target);
  printStatus(`${target}@${meant} is current in ${placeOf(to)}.`);
  const inStore = flags.store === undefined ? [] : ['--store', flags.store];
  printStatus(`next: ${folioLine('generate', '--model', target, ...inStore)}`);
  await print(`${target}@${meant}\n`);
}
