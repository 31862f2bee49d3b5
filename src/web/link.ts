import { defaultSettings, type GenerationSettings } from './generation.ts';

/** However many a link asks for, the desk holds no more. */
const mostLeaves = 4;

/** What a shared link carries: whoever opens it sees the same text. */
export interface Shared {
  readonly model: string | undefined; // NAME@VERSION
  readonly request: GenerationSettings;
}

/** @returns The fragment without its #; a fragment is not sent to any server */
export const writeLink = ({ model, request }: Shared): string => {
  const fields = new URLSearchParams();
  if (model !== undefined) fields.set('model', model);
  for (const [name, value] of Object.entries(request)) {
    if (name === 'prompt' || name === 'seed' || value !== defaultSettings[name as keyof GenerationSettings])
      fields.set(name, String(value));
  }
  return fields.toString();
};

/** @returns undefined where the fragment is no shared link; fields that are no longer known are passed over */
export const readLink = (fragment: string): Shared | undefined => {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''));
  if (!fields.has('prompt')) return undefined;
  const request: Record<string, string | number> = { ...defaultSettings };
  for (const [name, plain] of Object.entries(defaultSettings)) {
    const value = fields.get(name);
    if (value === null) continue;
    if (typeof plain === 'string') request[name] = value;
    else if (value.trim() !== '' && Number.isFinite(Number(value))) request[name] = Number(value);
  }
  if (!['error', 'skip', 'nearest'].includes(String(request.unknown)))
    request.unknown = defaultSettings.unknown;
  request.n = Math.min(mostLeaves, Math.max(1, Math.round(Number(request.n))));
  return { model: fields.get('model') ?? undefined, request: request as unknown as GenerationSettings };
};
