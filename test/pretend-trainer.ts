import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { publishVersion } from '../src/store/models.ts';
import { openStore } from '../src/store/open-store.ts';
import { readRecord, writeRecord } from '../src/training-jobs/records.ts';
import type { TrainingRecord } from '../src/training-jobs/training-jobs.ts';
import { tinyModel } from './tiny-model.ts';

/**
 * Keeps the trainer's side of the bargain without TensorFlow: reads the corpus, rewrites the record, publishes a tiny
 * model. What it does is written in the corpus: `wait` waits to be stopped, `die` dies without a word to the record.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true, // of the second teacher on
  strict: true,
  options: {
    corpus: { type: 'string', default: '' },
    name: { type: 'string', default: '' },
    store: { type: 'string', default: '' },
    record: { type: 'string', default: '' },
    preset: { type: 'string' },
    from: { type: 'string' },
    teacher: { type: 'string', multiple: true },
    precision: { type: 'string' },
  },
});
const store = await openStore(values.store);
const corpus = await readFile(values.corpus, 'utf8');
const updateRecord = async (change: Partial<TrainingRecord>): Promise<void> => {
  const record = await readRecord(store, values.record);
  if (record) await writeRecord(store, { ...record, ...change, updatedAt: new Date().toISOString() });
};

if (corpus.startsWith('die')) {
  process.stderr.write('first line\nThe library of tensors is not there.\n');
  process.exit(9);
}
/** A model that cannot be is refused by the server before; this is what the command was given. */
const from = values.from === undefined ? [] : [`--from ${values.from}`];
const teachers =
  values.teacher === undefined ? [] : [`--teacher ${[...values.teacher, ...positionals].join(' ')}`];
const precision = values.precision === undefined ? [] : [`--precision ${values.precision}`];
await updateRecord({ logTail: [...from, ...teachers, ...precision] });
const progress = {
  epoch: 1,
  epochs: 1,
  step: 1,
  steps: 2,
  loss: 2.5,
  charactersPerSecond: 10,
  secondsLeft: 1,
};
await updateRecord({ state: 'running', progress });
if (corpus.startsWith('wait')) await new Promise((resolve) => setTimeout(resolve, 60_000));
const model = tinyModel({ name: values.name, seed: corpus.length, createdAt: new Date() });
await publishVersion(store, model);
await updateRecord({
  state: 'published',
  version: model.version,
  history: [{ epoch: 1, loss: 2, validationLoss: 2.1 }],
});
