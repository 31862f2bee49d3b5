import type { TestProject } from 'vitest/node';
import { provideFunctionBundles } from '../built-functions.ts';
import { emulatorTools } from '../cloud/tools.ts';
import { ensureCommands } from '../debian.ts';
import { installGateway } from '../s3/gateway.ts';
import { localBase } from './base-image.ts';

export default async (project: TestProject): Promise<() => Promise<void>> => {
  await Promise.all([
    ensureCommands(
      { buildah: 'buildah', crun: 'crun', debootstrap: 'debootstrap' },
      'building and running the image of the trainer',
    ).then(localBase),
    installGateway(),
    emulatorTools(),
  ]);
  return provideFunctionBundles(project);
};
