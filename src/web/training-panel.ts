import { ApiError, type TrainingJob } from '../client/client.ts';
import { callJson, folio } from './api.ts';
import { byId, make, messageOf, notice } from './dom.ts';
import { TrainingView } from './training-view.ts';

const presets: Readonly<Record<string, string>> = {
  tiny: 'tiny: under a minute, for a first look; the text is rough.',
  standard:
    'standard: the recipe of the model that ships, the best text for its size. It takes a while, and says how long.',
  tutorial: 'tutorial: the tutorial’s own recipe; lower-case letters, digits and blanks alone.',
};

/** Where corpora come in and trainings are watched. */
export class TrainingPanel {
  readonly #file = byId('corpus', HTMLInputElement);
  readonly #name = byId('train-name', HTMLInputElement);
  readonly #preset = byId('preset', HTMLSelectElement);
  readonly #list = byId('training', HTMLSelectElement);
  readonly #view: TrainingView;

  /** @param use Asked for when a trained model, NAME@VERSION, shall be written with */
  constructor(use: (model: string) => Promise<void>) {
    this.#view = new TrainingView(byId('training-view', HTMLElement), (model) => {
      void use(model).catch(tell);
    });
    const form = byId('train', HTMLFormElement);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#start(form).catch(tell);
    });
    const explain = () => {
      byId('preset-hint', HTMLParagraphElement).textContent = presets[this.#preset.value] ?? '';
    };
    this.#preset.addEventListener('change', explain);
    explain();
    this.#file.addEventListener('change', () => this.#suggestName());
    this.#list.addEventListener('change', () => this.#view.watch(this.#list.value));
    this.#acceptDrops();
  }

  /** Opens the workshop, where the server has one. */
  async open(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      byId('workshop', HTMLElement).hidden = true;
    }
  }

  /** Shows the trainings there are, the newest first or the one that is wanted. */
  async refresh(wanted?: string): Promise<void> {
    const { data } = await callJson<{ data: readonly TrainingJob[] }>('v1/trainings');
    byId('trainings', HTMLDivElement).hidden = data.length === 0;
    this.#list.replaceChildren(
      ...data.map(({ id, model, preset, started_at }) =>
        make(
          'option',
          { value: id },
          `${model}, ${preset}, ${new Date(started_at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })}`,
        ),
      ),
    );
    if (wanted !== undefined) this.#list.value = wanted;
    if (data.length > 0) this.#view.watch(this.#list.value);
  }

  async #start(form: HTMLFormElement): Promise<void> {
    const [file] = this.#file.files ?? [];
    if (!file) return;
    notice('train-notice', undefined);
    const button = form.querySelector('button');
    if (button) button.disabled = true;
    try {
      const train = folio.train({ name: this.#name.value, corpus: file, preset: this.#preset.value });
      for await (const { id } of train) {
        await this.refresh(id);
        return; // the view follows it from here on, live
      }
    } finally {
      if (button) button.disabled = false;
    }
  }

  #suggestName(): void {
    const [file] = this.#file.files ?? [];
    if (!file || this.#name.value !== '') return;
    this.#name.value = file.name
      .replace(/\.[^.]*$/, '')
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '')
      .slice(0, 64);
  }

  #acceptDrops(): void {
    const place = byId('drop', HTMLDivElement);
    const over = (is: boolean) => (event: DragEvent) => {
      event.preventDefault();
      place.classList.toggle('over', is);
    };
    place.addEventListener('dragover', over(true));
    place.addEventListener('dragleave', over(false));
    place.addEventListener('drop', (event) => {
      over(false)(event);
      if (!event.dataTransfer || event.dataTransfer.files.length === 0) return;
      this.#file.files = event.dataTransfer.files;
      this.#suggestName();
    });
  }
}

const tell = (error: unknown): void => notice('train-notice', messageOf(error));
