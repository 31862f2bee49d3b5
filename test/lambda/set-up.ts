import { installGateway } from '../s3/gateway.ts';
import { installRuntimeClient } from './runtime-client.ts';

export const setup = async (): Promise<void> => {
  await Promise.all([installRuntimeClient(), installGateway()]);
};
