import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { clock } from '../../training/report/format.ts';
import { readSettings } from '../settings.ts';
import { openStore } from '../store/open-store.ts';
import { listRecords } from '../training-jobs/records.ts';
import { isSilent } from '../training-jobs/silence.ts';
import { withoutSuperseded } from '../training-jobs/superseded.ts';
import { isFinal, type TrainingRecord } from '../training-jobs/training-jobs.ts';
import { integer, newCommand } from './command.ts';
import { columns, count, print, printStatus } from './print.ts';
import { placeOf } from './store-contents.ts';

interface StatusFlags {
  readonly store?: string;
  readonly limit: number;
  readonly all?: true;
  readonly watch?: true;
  readonly json?: true;
}

const everyMs = 2_000;
/** Records that are read for a list without those that others have replaced. */
const mostRead = 100;

/** `folio status`: the trainings whose records are in a store, whoever runs them: this machine, a server, Fargate. */
export const command = (): Command =>
  newCommand('status', 'list the trainings, here or in the cloud', [
    'folio status',
    'folio status --watch',
    'folio status --store s3://my-bucket --json',
  ])
    .option('--store <location>', 'a folder, s3://BUCKET/PREFIX or https://ENDPOINT (default: FOLIO_STORE)')
    .option('--limit <number>', 'trainings to list, the newest first', integer(1, 1000), 10)
    .option('--all', 'list those too that were stopped or failed before a later one of the same model')
    .option('--watch', 'go on until none of them runs any more')
    .option('--json', 'print JSON, of all of them: with --watch a line each time')
    .action(run);

async function run({ limit, all, watch, json, ...flags }: StatusFlags): Promise<void> {
  const store = await openStore(flags.store ?? readSettings().store);
  let drawn = 0; // lines on the terminal that are drawn over
  for (;;) {
    const isWhole = all === true || json === true;
    const read = await listRecords(store, isWhole ? limit : Math.max(limit, mostRead));
    const latest = withoutSuperseded(read);
    const records = isWhole ? read : latest.slice(0, limit);
    if (json) await print(`${JSON.stringify(records, null, watch ? 0 : 2)}\n`);
    else {
      const rows = records.map((record) => rowOf(record, latest.includes(record)));
      const text = columns(rows.length === 0 ? [] : [header, ...rows]);
      await print((process.stdout.isTTY && drawn > 0 ? `\u001b[${drawn}A\u001b[J` : '') + text);
      drawn = text.split('\n').length - 1;
    }
    if (records.length === 0) printStatus(`No training has been recorded in ${placeOf(store)}.`);
    if (!watch || records.every(({ state }) => isFinal(state))) return;
    await delay(everyMs);
  }
}

const header = ['started (UTC)', 'model', 'state', ''];

/** At most 80 characters, but for long names: when, model, state, and how far it is or how it ended. */
const rowOf = (record: TrainingRecord, isLatest: boolean): readonly string[] => [
  record.startedAt.slice(0, 16).replace('T', ' '),
  record.model,
  record.state,
  detailOf(record, isLatest),
];

/** @param isLatest Whether no later training has replaced it. */
const detailOf = (
  { state, progress, version, failure, preset, updatedAt }: TrainingRecord,
  isLatest: boolean,
): string => {
  if (isSilent(state, updatedAt, Date.now())) {
    return `has written nothing since ${updatedAt.slice(0, 16).replace('T', ' ')}: it may hang`;
  }
  if (state === 'running' && progress) {
    const { step, steps, secondsLeft, loss, epoch, epochs, charactersPerSecond } = progress;
    const share = `${Math.floor((100 * step) / steps)}%  ${clock(secondsLeft)} left  loss ${loss.toFixed(4)}`;
    return `${share}  epoch ${epoch}/${epochs}  ${count(charactersPerSecond)} characters/s`;
  }
  if (state === 'published' || state === 'rejected') return version ?? '';
  if (failure)
    return isLatest && ['interrupted', 'time_limit'].includes(failure.code)
      ? `${failure.code}; the same command goes on`
      : failure.code;
  return preset;
};
