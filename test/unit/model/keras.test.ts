import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNetwork } from '../../../src/model/format/layers-model.ts';
import { joinShards, readManifest, Weights } from '../../../src/model/format/weights.ts';
import { createReferenceStepper } from '../../oracles/reference-stepper.ts';

/** What the converter wrote of Keras models, with what Keras computed: see make.py beside them. */
const fixtures = join(import.meta.dirname, '../../fixtures/keras');
const names = readdirSync(fixtures).filter((name) => name.startsWith('keras'));

interface Expected {
  readonly ids: readonly number[];
  readonly normalised: boolean;
  readonly logits: readonly (readonly number[])[];
}

const readJson = (name: string, file: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(fixtures, name, file), 'utf8'));

const open = (name: string) => {
  const { modelTopology, weightsManifest } = readJson(name, 'model.json');
  const groups = readManifest(weightsManifest);
  const data = groups.map((group) =>
    joinShards(
      group,
      group.paths.map((path) => readFileSync(join(fixtures, name, path))),
    ),
  );
  return readNetwork(modelTopology, new Weights(groups, data));
};

const logSoftmax = (logits: readonly number[]): number[] => {
  const largest = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return logits.map((logit) => logit - largest - Math.log(sum));
};

/** How far weights rounded by the converter may lead from those that Keras computed with. */
const tolerance = (name: string): number => {
  if (name.endsWith('uint8')) return 0.05;
  if (name.endsWith('float16')) return 2e-3;
  return 1e-4;
};

describe('models that the converter wrote', () => {
  it('are all there', () => {
    expect(names).toHaveLength(18);
  });

  it.each(names)('%s gives what Keras gives', (name) => {
    const expected = readJson(name, 'expected.json') as unknown as Expected;
    const network = open(name);
    const stepper = createReferenceStepper(network);
    const slot = stepper.open();
    expected.ids.forEach((id, step) => {
      if (network.maskZero && id === 0) return; // Keras gives the step before once more
      const logits = [...stepper.step([slot], [id])];
      const got = expected.normalised ? logSoftmax(logits) : logits;
      const worst = Math.max(...got.map((value, i) => Math.abs(value - expected.logits[step]![i]!)));
      expect(worst, `after character ${step}`).toBeLessThan(tolerance(name));
    });
  });
});
