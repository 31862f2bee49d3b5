import type { TrainingJob } from '../client/client.ts';

/** Columns for the chart: epochs, loss and validation loss in nats per character, gaps where there is none. */
export type LossCurve = [epochs: number[], loss: (number | null)[], validation: (number | null)[]];

/** A training's position and its loss there, seen while the page followed it. */
export interface LossSample {
  readonly epoch: number; // with its fraction: 1.5 is halfway through the second
  readonly loss: number;
}

export const lossSampleOf = ({ progress }: TrainingJob): LossSample | undefined =>
  progress && progress.steps > 0 && progress.step > 0
    ? { epoch: (progress.step / progress.steps) * progress.epochs, loss: progress.loss }
    : undefined;

/** Whole epochs with both losses, and between them the samples of the training loss. */
export const lossCurve = (history: TrainingJob['history'], samples: readonly LossSample[]): LossCurve => {
  const ends = new Set(history.map(({ epoch }) => epoch));
  const points = [
    // A chart leaves out all but one of the points of one epoch.
    ...samples
      .filter(({ epoch }) => !ends.has(epoch))
      .map(({ epoch, loss }) => ({ epoch, loss, validation: null })),
    ...history.map(({ epoch, loss, validation_loss }) => ({ epoch, loss, validation: validation_loss })),
  ].toSorted((a, b) => a.epoch - b.epoch);
  return [
    points.map(({ epoch }) => epoch),
    points.map(({ loss }) => loss),
    points.map(({ validation }) => validation),
  ];
};
