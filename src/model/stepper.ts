/**
 * Advances sequences of a network by one character. The f32, int8 and int4 kernels and their plain twins in `test/oracles/`
 * all keep this contract; `test/step.cases.ts` holds them to it.
 *
 * A slot is the place of one sequence's recurrent state inside the stepper. State leaves it only as a copy.
 */
export const PRECISIONS = ['int8', 'int4', 'f32'] as const;

/** How weights are held: as published (f32), in 8 bits, or in 4 bits with a scale per 32 inputs. */
export type Precision = (typeof PRECISIONS)[number];

/** How one weight lies in memory. */
export type WeightFormat = 'f32' | 'f16' | 'int8' | 'int4';

/** How a matrix is held, and how much of it is multiplied. */
export interface MatrixDensity {
  /** `LAYER/kernel` or `LAYER/recurrent_kernel`. */
  readonly matrix: string;
  /** Share of its blocks of 32 outputs by 4 inputs: 1 where zero blocks are too few for leaving them out. */
  readonly density: number;
  /** In f32, large networks keep as `f16` what was published as float16: the same numbers, in the same arithmetic. */
  readonly weights: WeightFormat;
}

/** Which code multiplies. */
export interface KernelInfo {
  /**
   * `relaxed` uses relaxed SIMD, `relaxed-fused` also this host's one instruction for the int8 dot product with
   * addition; `relaxed-wide` was compiled with its vectors in pairs (`FOLIO_WIDE_VECTORS`); `plain` is for hosts without relaxed
   * SIMD; `given` was compiled by the host.
   */
  readonly build: 'plain' | 'relaxed' | 'relaxed-fused' | 'relaxed-wide' | 'given';
  /** Threads that a step may use at most, the caller's included. */
  readonly threads: number;
  /** Of every matrix but the first layer's table, whose rows are looked up. */
  readonly density: readonly MatrixDensity[];
}

export interface Stepper {
  readonly precision: Precision;
  readonly vocabulary: number;
  /** Float32 values in one sequence's state: per layer h, then c for an LSTM; layers first to last. */
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
   * Advances every sequence in `slots` by its character, all with one reading of the weights.
   *
   * @param slots Distinct open slots: [n].
   * @param ids The character each is fed: [n], each in 0 .. vocabulary-1.
   * @returns Logits [n * vocabulary], row by row; a view that the next call overwrites.
   */
  step(slots: readonly number[], ids: readonly number[]): Float32Array;

  /** Stops the worker threads. Later steps run on the calling thread alone. */
  dispose(): void;
}
