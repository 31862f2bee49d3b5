import { FolioError } from '../errors.ts';
import { timestamp } from './timestamp.ts';

/** A model by name, and by version where it is pinned: `shakespeare`, `shakespeare@20261124T120000Z-0a1b2c3d`. */
export interface ModelReference {
  readonly name: string;
  readonly version?: string;
}

/** Of a model or a version. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** Of a model, or of a version of it. */
export const referencePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(?:@[A-Za-z0-9][A-Za-z0-9_.-]{0,63})?$/;

/** Whether it can name a model or a version: letters, digits, `_`, `.` and `-`, 64 at most, no leading mark. */
export const isModelName = (name: string): boolean => namePattern.test(name);

/**
 * The name of the model that a corpus makes, where nobody names it: its file's name without folder and extension, as it
 * is where that can be a name, else in small letters without accents, a dash for each run of anything else.
 *
 * @param place A path or address.
 * @returns undefined where nothing of it is left
 */
export const modelNameOf = (place: string): string | undefined => {
  const file = place
    .replace(/[?#].*$/s, '')
    .replace(/[/\\]+$/, '')
    .replace(/^.*[/\\]/s, '')
    .replace(/(?<=.)\.[^.]*$/s, '');
  if (isModelName(file)) return file;
  const name = file
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, 64)
    .replace(/-$/, '');
  return name === '' ? undefined : name;
};

/** @throws FolioError `invalid_parameter` */
export function checkModelName(name: string, where = 'model'): string {
  if (isModelName(name)) return name;
  throw new FolioError(
    'invalid_parameter',
    `${JSON.stringify(name.slice(0, 80))} is no name for a ${where === '--name' ? 'model' : where}: expected up to 64 letters, digits, "_", "." or ` +
      '"-", the first a letter or digit.',
    { where, expected: String(namePattern), received: JSON.stringify(name.slice(0, 80)) },
  );
}

/** @throws FolioError `invalid_parameter` */
export function parseModelReference(text: string): ModelReference {
  const at = text.indexOf('@');
  if (at === -1) return { name: checkModelName(text) };
  return {
    name: checkModelName(text.slice(0, at)),
    version: checkModelName(text.slice(at + 1), 'version'),
  };
}

/**
 * The name of a new version, in order of time: `20261124T120000Z-0a1b2c3d`.
 *
 * @param digest The artefact's, `sha256:…`; its first 8 hexadecimal digits distinguish versions of one second.
 */
export const versionName = (createdAt: Date, digest: string): string =>
  `${timestamp(createdAt)}-${digest.replace(/^sha256:/, '').slice(0, 8)}`;
