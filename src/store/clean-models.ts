import { modelFile, modelPrefix, prefixes } from './keys.ts';
import type { Store } from './store.ts';

/** Milliseconds after which a version that nobody has completed is taken for left behind. */
const abandonedAfterMs = 3_600_000;

/**
 * Removes the files of versions that were never completed, because their writer was killed, or whose removal was not.
 *
 * @param name The model; default: all of them.
 * @param ageMs Milliseconds since the last file was written: a version may be under way.
 * @returns the keys that were removed
 * @throws FolioError `store_failed`
 */
export async function removeHalfVersions(
  store: Store,
  name: string | undefined,
  ageMs: number = abandonedAfterMs,
): Promise<readonly string[]> {
  const versions = new Map<string, { keys: string[]; newest: number; complete: boolean }>();
  for await (const { key, modified } of store.list(
    name === undefined ? prefixes.models : modelPrefix(name),
  )) {
    const [, version, file] = /^([^/]+\/[^/]+\/[^/]+)\/(.+)$/.exec(key) ?? [];
    if (version === undefined) continue;
    const entry = versions.get(version) ?? { keys: [], newest: 0, complete: false };
    versions.set(version, entry);
    entry.keys.push(key);
    entry.newest = Math.max(entry.newest, modified.getTime());
    entry.complete ||= file === modelFile;
  }
  const left = [...versions.values()].filter(
    ({ complete, newest }) => !complete && Date.now() - newest >= ageMs,
  );
  const keys = left.flatMap((version) => version.keys);
  for (const key of keys) await store.remove(key);
  return keys;
}
