import type { TrainingJob } from '../client/client.ts';

/** Columns for the chart: epochs, loss and validation loss in nats per character, gaps where there is none. */
export type LossCurve = [epochs: number[], loss: (number | null)[], validation: (number | null)[]];

/** Where a training is within its epochs, and the loss there: seen while it was watched. */
export interface LossSample {
  readonly epoch: number; // with its fraction: 1.5 is amid the second
  readonly loss: number;
}

export const lossSampleOf = ({ progress }: TrainingJob): LossSample | undefined =>
  progress && progress.steps > 0 && progress.step > 0
    ? { epoch: (progress.step / progress.steps) * progress.epochs, loss: progress.loss }
    : undefined;

/** Full epochs with both losses, and between them what was seen of the loss on the way. */
export const lossCurve = (history: TrainingJob['history'], sightings: readonly LossSample[]): LossCurve => {
  const points = [
    ...sightings.map(({ epoch, loss }) => ({ epoch, loss, validation: null })),
    ...history.map(({ epoch, loss, validation_loss }) => ({ epoch, loss, validation: validation_loss })),
  ].toSorted((a, b) => a.epoch - b.epoch);
  return [
    points.map(({ epoch }) => epoch),
    points.map(({ loss }) => loss),
    points.map(({ validation }) => validation),
  ];
};
