/**
 * Weights in 8 bits with one scale an output, shared by the int8 kernel and its plain twin. Made in float64 from
 * the published float32 weights, in an order that no host changes: the same bytes everywhere.
 */
export interface QuantisedMatrix {
  readonly inputs: number;
  readonly outputs: number;
  readonly values: Int8Array; // [inputs, outputs], -127 .. 127
  readonly scales: Float32Array; // [outputs], what one unit of a value stands for
}

/** State is carried as `round(63 h) + 64`: whole numbers 1 .. 127, within the 7 bits that relaxed SIMD allows. */
export const STATE_LEVELS = 63;
export const STATE_OFFSET = 64;

/**
 * The kernel adds 8 products in 16 bits before it widens: those of inputs 0, 1, 4, 5, 8, 9, 12 and 13 of a group of
 * 16, and those of the others. State is at most 127, so the positive and the negative weights of such a lane may
 * each come to this much.
 */
const LANE_LIMIT = Math.floor(32767 / 127);
const GROUP = 16;

/** @param matrix [inputs, outputs] row-major; a table's rows are looked up, never summed */
export const quantiseTable = (matrix: Float32Array, outputs: number): QuantisedMatrix => {
  const inputs = matrix.length / outputs;
  const largest = largestOf(matrix, outputs);
  return {
    inputs,
    outputs,
    values: rounded(matrix, largest),
    scales: Float32Array.from(largest, (value) => value / 127),
  };
};

/** @param matrix [inputs, outputs] row-major, for products with a quantised state */
export const quantiseMatrix = (matrix: Float32Array, outputs: number): QuantisedMatrix => {
  const inputs = matrix.length / outputs;
  const range = largestOf(matrix, outputs);
  const values = rounded(matrix, range);
  const lanes = laneSums(values, outputs);
  for (let output = 0; output < outputs; output++) {
    let sum = lanes[output]!;
    while (sum > LANE_LIMIT) {
      range[output]! *= sum / (LANE_LIMIT - 1);
      sum = roundAgain(matrix, values, outputs, output, range[output]!);
    }
  }
  return { inputs, outputs, values, scales: Float32Array.from(range, (value) => value / 127 / STATE_LEVELS) };
};

/** The largest magnitude among each output's weights: [outputs]. */
const largestOf = (matrix: Float32Array, outputs: number): Float64Array => {
  const largest = new Float64Array(outputs);
  for (let at = 0; at < matrix.length; ) {
    for (let output = 0; output < outputs; output++, at++) {
      const size = Math.abs(matrix[at]!);
      if (size > largest[output]!) largest[output] = size;
    }
  }
  return largest;
};

const rounded = (matrix: Float32Array, range: Float64Array): Int8Array => {
  const outputs = range.length;
  const factors = range.map((value) => (value === 0 ? 0 : 127 / value));
  const values = new Int8Array(matrix.length);
  for (let at = 0; at < matrix.length; ) {
    for (let output = 0; output < outputs; output++, at++) {
      values[at] = Math.round(matrix[at]! * factors[output]!);
    }
  }
  return values;
};

/** The largest sum of one sign in any lane, for each output: [outputs]. */
const laneSums = (values: Int8Array, outputs: number): Int32Array => {
  const worst = new Int32Array(outputs);
  const positive = [new Int32Array(outputs), new Int32Array(outputs)] as const;
  const total = [new Int32Array(outputs), new Int32Array(outputs)] as const;
  const inputs = values.length / outputs;
  let at = 0;
  for (let input = 0; input < inputs; input++) {
    const lane = input & 2 ? 1 : 0;
    const above = positive[lane];
    const all = total[lane];
    for (let output = 0; output < outputs; output++, at++) {
      const value = values[at]!;
      all[output]! += value;
      above[output]! += Math.max(value, 0);
    }
    if (input % GROUP === GROUP - 1 || input === inputs - 1) {
      for (const side of [0, 1] as const) {
        for (let output = 0; output < outputs; output++) {
          const up = positive[side][output]!;
          const down = up - total[side][output]!;
          worst[output] = Math.max(worst[output]!, up, down);
        }
        positive[side].fill(0);
        total[side].fill(0);
      }
    }
  }
  return worst;
};

/** Rounds one output's weights to a wider range. @returns its largest lane sum then */
const roundAgain = (
  matrix: Float32Array,
  values: Int8Array,
  outputs: number,
  output: number,
  range: number,
): number => {
  const inputs = matrix.length / outputs;
  const column = new Int8Array(inputs);
  for (let input = 0; input < inputs; input++) {
    const at = input * outputs + output;
    column[input] = values[at] = Math.round((matrix[at]! * 127) / range);
  }
  return laneSums(column, 1)[0]!;
};
