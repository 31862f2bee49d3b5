import type uPlot from 'uplot';
import type { TrainingJob } from '../client/client.ts';
import { loadChartLibrary } from './chart-library.ts';
import { formatDecimal } from './format.ts';
import { type LossCurve, type LossSample, lossCurve, lossSampleOf } from './loss-curve.ts';

const height = 240; // pixels

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Loss and validation loss by epoch, in the page's own colours, as wide as its element. */
export class LossChart {
  readonly #element: HTMLElement;
  readonly #caption: HTMLElement;
  readonly #samples: LossSample[] = [];
  #training: TrainingJob | undefined;
  #library: typeof uPlot | undefined;
  #plot: uPlot | undefined;

  /**
   * @param signal Ends the chart.
   * @param onError Called where the chart cannot be drawn; its caption is shown all the same
   */
  constructor(
    element: HTMLElement,
    caption: HTMLElement,
    signal: AbortSignal,
    onError: (error: unknown) => void,
  ) {
    this.#element = element;
    this.#caption = caption;
    const observer = new ResizeObserver(() => this.#plot?.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
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
    loadChartLibrary().then((library) => {
      this.#library = library;
      if (!signal.aborted) repaint();
    }, onError);
  }

  show(training: TrainingJob): void {
    const sample = lossSampleOf(training);
    if (sample && training.state === 'running') this.#samples.push(sample);
    this.#training = training;
    this.#paint(training);
  }

  #paint({ history, best_epoch: best }: TrainingJob): void {
    const last = history.find(({ epoch }) => epoch === best) ?? history.at(-1);
    const summary = last
      ? `After epoch ${last.epoch}${last.epoch === best && history.length > 1 ? ', whose weights are kept' : ''}: ${formatDecimal(last.loss, 3)} nats per character on the training text, ${formatDecimal(last.validation_loss, 3)} on the held-out text (dashed).`
      : 'Loss in nats per character; after the first epoch also on the held-out text (dashed).';
    this.#caption.textContent = summary;
    this.#element.ariaLabel = `Loss by epoch. ${summary}`;
    const data = lossCurve(history, this.#samples);
    if (this.#plot) this.#plot.setData(data);
    else if (this.#library && data[0].length > 0) this.#plot = this.#draw(this.#library, data);
  }

  #draw(Plot: typeof uPlot, data: LossCurve): uPlot {
    const font = `15px ${colour('--text')}`;
    const axis = {
      stroke: colour('--faded'),
      font,
      ticks: { show: false },
      grid: { stroke: colour('--rule'), width: 1 },
    };
    return new Plot(
      {
        width: this.#element.clientWidth,
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
      this.#element,
    );
  }
}
