import { emulatorTools } from '../cloud/tools.ts';
import { ensureCommands } from '../debian.ts';
import { installGateway } from '../s3/gateway.ts';

export const setup = async (): Promise<void> => {
  await ensureCommands(
    { buildah: 'buildah', crun: 'crun', debootstrap: 'debootstrap' },
    'building and running the image of the trainer',
  );
  await Promise.all([installGateway(), emulatorTools()]);
};
