import { readFileSync } from 'node:fs';
import { createKernelStepper } from '../src/model/kernel/kernel-stepper.ts';
import type { Stepper } from '../src/model/stepper.ts';
import { committedAlphabet, committedNetwork } from './committed-network.ts';
import { benchOptions, report } from './harness.ts';

const STREAMS = 8; // parts of the text, read together
const PRIMER = 64; // characters read before a part is scored

/** Mean loss of a text in nats a character. */
const lossOf = (stepper: Stepper, ids: readonly number[]): number => {
  const { vocabulary } = stepper;
  const size = Math.floor((ids.length - PRIMER - 1) / STREAMS);
  const slots = Array.from({ length: STREAMS }, () => stepper.open());
  let nats = 0;
  for (let t = 0; t < PRIMER + size; t++) {
    const at = (stream: number): number => stream * size + t;
    const logits = stepper.step(
      slots,
      slots.map((_, stream) => ids[at(stream)]!),
    );
    if (t < PRIMER) continue;
    for (let stream = 0; stream < STREAMS; stream++) {
      const row = logits.subarray(stream * vocabulary, (stream + 1) * vocabulary);
      const largest = row.reduce((a, b) => Math.max(a, b));
      const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
      nats += Math.log(sum) + largest - row[ids[at(stream) + 1]!]!;
    }
  }
  return nats / (size * STREAMS);
};

const { json, rest } = benchOptions(1);
const [corpus] = rest;
if (corpus === undefined) throw new Error('which corpus? npm run bench:precision -- CORPUS.txt');
const alphabet = committedAlphabet();
const text = [...readFileSync(corpus, 'utf8')];
const ids = text.slice(Math.floor(0.9 * text.length)).map((character) => alphabet.indexOf(character));
const network = committedNetwork();
const losses = (['f32', 'int8', 'int4'] as const).map((precision) => ({
  case: 'held-out tenth',
  subject: precision,
  unit: 'nats/char',
  loss: lossOf(createKernelStepper(network, precision), ids),
}));
const costs = losses
  .slice(1)
  .map(({ subject, loss }) => `${subject} costs ${(loss - losses[0]!.loss).toFixed(5)} nats a character.`);
report(
  losses.map(({ loss, ...subject }) => ({ ...subject, median: loss, runs: [loss] })),
  { json, notes: costs },
);
