import uPlot from 'uplot';
import type { TrainingJob } from '../client/client.ts';
import { type LossCurve, type LossSample, lossCurve, lossSampleOf } from './loss-curve.ts';

const height = 240; // pixels

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Loss and validation loss by epoch, in the page's own colours, as wide as its place. */
export class LossChart {
  readonly #place: HTMLElement;
  readonly #caption: HTMLElement;
  readonly #sightings: LossSample[] = [];
  #training: TrainingJob | undefined;
  #plot: uPlot | undefined;

  /** @param signal Ends the chart. */
  constructor(place: HTMLElement, caption: HTMLElement, signal: AbortSignal) {
    this.#place = place;
    this.#caption = caption;
    const observer = new ResizeObserver(() => this.#plot?.setSize({ width: place.clientWidth, height }));
    observer.observe(place);
    signal.addEventListener('abort', () => {
      observer.disconnect();
      this.#plot?.destroy();
    });
    const repaint = () => {
      this.#plot?.destroy();
      this.#plot = undefined;
      if (this.#training) this.#paint(this.#training);
    };
    addEventListener('themechange', repaint, { signal });
  }

  show(training: TrainingJob): void {
    const sighting = lossSampleOf(training);
    if (sighting && training.state === 'running') this.#sightings.push(sighting);
    this.#training = training;
    this.#paint(training);
  }

  #paint({ history }: TrainingJob): void {
    const last = history.at(-1);
    const told = last
      ? `After epoch ${last.epoch}: ${last.loss.toFixed(3)} nats a letter on what it trains on, ${last.validation_loss.toFixed(3)} on what it never saw (dashed).`
      : 'Loss in nats a letter; after the first epoch also on what it never saw (dashed).';
    this.#caption.textContent = told;
    this.#place.ariaLabel = `Loss by epoch. ${told}`;
    const data = lossCurve(history, this.#sightings);
    if (this.#plot) this.#plot.setData(data);
    else if (data[0].length > 0) this.#plot = this.#draw(data);
  }

  #draw(data: LossCurve): uPlot {
    const font = `15px ${colour('--text')}`;
    const axis = {
      stroke: colour('--faded'),
      font,
      ticks: { show: false },
      grid: { stroke: colour('--rule'), width: 1 },
    };
    return new uPlot(
      {
        width: this.#place.clientWidth,
        height,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false } },
        axes: [
          { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100] },
          { ...axis, size: 56 },
        ],
        series: [
          {},
          { label: 'Loss', width: 2, stroke: colour('--edge'), points: { show: false } },
          {
            label: 'Validation loss',
            width: 2,
            stroke: colour('--red'),
            dash: [6, 4],
            spanGaps: true,
            points: { show: true, size: 6, fill: colour('--sheet') },
          },
        ],
      },
      data,
      this.#place,
    );
  }
}
