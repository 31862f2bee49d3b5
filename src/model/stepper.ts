/**
 * What advances runs of a network by one character: the plain twin (`reference.ts`), the f32 kernel, the int8 kernel
 * and its own plain twin all keep this contract, and `test/unit/step.cases.ts` holds them to it.
 *
 * A slot is the place of one run's recurrent state inside the stepper. State leaves it only as a copy.
 */
export type Precision = 'f32' | 'int8';

export interface Stepper {
  readonly precision: Precision;
  readonly vocabulary: number;
  /** Float32 values in one run's state: per layer h, then c for an LSTM; layers first to last. */
  readonly stateLength: number;
  /** Bytes held: packed weights, slots and scratch. */
  readonly byteLength: number;

  /** Takes a slot with a state of zeros; more room is made when none is free. */
  open(): number;
  /** Gives the slot back; its number may be handed out again. */
  close(slot: number): void;
  /** Copy of the slot's state: [stateLength]. */
  read(slot: number): Float32Array;
  /** Overwrites the slot's state: [stateLength]. */
  write(slot: number, state: Float32Array): void;

  /**
   * Advances every run in `slots` by its character, all with one reading of the weights.
   *
   * @param slots Distinct open slots: [n].
   * @param ids The character each is fed: [n], each in 0 .. vocabulary-1.
   * @returns Logits [n * vocabulary], row by row; a view that the next call overwrites.
   */
  step(slots: readonly number[], ids: readonly number[]): Float32Array;

  /** Lets the threads go that the host lent. What is stepped later is stepped by the caller's alone. */
  dispose(): void;
}
