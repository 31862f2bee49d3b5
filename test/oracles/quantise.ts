/**
 * Weights in 8 bits with one scale an output, as the kernel's `assembly/pack.ts` makes them: every float operation
 * rounded to float32, in the same order, so that the bytes are the same everywhere. The plain twin's own.
 */
export interface QuantisedMatrix {
  readonly inputs: number;
  readonly outputs: number;
  readonly values: Int8Array; // [inputs, outputs], -127 .. 127
  readonly scales: Float32Array; // [outputs], what one unit of a value stands for
}

const { fround } = Math;

const LEVELS = 127;

/** State is carried as `round(63 h) + 64`: whole numbers 1 .. 127, within the 7 bits that relaxed SIMD allows. */
export const STATE_LEVELS = 63;

/**
 * The kernel adds 8 products in 16 bits before it widens: those of inputs 0, 1, 4, 5, 8, 9, 12 and 13 of a group of
 * 16, and those of the others. State is at most 127, so the positive and the negative weights of such a lane may
 * each come to this much.
 */
const LANE_LIMIT = 258;
const GROUP = 16;

const MAGIC = 12_582_912; // 1.5 * 2^23

/** The nearest whole number, ties to even, by adding 1.5 * 2^23 and taking it off: |value| < 2^22. */
export const wholeOf = (value: number): number => fround(fround(value + MAGIC) - MAGIC);

/** @param matrix [inputs, outputs] row-major; a table's rows are looked up, never summed */
export const quantiseTable = (matrix: Float32Array, outputs: number): QuantisedMatrix => {
  const values = new Int8Array(matrix.length);
  const scales = new Float32Array(outputs);
  for (let output = 0; output < outputs; output++) {
    const range = largestOf(matrix, outputs, output);
    round(matrix, outputs, output, range, values);
    scales[output] = range / LEVELS;
  }
  return { inputs: matrix.length / outputs, outputs, values, scales };
};

/** @param matrix [inputs, outputs] row-major, for products with a quantised state */
export const quantiseMatrix = (matrix: Float32Array, outputs: number): QuantisedMatrix => {
  const values = new Int8Array(matrix.length);
  const scales = new Float32Array(outputs);
  for (let output = 0; output < outputs; output++) {
    let range = largestOf(matrix, outputs, output);
    round(matrix, outputs, output, range, values);
    for (;;) {
      const sum = largestLane(values, outputs, output);
      if (sum <= LANE_LIMIT) break;
      range = fround(range * fround(sum / (LANE_LIMIT - 1)));
      round(matrix, outputs, output, range, values);
    }
    scales[output] = fround(range / LEVELS) / STATE_LEVELS;
  }
  return { inputs: matrix.length / outputs, outputs, values, scales };
};

const largestOf = (matrix: Float32Array, outputs: number, output: number): number => {
  let largest = 0;
  for (let at = output; at < matrix.length; at += outputs) largest = Math.max(largest, Math.abs(matrix[at]!));
  return largest;
};

const round = (
  matrix: Float32Array,
  outputs: number,
  output: number,
  range: number,
  values: Int8Array,
): void => {
  const factor = range === 0 ? 0 : fround(LEVELS / range);
  for (let at = output; at < matrix.length; at += outputs) values[at] = wholeOf(fround(matrix[at]! * factor));
};

/** The largest sum of one sign among the lanes of one output. */
const largestLane = (values: Int8Array, outputs: number, output: number): number => {
  const inputs = values.length / outputs;
  let largest = 0;
  for (let group = 0; group < inputs; group += GROUP) {
    for (const lane of [0, 2]) {
      let up = 0;
      let down = 0;
      for (let input = group; input < Math.min(group + GROUP, inputs); input++) {
        if ((input & 2) !== lane) continue;
        const value = values[input * outputs + output]!;
        if (value > 0) up += value;
        else down -= value;
      }
      largest = Math.max(largest, up, down);
    }
  }
  return largest;
};
