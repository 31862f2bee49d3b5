import { inspectCorpus } from '../../../training/corpus/corpus.ts';
import type { TrainingEvent } from '../../../training/events.ts';

/** The events of a short training: two epochs of 100 steps. */
export const someEvents = async (corpus: string): Promise<TrainingEvent[]> => [
  { type: 'preflight', report: await inspectCorpus([corpus]) },
  {
    type: 'started',
    model: 'novel',
    preset: 'tiny',
    settings: { units: [32], dropout: { input: 0.1 }, preparation: 'plain' },
    corpus: { source: 'novel.txt', digest: 'sha256:0', characters: 2000 },
    vocabulary: 30,
    parameters: 12_345,
    epochs: 2,
    steps: 200,
    tools: { folio: '0.1.0', tfjs: '4.22.0', tensorflow: '2.21.0', node: '24.21.0' },
  },
  ...[1, 2].flatMap((epoch): TrainingEvent[] => [
    ...Array.from({ length: 10 }, (_, at): TrainingEvent => {
      const step = (epoch - 1) * 100 + 10 * (at + 1);
      const loss = 3 - step / 200;
      return {
        ...{ type: 'step', epoch, step, loss, epochLoss: loss + 0.1, learningRate: 1e-3, gradientNorm: 0.5 },
        ...{ charactersPerSecond: 1000 + step, seconds: step / 10, secondsLeft: (200 - step) / 10 },
      };
    }),
    { type: 'validation', epoch, step: epoch * 100, loss: 2.5 - 0.2 * epoch, best: true },
    {
      type: 'epoch',
      epoch,
      step: epoch * 100,
      loss: 2.6 - 0.3 * epoch,
      validationLoss: 2.5 - 0.2 * epoch,
      seconds: 10,
    },
    { type: 'sample', epoch, temperature: 0.8, text: `after ${epoch}\n</script><b>` },
  ]),
  { type: 'warning', code: 'early_stopping', message: 'No better for a while.' },
  { type: 'checkpoint', step: 200, key: 'checkpoints/novel/0123456789abcdef.bin', bytes: 1000 },
  {
    type: 'finished',
    reason: 'completed',
    epoch: 2,
    step: 200,
    bestEpoch: 2,
    loss: 2,
    validationLoss: 2.1,
    seconds: 20,
  },
  {
    type: 'gate',
    passed: true,
    forced: false,
    reasons: ['It is better.'],
    loss: 2.1,
    trigramLoss: 2.4,
    ngramLoss: 2.2,
  },
  { type: 'published', version: '20261124T120000Z-0a1b2c3d', key: 'models/novel/20261124T120000Z-0a1b2c3d' },
];
