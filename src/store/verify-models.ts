import { FolioError } from '../errors.ts';
import { type VersionFindings, verifyVersion } from './check-version.ts';
import { listModels, listVersions } from './models.ts';
import type { Store } from './store.ts';

export interface VersionReport extends VersionFindings {
  readonly name: string;
  readonly version: string;
  readonly current: boolean;
}

/**
 * Checks what a store serves.
 *
 * @param names The models; default: all of them.
 * @param all Every version, not the current ones alone.
 */
export async function* verifyModels(
  store: Store,
  names: readonly string[] | undefined,
  all: boolean,
): AsyncGenerator<VersionReport> {
  for (const name of names ?? (await listModels(store)).map((model) => model.name)) {
    const versions = await listVersions(store, name);
    if (versions.length === 0) {
      throw new FolioError('model_not_found', `There is no model ${name} in ${store.location}.`, {
        where: 'name',
        received: name,
      });
    }
    for (const { version, current } of versions) {
      if (!all && !current) continue;
      yield { name, version, current, ...(await verifyVersion(store, name, version)) };
    }
  }
}
