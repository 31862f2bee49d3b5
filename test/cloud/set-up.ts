import type { TestProject } from 'vitest/node';
import { provideFunctionBundles } from '../built-functions.ts';
import { installTensorFlow } from '../tensorflow/install.ts';
import { auditTools, awsCli, emulatorTools } from './tools.ts';

export default async (project: TestProject): Promise<() => Promise<void>> => {
  await Promise.all([auditTools(), awsCli(), emulatorTools(), installTensorFlow()]);
  return provideFunctionBundles(project);
};
