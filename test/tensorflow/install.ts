import { setUpTensorFlow } from '../../training/setup-tensorflow.ts';

let installed: Promise<unknown> | undefined;

/** TensorFlow for the set-ups of a run: fetched and compiled once, whichever set asks first. */
export const installTensorFlow = async (): Promise<void> => {
  installed ??= setUpTensorFlow((line) => process.stderr.write(`${line}\n`));
  await installed;
};
