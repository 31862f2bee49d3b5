import { setUpTensorFlow } from '../../training/setup-tensorflow.ts';
import { auditTools, awsCli, emulatorTools } from './tools.ts';

export const setup = async (): Promise<void> => {
  const tensorflow = setUpTensorFlow((line) => process.stderr.write(`${line}\n`));
  await Promise.all([auditTools(), awsCli(), emulatorTools(), tensorflow]);
};
