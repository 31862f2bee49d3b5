import { callJson, folio } from './api.ts';
import type { ModelChoice } from './backend.ts';
import { byId, make } from './dom.ts';
import { formatDate } from './format.ts';

interface VersionEntry {
  readonly version: string;
  readonly current: boolean;
  readonly files: readonly string[];
}

interface ModelDetails {
  /** In order of the ids. */
  readonly alphabet?: readonly string[];
  /** A beginning in the manner of the corpus. */
  readonly suggested_prompt?: string;
}

const fetchDetails = (id: string): Promise<ModelDetails> => callJson(`v1/models/${encodeURIComponent(id)}`);

/** A version's date, and the part of its digest that distinguishes it from others of the same second. */
const versionLabel = (version: string): string => {
  const [, year, month, day, hour, minute, second, digest] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-(\w+)$/.exec(version) ?? [];
  if (digest === undefined) return version;
  return `${formatDate(new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`))} · ${digest}`;
};

/** The lists of models and of the chosen one's versions. */
export class ModelPicker {
  readonly #model = byId('model', HTMLSelectElement);
  readonly #version = byId('version', HTMLSelectElement);
  readonly #onChange: () => void;
  #versions: readonly VersionEntry[] = [];
  #details: (ModelDetails & { readonly id: string }) | undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#model.addEventListener('change', () => void this.#listVersions().then(onChange));
    this.#version.addEventListener('change', onChange);
  }

  /** Always of a certain version, so that links and receipts stay true. */
  get chosen(): ModelChoice | undefined {
    const name = this.#model.value;
    if (name === '') return undefined;
    const chosen = this.#versions.find(({ version }) => version === this.#version.value);
    return {
      id: chosen === undefined ? name : `${name}@${chosen.version}`,
      indexed: chosen?.files.includes('copy-index.bin') ?? false,
    };
  }

  /** What the server says of the chosen version; nothing where it cannot be asked. */
  async details(): Promise<ModelDetails> {
    const id = this.chosen?.id;
    if (id === undefined) return {};
    if (this.#details?.id !== id) {
      const found = await fetchDetails(id).catch(() => undefined);
      if (found === undefined) return {};
      this.#details = { id, ...found };
    }
    return this.#details;
  }

  /** Lists what the server has, keeping the choice where it still exists. */
  async refresh(wanted: string | undefined = this.chosen?.id): Promise<void> {
    const names = (await folio.models()).map(({ id }) => id);
    const [name, version] = (wanted ?? '').split('@');
    this.#model.replaceChildren(...names.map((value) => make('option', { value }, value)));
    if (name !== undefined && names.includes(name)) this.#model.value = name;
    await this.#listVersions(version);
    this.#onChange();
  }

  /** Fetches the lists again for the service worker to keep; what is shown stays. */
  async fetchLists(): Promise<void> {
    const { id } = this.chosen ?? {};
    await Promise.allSettled([
      folio.models(),
      this.#fetchVersions(this.#model.value),
      ...(id === undefined ? [] : [fetchDetails(id)]),
    ]);
  }

  async #fetchVersions(name: string): Promise<readonly VersionEntry[]> {
    const path = `v1/models/${encodeURIComponent(name)}/versions`;
    return (await callJson<{ data: readonly VersionEntry[] }>(path)).data;
  }

  async #listVersions(wanted?: string): Promise<void> {
    const name = this.#model.value;
    if (name === '') return;
    const data = await this.#fetchVersions(name);
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
