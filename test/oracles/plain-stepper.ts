import { checkState, Slots } from '../../src/model/decode/slots.ts';
import type { Precision, Stepper } from '../../src/model/stepper.ts';

/** The arithmetic of a plain twin; `plainStepper` does the rest. */
export interface PlainTwin {
  readonly precision: Precision;
  readonly vocabulary: number;
  readonly stateLength: number;
  readonly weightBytes: number;
  /** Feeds one character to one run, whose state [stateLength] it advances in place. @returns its logits [vocabulary] */
  stepOne(state: Float32Array, id: number): ArrayLike<number>;
}

/** A stepper that keeps each run's state in an array of its own and takes the runs of a step one after another. */
export const plainStepper = (twin: PlainTwin): Stepper => {
  const { precision, vocabulary, stateLength, weightBytes } = twin;
  const slots = new Slots(vocabulary);
  const states: Float32Array[] = [];
  let logits = new Float32Array(0);
  return {
    precision,
    vocabulary,
    stateLength,
    get byteLength() {
      return weightBytes + 4 * (states.length * stateLength + logits.length);
    },
    open() {
      const slot = slots.open();
      states[slot] = new Float32Array(stateLength);
      return slot;
    },
    close: (slot) => slots.close(slot),
    read(slot) {
      slots.check(slot);
      return states[slot]!.slice();
    },
    write(slot, state) {
      slots.check(slot);
      checkState(state, stateLength);
      states[slot]!.set(state);
    },
    step(running, ids) {
      slots.checkStep(running, ids);
      if (logits.length < running.length * vocabulary) {
        logits = new Float32Array(running.length * vocabulary);
      }
      running.forEach((slot, i) => {
        logits.set(twin.stepOne(states[slot]!, ids[i]!), i * vocabulary);
      });
      return logits.subarray(0, running.length * vocabulary);
    },
    dispose() {},
  };
};
