import type uPlot from 'uplot';
import type { Report } from './report.ts';

/**
 * What runs inside report.html: draws the charts and lets the reader choose an epoch's samples. The page carries this
 * function's own text, so it must use nothing from outside itself.
 */
export const drawReport = (report: Report, Plot: typeof uPlot): void => {
  /** A custom property as a canvas takes it: light and dark resolved. */
  const colour = (name: string): string => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = `var(${name})`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const serif = getComputedStyle(document.body).fontFamily;
  const figure = (value: number | null | undefined, digits: number): string =>
    value === null || value === undefined || !Number.isFinite(value)
      ? '–'
      : value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });

  interface Line {
    readonly label: string;
    readonly colour: string;
    readonly values: readonly (number | null)[];
    readonly digits: number;
    readonly dash?: number[];
    readonly points?: boolean;
    readonly width?: number;
  }
  interface Chart {
    readonly place: string;
    readonly lines: () => readonly Line[];
    /** Range of the axis. */
    readonly range?: readonly [number, number];
  }

  const steps = [...report.steps];
  const ends = new Map(report.epochs.map((epoch) => [epoch.step, epoch]));
  const axis = [...new Set([...steps.map(({ step }) => step), ...ends.keys()])].sort((a, b) => a - b);
  const bySteps = new Map(steps.map((point) => [point.step, point]));
  const along = (of: (step: number) => number | undefined): (number | null)[] =>
    axis.map((step) => of(step) ?? null);

  const finite = (values: readonly number[]) => values.filter(Number.isFinite);
  const losses = finite(steps.map(({ loss }) => loss));
  const validation = finite(report.epochs.map(({ validationLoss }) => validationLoss));
  const min = Math.min(...losses, ...validation);
  const max = Math.max(...losses, ...validation);
  const measured = report.gate ?? report.preflight?.estimate;
  const counting =
    measured === undefined
      ? []
      : [
          { label: 'Trigram model', loss: measured.trigramLoss, dash: [2, 5] },
          { label: 'n-gram model', loss: measured.ngramLoss, dash: [6, 4] },
        ];
  const charts: Chart[] = [
    {
      place: 'loss',
      range: [
        Math.min(min, ...counting.map(({ loss }) => loss)) - 0.05,
        Math.max(max, ...counting.map(({ loss }) => loss)) + 0.05,
      ],
      lines: () => [
        {
          label: 'Training',
          colour: colour('--edge'),
          digits: 3,
          values: along((step) => bySteps.get(step)?.loss),
          width: 1,
        },
        {
          label: 'Held out',
          colour: colour('--red'),
          digits: 4,
          values: along((step) => ends.get(step)?.validationLoss),
          points: true,
        },
        ...counting.map(({ label, loss, dash }) => ({
          ...{ label, dash, colour: colour('--faded'), digits: 3, width: 1 },
          values: axis.map(() => loss),
        })),
      ],
    },
    {
      place: 'rate',
      lines: () => [
        {
          label: 'Learning rate',
          colour: colour('--blue'),
          digits: 5,
          values: along((step) => bySteps.get(step)?.learningRate),
        },
      ],
    },
    {
      place: 'norm',
      lines: () => [
        {
          label: 'Gradient norm',
          colour: colour('--blue'),
          digits: 3,
          values: along((step) => bySteps.get(step)?.gradientNorm),
          width: 1,
        },
      ],
    },
    {
      place: 'speed',
      lines: () => [
        {
          label: 'Characters per second',
          colour: colour('--blue'),
          digits: 0,
          values: along((step) => bySteps.get(step)?.charactersPerSecond),
          width: 1,
        },
      ],
    },
  ];

  const draw = ({ place, lines, range }: Chart): uPlot | undefined => {
    const element = document.getElementById(place);
    const drawn = lines();
    if (element === null || axis.length < 2) return undefined;
    element.replaceChildren();
    const font = `14px ${serif}`;
    const axes = {
      stroke: colour('--faded'),
      font,
      ticks: { show: false },
      grid: { stroke: colour('--rule'), width: 1 },
    };
    return new Plot(
      {
        width: element.clientWidth,
        height:
          element.dataset.tall === undefined ? 190 : Math.max(280, Math.min(420, element.clientWidth * 0.45)),
        cursor: { sync: { key: 'steps' }, points: { size: 7 }, drag: { x: true, y: false } },
        scales: { x: { time: false }, y: range === undefined ? {} : { range: [range[0], range[1]] } },
        axes: [
          { ...axes, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString('en')) },
          {
            ...axes,
            size: 64,
            values: (_, ticks) =>
              ticks.map((tick) => tick.toLocaleString('en', { maximumSignificantDigits: 3 })),
          },
        ],
        series: [
          { label: 'Step', value: (_, step) => figure(step, 0) },
          ...drawn.map((line) => ({
            label: line.label,
            stroke: line.colour,
            width: line.width ?? 2,
            ...(line.dash === undefined ? {} : { dash: line.dash }),
            spanGaps: true,
            points: { show: line.points ?? false, size: 6, fill: colour('--sheet') },
            value: (_: uPlot, value: number | null) => figure(value, line.digits),
          })),
        ],
      },
      [axis, ...drawn.map(({ values }) => values)] as uPlot.AlignedData,
      element,
    );
  };

  let plots: (uPlot | undefined)[] = [];
  const redraw = () => {
    for (const plot of plots) plot?.destroy();
    plots = charts.map(draw);
  };
  redraw();
  addEventListener('resize', redraw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

  const slider = document.querySelector<HTMLInputElement>('#epoch');
  const showEpoch = () => {
    const epoch = Number(slider?.value);
    for (const sample of document.querySelectorAll<HTMLElement>('[data-epoch]'))
      sample.hidden = Number(sample.dataset.epoch) !== epoch;
    const label = document.querySelector('#epoch-shown');
    const losses = report.epochs.find((one) => one.epoch === epoch);
    if (label)
      label.textContent = `epoch ${epoch}${losses === undefined ? '' : `, held-out loss ${figure(losses.validationLoss, 3)}`}`;
  };
  slider?.addEventListener('input', showEpoch);
  if (slider) showEpoch();
};
