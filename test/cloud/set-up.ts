import { setUpTensorFlow } from '../../training/setup-tensorflow.ts';
import { auditTools, emulatorTools } from './tools.ts';

export const setup = async (): Promise<void> => {
  const tensorflow = setUpTensorFlow((line) => process.stderr.write(`${line}\n`));
  await Promise.all([auditTools(), emulatorTools(), tensorflow]);
};
