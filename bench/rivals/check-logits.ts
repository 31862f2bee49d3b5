import { createKernelStepper } from '../../src/model/kernel/kernel-stepper.ts';
import { argmax, type LstmNetwork } from '../networks.ts';

const STEPS = 20;

/**
 * Largest difference that a rival's logits may have from ours in f32, over the root mean square of those. Of int8 0.14 was
 * seen: states with one scale, as oneDNN's LSTM wants them.
 */
const TOLERANCE = { f32: 1e-4, int8: 0.3 };

/**
 * Asserts that a rival computes the same network.
 *
 * @param rows Its logits from a state of zeros, [20][vocabulary]: fed with id 0, then with the likeliest of the row before.
 */
export const checkLogits = (
  rows: readonly ArrayLike<number>[],
  network: LstmNetwork,
  precision: 'f32' | 'int8',
): void => {
  const stepper = createKernelStepper(network, 'f32');
  const slots = [stepper.open()];
  let [id, largest, squares] = [0, 0, 0];
  for (const row of rows) {
    stepper.step(slots, [id]).forEach((logit, index) => {
      largest = Math.max(largest, Math.abs(logit - (row[index] ?? Number.NaN)));
      squares += logit ** 2;
    });
    id = argmax(row);
  }
  const difference = largest / Math.sqrt(squares / (STEPS * network.vocabulary));
  if (rows.length === STEPS && difference <= TOLERANCE[precision]) return;
  throw new Error(
    `expected ${STEPS} rows of logits within ${TOLERANCE[precision]} of ours, got ${rows.length} within ${difference}`,
  );
};

/** The same of a step from a character to its logits, whose state is zeros now. */
export const checkStep = async (
  step: (id: number) => Float32Array | Promise<Float32Array>,
  network: LstmNetwork,
  precision: 'f32' | 'int8',
): Promise<void> => {
  const rows: Float32Array[] = [];
  for (let id = 0; rows.length < STEPS; id = argmax(rows.at(-1)!)) rows.push((await step(id)).slice());
  checkLogits(rows, network, precision);
};
