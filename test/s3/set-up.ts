import { installGateway } from './gateway.ts';

export default async (): Promise<void> => {
  await installGateway();
};
