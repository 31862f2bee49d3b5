import { setUpTensorFlow } from '../../training/setup-tensorflow.ts';

export default async (): Promise<void> => {
  await setUpTensorFlow((line) => process.stderr.write(`${line}\n`));
};
