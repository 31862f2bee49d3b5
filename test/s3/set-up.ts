import { installGateway } from './gateway.ts';

export const setup = async (): Promise<void> => {
  await installGateway();
};
