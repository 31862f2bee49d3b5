import { callJson, folio } from './api.ts';
import { byId, make } from './dom.ts';

interface VersionEntry {
  readonly version: string;
  readonly current: boolean;
  readonly files: readonly string[];
}

/** A version's date, and the part of its digest that tells it from others of the same moment. */
const versionLabel = (version: string): string => {
  const [, year, month, day, hour, minute, second, digest] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-(\w+)$/.exec(version) ?? [];
  if (digest === undefined) return version;
  const made = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return `${made.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })} · ${digest}`;
};

/** The pickers of model and version. */
export class ModelPicker {
  readonly #model = byId('model', HTMLSelectElement);
  readonly #version = byId('version', HTMLSelectElement);
  readonly #changed: () => void;
  #versions: readonly VersionEntry[] = [];

  constructor(changed: () => void) {
    this.#changed = changed;
    this.#model.addEventListener('change', () => void this.#listVersions().then(changed));
    this.#version.addEventListener('change', changed);
  }

  /** NAME@VERSION: always a version, so that a link or receipt stays true. */
  get chosen(): string | undefined {
    const name = this.#model.value;
    if (name === '') return undefined;
    return this.#version.value === '' ? name : `${name}@${this.#version.value}`;
  }

  /** Whether the version was published with an index of its corpus, which guards against copying. */
  get indexed(): boolean {
    const chosen = this.#versions.find(({ version }) => version === this.#version.value);
    return chosen?.files.includes('copy-index.bin') ?? false;
  }

  /** Asks the server what there is, keeping the choice where it still exists. */
  async refresh(wanted: string | undefined = this.chosen): Promise<void> {
    const names = (await folio.models()).map(({ id }) => id);
    const [name, version] = (wanted ?? '').split('@');
    this.#model.replaceChildren(...names.map((value) => make('option', { value }, value)));
    if (name !== undefined && names.includes(name)) this.#model.value = name;
    await this.#listVersions(version);
    this.#changed();
  }

  async #listVersions(wanted?: string): Promise<void> {
    const name = this.#model.value;
    if (name === '') return;
    const { data } = await callJson<{ data: readonly VersionEntry[] }>(
      `v1/models/${encodeURIComponent(name)}/versions`,
    );
    this.#versions = data;
    const current = data.find((entry) => entry.current)?.version;
    const newestFirst = data.toSorted((a, b) => (a.version < b.version ? 1 : -1));
    this.#version.replaceChildren(
      ...newestFirst.map(({ version }) =>
        make('option', { value: version }, versionLabel(version) + (version === current ? ' · current' : '')),
      ),
    );
    const choice = data.some(({ version }) => version === wanted) ? wanted : current;
    if (choice !== undefined) this.#version.value = choice;
  }
}
