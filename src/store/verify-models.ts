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
 * Checks what a store serves. A fault of a model's pointer counts as one of the version that is served.
 *
 * @param names The models; default: all of them.
 * @param all Every version, not the current ones alone.
 */
export async function* verifyModels(
  store: Store,
  names: readonly string[] | undefined,
  all: boolean,
): AsyncGenerator<VersionReport> {
  const models = await listModels(store);
  for (const name of names ?? models.map((model) => model.name)) {
    const { version: listed, fault } = models.find((model) => model.name === name) ?? {};
    const versions = await listVersions(store, name);
    if (versions.length === 0) {
      if (listed !== undefined && fault !== undefined) {
        yield { name, version: listed, current: true, state: 'damaged', faults: [fault] };
        continue;
      }
      throw new FolioError('model_not_found', `There is no model ${name} in ${store.location}.`, {
        where: 'name',
        received: name,
      });
    }
    for (const { version, current } of versions) {
      if (!all && !current) continue;
      const findings = await verifyVersion(store, name, version);
      yield { name, version, current, ...(current && fault ? withFault(findings, fault) : findings) };
    }
  }
}

const withFault = ({ faults }: VersionFindings, fault: string): VersionFindings => ({
  state: 'damaged',
  faults: [fault, ...faults],
});
