import type { TrainingJob } from '../client/client.ts';
import { call } from './api.ts';
import { fromTemplate, make, messageOf, notice, within } from './dom.ts';
import { readEvents } from './event-stream.ts';
import { formatDecimal, formatDuration, formatInteger } from './format.ts';
import { LossChart } from './loss-chart.ts';

const states: Readonly<Record<TrainingJob['state'], string>> = {
  queued: 'Waiting for another training to end',
  running: 'Training',
  published: 'Published',
  rejected: 'Not published: it did not pass the quality checks',
  failed: 'Failed',
  stopped: 'Stopped',
};

/** One training, live: progress, losses, samples of its text, log. */
export class TrainingView {
  readonly #root: HTMLElement;
  readonly #onUse: (model: string) => void;
  #watching: AbortController | undefined;

  constructor(root: HTMLElement, onUse: (model: string) => void) {
    this.#root = root;
    this.#onUse = onUse;
  }

  /** Follows this training until it ends or another one is watched. */
  watch(id: string): void {
    this.#watching?.abort();
    const watching = new AbortController();
    this.#watching = watching;
    this.#root.replaceChildren(fromTemplate('training-template'));
    const chart = new LossChart(
      within(this.#root, '.plot', HTMLElement),
      within(this.#root, 'figcaption', HTMLElement),
      watching.signal,
      (error) => showError(new Error(`The chart cannot be drawn: ${messageOf(error)}`)),
    );
    Object.assign(within(this.#root, '.log pre', HTMLElement), {
      tabIndex: 0,
      role: 'region',
      ariaLabel: 'Log',
    });
    within(this.#root, '[data-do=stop]', HTMLButtonElement).addEventListener('click', () => {
      call(`v1/trainings/${encodeURIComponent(id)}`, { method: 'DELETE' }).catch(showError);
    });
    this.#follow(id, chart, watching.signal).catch((error: unknown) => {
      if (!watching.signal.aborted) showError(error);
    });
  }

  /** A host that cannot stream ends the connection after each answer: then this asks again. */
  async #follow(id: string, chart: LossChart, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const response = await call(`v1/trainings/${encodeURIComponent(id)}`, {
        signal,
        headers: { accept: 'text/event-stream' },
      });
      for await (const { event, data } of readEvents(response)) {
        if (event === 'end') return;
        if (event === 'training') this.#show(JSON.parse(data) as TrainingJob, chart);
      }
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }

  #show(training: TrainingJob, chart: LossChart): void {
    const { model, version, state, progress, failure } = training;
    const root = this.#root;
    within(root, 'h3', HTMLElement).textContent = model;
    const status = failure ? `${states[state]}: ${failure.message}` : states[state];
    const line = within(root, '.state', HTMLElement);
    if (line.textContent !== status) line.textContent = status;
    const use = within(root, '[data-do=use]', HTMLButtonElement);
    use.hidden = state !== 'published' || version === undefined;
    use.onclick = () => this.#onUse(`${model}@${version}`);
    within(root, '[data-do=stop]', HTMLElement).hidden = state !== 'running' && state !== 'queued';
    const bar = within(root, 'progress', HTMLProgressElement);
    bar.value = state === 'published' ? 1 : progress ? progress.step / progress.steps : 0;
    within(root, '.figures', HTMLElement).replaceChildren(
      ...this.#figures(training).map(([name, value]) =>
        make('div', {}, make('dt', {}, name), make('dd', {}, value)),
      ),
    );
    chart.show(training);
    const latest = training.samples.at(-1)?.epoch;
    within(root, '.samples', HTMLElement).replaceChildren(
      ...training.samples
        .filter(({ epoch }) => epoch === latest)
        .flatMap(({ epoch, temperature, text }) => [
          make('h4', {}, `After epoch ${epoch}, at temperature ${temperature}`),
          make('blockquote', {}, text),
        ]),
    );
    within(root, '.log', HTMLElement).hidden = training.log_tail.length === 0;
    within(root, '.log pre', HTMLElement).textContent = training.log_tail.join('\n');
  }

  #figures({
    progress,
    corpus,
    state,
    preset,
    from,
    parent,
  }: TrainingJob): readonly (readonly [string, string])[] {
    const characters = corpus.characters;
    return [
      ['Preset', preset],
      ...(from === undefined && parent === undefined
        ? []
        : [['Starts from', parent?.name ?? from ?? 'another model'] as const]),
      ...(characters === undefined ? [] : [['Corpus', `${formatInteger(characters)} characters`] as const]),
      ...(progress
        ? [
            ['Epoch', `${progress.epoch} of ${progress.epochs}`] as const,
            ['Loss', formatDecimal(progress.loss, 3)] as const,
            ['Speed', `${formatInteger(progress.characters_per_second)} characters/s`] as const,
            ...(state === 'running' ? [['Time left', formatDuration(progress.seconds_left)] as const] : []),
          ]
        : []),
    ];
  }
}

const showError = (error: unknown): void => notice('train-notice', messageOf(error));
