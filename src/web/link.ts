import { defaultSettings, type GenerationSettings } from './generation.ts';

/** However many completions a link asks for, the page shows no more. */
const maxCompletions = 4;

/** What a shared link carries: enough to generate the same text again. */
export interface SharedLink {
  readonly model: string | undefined; // NAME@VERSION
  readonly settings: GenerationSettings;
}

/** @returns The fragment without its #; a fragment is not sent to any server */
export const writeLink = ({ model, settings }: SharedLink): string => {
  const fields = new URLSearchParams();
  if (model !== undefined) fields.set('model', model);
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'prompt' || name === 'seed' || value !== defaultSettings[name as keyof GenerationSettings])
      fields.set(name, String(value));
  }
  return fields.toString();
};

/** @returns undefined where the fragment is no shared link; unknown fields are ignored */
export const readLink = (fragment: string): SharedLink | undefined => {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''));
  if (!fields.has('prompt')) return undefined;
  const settings: Record<string, string | number> = { ...defaultSettings };
  for (const [name, plain] of Object.entries(defaultSettings)) {
    const value = fields.get(name);
    if (value === null) continue;
    if (typeof plain === 'string') settings[name] = value;
    else if (value.trim() !== '' && Number.isFinite(Number(value))) settings[name] = Number(value);
  }
  if (!['error', 'skip', 'nearest'].includes(String(settings.unknown)))
    settings.unknown = defaultSettings.unknown;
  settings.n = Math.min(maxCompletions, Math.max(1, Math.round(Number(settings.n))));
  return { model: fields.get('model') ?? undefined, settings: settings as unknown as GenerationSettings };
};

/** The key in a fragment such as `#key=…`, and what else is in it. */
export const splitKey = (fragment: string): { readonly key: string | undefined; readonly rest: string } => {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''));
  const key = fields.get('key') || undefined;
  fields.delete('key');
  return { key, rest: fields.toString() };
};
