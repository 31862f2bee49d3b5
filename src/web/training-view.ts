import { ApiError, type TrainingJob } from '../client/client.ts';
import { isSilent } from '../training-jobs/silence.ts';
import { address, call, givenKey } from './api.ts';
import { fromTemplate, make, messageOf, notice, withdrawNotice, within } from './dom.ts';
import { readEvents } from './event-stream.ts';
import { formatCount, formatDate, formatDecimal, formatDuration, formatInteger } from './format.ts';
import { LossChart } from './loss-chart.ts';
import { Samples } from './samples.ts';

const states: Readonly<Record<TrainingJob['state'], string>> = {
  queued: 'Waiting for another training to end',
  running: 'Training',
  published: 'Published',
  rejected: 'Not published: it did not pass the quality checks',
  failed: 'Failed',
  stopped: 'Stopped',
};

const LOST = 'The connection to the server is lost; trying again.';

const lookEveryMs = 15_000; // whether the trainer has fallen silent

const isOver = (state: TrainingJob['state']): boolean => state !== 'queued' && state !== 'running';

/** What of a training's view keeps a state of its own. */
interface Parts {
  readonly chart: LossChart;
  readonly samples: Samples;
}

/** One training, live: progress, losses, samples of its text, log. */
export class TrainingView {
  readonly #root: HTMLElement;
  readonly #onUse: (model: string) => void;
  #training: TrainingJob | undefined;
  /** Milliseconds that the server's clock is ahead of this one. */
  #ahead = 0;
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
    this.#training = undefined;
    const timer = setInterval(() => this.#showState(), lookEveryMs);
    watching.signal.addEventListener('abort', () => clearInterval(timer));
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
    const samples = new Samples(within(this.#root, '.samples', HTMLElement));
    this.#follow(id, { chart, samples }, watching.signal).catch((error: unknown) => {
      if (!watching.signal.aborted) showError(error);
    });
  }

  /** A host that cannot stream ends the connection after each answer, and a server may be started anew: then this asks again. */
  async #follow(id: string, parts: Parts, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const response = await call(`v1/trainings/${encodeURIComponent(id)}`, {
          signal,
          headers: { accept: 'text/event-stream' },
        });
        withdrawNotice('train-notice', LOST);
        this.#ahead = (Date.parse(response.headers.get('date') ?? '') || Date.now()) - Date.now();
        for await (const { event, data } of readEvents(response)) {
          if (event === 'end') return;
          if (event === 'training') this.#show(JSON.parse(data) as TrainingJob, parts);
        }
      } catch (error) {
        if (signal.aborted || error instanceof ApiError) throw error;
        notice('train-notice', LOST);
      }
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }

  #show(training: TrainingJob, { chart, samples }: Parts): void {
    const { model, version, state, progress, best_epoch: best } = training;
    const root = this.#root;
    within(root, 'h3', HTMLElement).textContent = model;
    this.#training = training;
    this.#showState();
    const use = within(root, '[data-do=use]', HTMLButtonElement);
    use.hidden = state !== 'published' || version === undefined;
    use.onclick = () => this.#onUse(`${model}@${version}`);
    const report = within(root, '[data-do=report]', HTMLAnchorElement);
    report.hidden = version === undefined || (state !== 'published' && state !== 'rejected');
    showReportOf(report, `${model}@${version}`);
    within(root, '[data-do=stop]', HTMLElement).hidden = state !== 'running' && state !== 'queued';
    const bar = within(root, 'progress', HTMLProgressElement);
    bar.value = state === 'published' ? 1 : progress ? progress.step / progress.steps : 0;
    within(root, '.figures', HTMLElement).replaceChildren(
      ...this.#figures(training).map(([name, value]) =>
        make('div', {}, make('dt', {}, name), make('dd', {}, value)),
      ),
    );
    const judgement = within(root, '.judgement', HTMLElement);
    judgement.hidden = training.judgement === undefined;
    judgement.textContent = `${training.judgement ?? ''}${state === 'rejected' && version !== undefined ? ` To publish it all the same: npx folio publish ${model}@${version}` : ''}`;
    within(root, '.curve', HTMLElement).hidden = training.history.length === 0 && isOver(state);
    chart.show(training);
    samples.show(training.samples, training.samples.some(({ epoch }) => epoch === best) ? best : undefined);
    within(root, '.log', HTMLElement).hidden = training.log_tail.length === 0;
    within(root, '.log pre', HTMLElement).textContent = training.log_tail.join('\n');
  }

  #showState(): void {
    if (this.#training === undefined) return;
    const line = within(this.#root, '.state', HTMLElement);
    const status = statusOf(this.#training, Date.now() + this.#ahead);
    if (line.textContent !== status) line.textContent = status;
  }

  #figures({
    progress,
    corpus,
    state,
    preset,
    precision,
    from,
    parent,
    history,
    best_epoch: best,
  }: TrainingJob): readonly (readonly [string, string])[] {
    const characters = corpus.characters;
    const kept = history.find(({ epoch }) => epoch === best);
    return [
      ['Preset', preset],
      ...(precision === 'bf16' ? [['Arithmetic', 'bfloat16'] as const] : []),
      ...(from === undefined && parent === undefined
        ? []
        : [['Starts from', parent?.name ?? from ?? 'another model'] as const]),
      ...(characters === undefined ? [] : [['Corpus', formatCount(characters, 'character')] as const]),
      ...(progress
        ? [
            ['Epoch', `${kept ? `${kept.epoch} kept,` : progress.epoch} of ${progress.epochs}`] as const,
            ['Loss', formatDecimal(kept?.loss ?? progress.loss, 3)] as const,
            ...(kept ? [['Held out', formatDecimal(kept.validation_loss, 3)] as const] : []),
            ['Speed', `${formatInteger(progress.characters_per_second)} characters/s`] as const,
            ...(state === 'running' ? [['Time left', formatDuration(progress.seconds_left)] as const] : []),
          ]
        : []),
    ];
  }
}

const statusOf = ({ state, failure, progress, updated_at }: TrainingJob, now: number): string => {
  if (failure) return `${states[state]}: ${failure.message}`;
  if (state === 'stopped' && progress)
    return `${states.stopped}. Train the same text with the same name and settings, and it goes on from here.`;
  if (!isSilent(state, updated_at, now)) return states[state];
  const since = formatDate(new Date(updated_at));
  return `${states[state]}. The trainer has written nothing since ${since}, though it does every minute: it may hang. Stopped, it goes on later from its last checkpoint.`;
};

/** A link to the report; with a key it has to be fetched, since a link carries none. */
const showReportOf = (link: HTMLAnchorElement, version: string): void => {
  const path = `v1/models/${encodeURIComponent(version)}/files/report.html`;
  link.href = address(path);
  link.onclick =
    givenKey() === undefined
      ? null
      : (event) => {
          event.preventDefault();
          downloadReport(path, `${version}-report.html`).catch(showError);
        };
};

const downloadReport = async (path: string, name: string): Promise<void> => {
  const href = URL.createObjectURL(await (await call(path)).blob());
  make('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
};

const showError = (error: unknown): void => notice('train-notice', messageOf(error));
