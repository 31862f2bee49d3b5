import { FolioError } from '../errors.ts';
import { listCandidates, listVersions } from './models.ts';
import type { Store } from './store.ts';

const SHOWN = 5; // versions in a message

/**
 * The version of a model that somebody means: its whole name; the beginning of its name or of its digest, where one
 * version alone has it; `current`; or `previous`, the newest one before the current.
 *
 * @param options.candidates Whether what the gate rejected counts too; the newest is current where nothing is published.
 * @throws FolioError `model_not_found`; `invalid_parameter` where several versions begin so
 */
export const resolveVersion = async (
  store: Store,
  name: string,
  meant: string,
  options: { readonly candidates?: boolean } = {},
): Promise<string> => {
  const versions = await listVersions(store, name);
  const candidates = options.candidates ? await listCandidates(store, name) : [];
  const all = [...new Set([...versions.map(({ version }) => version), ...candidates])];
  if (all.includes(meant)) return meant;
  const current = versions.find((version) => version.current)?.version;
  if (meant === 'current' || meant === 'previous') {
    const found = meant === 'current' ? (current ?? candidates.toSorted().at(-1)) : before(versions, current);
    if (found !== undefined) return found;
    throw notFound(name, meant, `${name} has no ${meant} version.`, all);
  }
  const matches = all.filter((version) => version.startsWith(meant) || digestOf(version).startsWith(meant));
  const [only, another] = matches;
  if (only !== undefined && another === undefined) return only;
  if (only === undefined) throw notFound(name, meant, `There is no ${name}@${meant}.`, all);
  throw new FolioError(
    'invalid_parameter',
    `Several versions of ${name} begin with ${meant}: ${shown(matches)}.`,
    { where: 'version', expected: 'the beginning of one version', received: meant },
  );
};

/** The newest version before this one, by name: names are in order of time. */
const before = (versions: readonly { version: string }[], current: string | undefined): string | undefined =>
  current === undefined
    ? undefined
    : versions
        .map(({ version }) => version)
        .filter((version) => version < current)
        .sort()
        .at(-1);

const digestOf = (version: string): string => /^\d{8}T\d{6}Z-([0-9a-f]{8})$/.exec(version)?.[1] ?? '';

const shown = (versions: readonly string[]): string =>
  versions.slice(0, SHOWN).join(', ') +
  (versions.length > SHOWN ? ` and ${versions.length - SHOWN} more` : '');

const notFound = (name: string, meant: string, message: string, all: readonly string[]): FolioError =>
  new FolioError(
    'model_not_found',
    all.length === 0 ? `There is no model ${name} in this store.` : `${message} There are: ${shown(all)}.`,
    { where: 'version', expected: 'a version, its beginning, current or previous', received: meant },
  );
