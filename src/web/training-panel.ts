import { ApiError, type TrainingJob } from '../client/client.ts';
import { modelNameOf } from '../store/model-name.ts';
import { withoutSuperseded } from '../training-jobs/superseded.ts';
import { callJson, folio } from './api.ts';
import { byId, make, messageOf, notice } from './dom.ts';
import { formatDate } from './format.ts';
import { TrainingView } from './training-view.ts';

const presets: Readonly<Record<string, string>> = {
  auto: 'auto: chosen by the text: a small text starts from the included model, a large one from fresh weights.',
  tiny: 'tiny: a first try, in a minute or two; the text is poor.',
  standard:
    'standard: the settings of the included model, with the best text for its size. It takes a while; the time left is shown.',
  tutorial: 'tutorial: the settings of the tutorial; lower-case letters, digits and spaces only.',
};

/** Uploads of corpora, and the trainings that they start. */
export class TrainingPanel {
  readonly #file = byId('corpus', HTMLInputElement);
  readonly #name = byId('train-name', HTMLInputElement);
  #suggested = ''; // the name that the last file gave
  readonly #preset = byId('preset', HTMLSelectElement);
  readonly #from = byId('train-from', HTMLSelectElement);
  readonly #teacher = byId('train-teacher', HTMLSelectElement);
  readonly #precision = byId('train-precision', HTMLSelectElement);
  readonly #list = byId('training', HTMLSelectElement);
  readonly #view: TrainingView;

  /** @param onUse Called when a trained model, NAME@VERSION, is to be used */
  constructor(onUse: (model: string) => Promise<void>) {
    this.#view = new TrainingView(byId('training-view', HTMLElement), (model) => {
      void onUse(model).catch(showError);
    });
    const form = byId('train', HTMLFormElement);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#start(form).catch(showError);
    });
    const explain = () => {
      byId('preset-hint', HTMLParagraphElement).textContent = presets[this.#preset.value] ?? '';
    };
    this.#preset.addEventListener('change', explain);
    explain();
    this.#file.addEventListener('change', () => this.#takeFile());
    this.#list.addEventListener('change', () => this.#view.watch(this.#list.value));
    this.#acceptDrops();
  }

  /** Shows the panel, where the server trains models. */
  async open(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      byId('training-panel', HTMLElement).hidden = true;
    }
  }

  /** Lists the trainings that no later one has replaced, and shows the newest that did not fail, or the one that is wanted. */
  async refresh(wanted?: string): Promise<void> {
    const all = (await callJson<{ data: readonly TrainingJob[] }>('v1/trainings')).data;
    const current = withoutSuperseded(all);
    const data = all.filter((one) => current.includes(one) || one.id === wanted);
    byId('trainings', HTMLDivElement).hidden = data.length === 0;
    this.#list.replaceChildren(
      ...data.map(({ id, model, preset, started_at, state }) => {
        const ended = state === 'failed' || state === 'stopped' ? `, ${state}` : '';
        return make(
          'option',
          { value: id },
          `${model}, ${preset}, ${formatDate(new Date(started_at))}${ended}`,
        );
      }),
    );
    await this.#offerModels();
    // What failed has been read by whoever started it.
    const first = data.find(({ state }) => state !== 'failed' && state !== 'stopped');
    this.#list.value = wanted ?? first?.id ?? data[0]?.id ?? '';
    if (data.length > 0) this.#view.watch(this.#list.value);
  }

  /** The models of the store, any of which a training may start from or learn from. */
  async #offerModels(): Promise<void> {
    const names = (await folio.models()).map(({ id }) => id);
    for (const select of [this.#from, this.#teacher]) {
      const chosen = select.value;
      const fixed = [...select.options].filter(({ value }) => value === '' || value === 'none');
      select.replaceChildren(...fixed, ...names.map((name) => make('option', { value: name }, name)));
      select.value = ['', 'none', ...names].includes(chosen) ? chosen : '';
    }
  }

  async #start(form: HTMLFormElement): Promise<void> {
    const [file] = this.#file.files ?? [];
    if (!file) return;
    notice('train-notice', undefined);
    const button = form.querySelector('button');
    if (button) button.disabled = true;
    try {
      const from = this.#from.value;
      const teacher = this.#teacher.value;
      const train = folio.train({
        ...{ name: this.#name.value, corpus: file, preset: this.#preset.value },
        ...(from === '' ? {} : { from }),
        ...(teacher === '' ? {} : { teachers: [teacher] }),
        ...(this.#precision.value === 'bf16' ? { precision: 'bf16' as const } : {}),
      });
      for await (const { id } of train) {
        await this.refresh(id);
        return; // the view follows it from here on, live
      }
    } finally {
      if (button) button.disabled = false;
    }
  }

  /** What was wrong with the file before is no longer said; the name is suggested. */
  #takeFile(): void {
    notice('train-notice', undefined);
    const [file] = this.#file.files ?? [];
    if (!file || this.#name.value !== this.#suggested) return; // a name that somebody typed stays
    this.#suggested = modelNameOf(file.name) ?? '';
    this.#name.value = this.#suggested;
  }

  #acceptDrops(): void {
    const target = byId('drop', HTMLDivElement);
    const setOver = (over: boolean) => (event: DragEvent) => {
      event.preventDefault();
      target.classList.toggle('over', over);
    };
    target.addEventListener('dragover', setOver(true));
    target.addEventListener('dragleave', setOver(false));
    target.addEventListener('drop', (event) => {
      setOver(false)(event);
      if (!event.dataTransfer || event.dataTransfer.files.length === 0) return;
      this.#file.files = event.dataTransfer.files;
      this.#takeFile();
    });
  }
}

const showError = (error: unknown): void => notice('train-notice', messageOf(error));
