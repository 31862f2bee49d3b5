import uPlot from 'uplot';
import type { Training } from '../client/client.ts';

type LossPoint = Training['history'][number];

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Loss and validation loss by epoch, in the page's own colours, as wide as its place. */
export class LossChart {
  readonly #place: HTMLElement;
  readonly #caption: HTMLElement;
  #points: readonly LossPoint[] = [];
  #plot: uPlot | undefined;

  constructor(place: HTMLElement, caption: HTMLElement) {
    this.#place = place;
    this.#caption = caption;
    new ResizeObserver(() => this.#plot?.setSize({ width: place.clientWidth, height: 240 })).observe(place);
    addEventListener('themechange', () => {
      this.#plot?.destroy();
      this.#plot = undefined;
      this.show(this.#points);
    });
  }

  show(points: readonly LossPoint[]): void {
    this.#points = points;
    const last = points.at(-1);
    const told = last
      ? `After epoch ${last.epoch}: ${last.loss.toFixed(3)} nats a letter on what it trains on, ${last.validation_loss.toFixed(3)} on what it never saw (dashed).`
      : 'The curve begins after the first epoch.';
    this.#caption.textContent = told;
    this.#place.ariaLabel = `Loss by epoch. ${told}`;
    const data: uPlot.AlignedData = [
      points.map(({ epoch }) => epoch),
      points.map(({ loss }) => loss),
      points.map(({ validation_loss }) => validation_loss),
    ];
    if (this.#plot) this.#plot.setData(data);
    else if (points.length > 0) this.#plot = this.#draw(data);
  }

  #draw(data: uPlot.AlignedData): uPlot {
    const font = `15px ${colour('--text')}`;
    const axis = {
      stroke: colour('--faded'),
      font,
      ticks: { show: false },
      grid: { stroke: colour('--rule'), width: 1 },
    };
    const line = { width: 2, points: { show: data[0].length < 40, size: 6, fill: colour('--sheet') } };
    return new uPlot(
      {
        width: this.#place.clientWidth,
        height: 240,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false } },
        axes: [
          { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100] },
          { ...axis, size: 56 },
        ],
        series: [
          {},
          { ...line, label: 'Loss', stroke: colour('--edge') },
          { ...line, label: 'Validation loss', stroke: colour('--red'), dash: [6, 4] },
        ],
      },
      data,
      this.#place,
    );
  }
}
