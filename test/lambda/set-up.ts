import type { TestProject } from 'vitest/node';
import { provideFunctionBundles } from '../built-functions.ts';
import { installGateway } from '../s3/gateway.ts';
import { installRuntimeClient } from './runtime-client.ts';

export default async (project: TestProject): Promise<() => Promise<void>> => {
  await Promise.all([installRuntimeClient(), installGateway()]);
  return provideFunctionBundles(project);
};
