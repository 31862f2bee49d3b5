/**
 * Weights in 8 and in 4 bits, as the kernel's `assembly/pack.ts` and `assembly/pack-int4.ts` make them: every float operation
 * rounded to float32, in the same order, so that the bytes are the same everywhere. The plain twin's own.
 */
export interface QuantisedMatrix {
  readonly inputs: number;
  readonly outputs: number;
  readonly values: Int8Array | Int32Array; // [inputs, outputs]; int8: -127 .. 127; int4: times their multipliers
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

/** Inputs that share a multiplier in int4. */
const INT4_GROUP = 32;
/** The largest weight of a group comes to this, before its multiplier grows for the sake of `LANE_LIMIT`. */
const INT4_LEVELS = 120;
/** Multipliers have 8 bits, and the one of the largest weights may grow five times. */
const INT4_MULTIPLIERS = 255;
const INT4_GROWTH = 5;
/** A multiplier is rounded down only where the largest weight then comes to 127 at most. */
const INT4_ROUNDED_UP = 0.4375;

/**
 * Weights in 4 bits, as the kernel's `assembly/pack-int4.ts` makes them: 32 inputs of an output share a multiplier. A
 * byte holds two weights, and each is read in 8 bits: its own four above four that belong to another.
 *
 * @param matrix [inputs, outputs] row-major, for products with a quantised state
 */
export const quantiseInt4 = (matrix: Float32Array, outputs: number): QuantisedMatrix => {
  const inputs = matrix.length / outputs;
  const values = new Int32Array(matrix.length);
  const scales = new Float32Array(outputs);
  const groups = Math.ceil(inputs / INT4_GROUP);
  // 32 products of -128 .. 127 with -63 .. 63, times the multiplier, and all groups together in 32 bits
  const within32Bits = Math.floor((2 ** 31 - 1) / (groups * INT4_GROUP * 128 * STATE_LEVELS));
  const most = Math.max(INT4_GROWTH, Math.min(INT4_MULTIPLIERS, within32Bits));
  const usual = Math.floor(most / INT4_GROWTH);
  for (let output = 0; output < outputs; output++) {
    const range = largestOf(matrix, outputs, output);
    const perRange = range === 0 ? 0 : fround(usual / range);
    const factor = range === 0 ? 0 : fround((INT4_LEVELS * usual) / range);
    for (let start = 0; start < inputs; start += INT4_GROUP) {
      const weights = Array.from(
        { length: INT4_GROUP },
        (_, i) => matrix[(start + i) * outputs + output] ?? 0,
      );
      const size = Math.max(...weights.map(Math.abs));
      let multiplier = Math.max(1, wholeOf(fround(fround(size * perRange) + INT4_ROUNDED_UP)));
      let group: readonly number[];
      for (;;) {
        group = int4Values(weights.map((weight) => fround(fround(weight * factor) / multiplier)));
        const sum = largestInt4Lane(group);
        if (sum <= LANE_LIMIT) break;
        const grown = wholeOf(fround(multiplier * fround(sum / (LANE_LIMIT - 1))));
        multiplier = Math.min(most, Math.max(multiplier + 1, grown));
      }
      for (let i = 0; i < Math.min(INT4_GROUP, inputs - start); i++) {
        values[(start + i) * outputs + output] = multiplier * group[i]!;
      }
    }
    scales[output] = fround(range / (INT4_LEVELS * usual)) / STATE_LEVELS;
  }
  return { inputs, outputs, values, scales };
};

/** What 32 weights are read as: weight i < 16 in the upper half of a byte, weight i + 16 in its lower half. */
const int4Values = (targets: readonly number[]): readonly number[] => {
  const values = new Array<number>(INT4_GROUP);
  const nearest = (target: number, below: number): number =>
    Math.max(-8, Math.min(7, wholeOf(fround(fround(target - below) / 16))));
  for (let upper = 0; upper < 16; upper += 2) {
    // Two bytes are moved by four bits as 16: what leaves the first enters the second.
    let below = 0;
    for (const at of [upper + 16, upper, upper + 17, upper + 1]) {
      const own = nearest(targets[at]!, below);
      values[at] = 16 * own + below;
      below = own & 15;
    }
  }
  return values;
};

/** The largest sum of one sign in a 16-bit lane, where the products of 8 inputs are added before they widen. */
const largestInt4Lane = (values: readonly number[]): number => {
  const lanes = [0, 2, 8, 10].map((first) => [0, 1, 4, 5, 16, 17, 20, 21].map((i) => values[first + i]!));
  return Math.max(
    ...lanes.map((lane) => {
      const up = lane.reduce((sum, value) => sum + Math.max(0, value), 0);
      const down = lane.reduce((sum, value) => sum + Math.max(0, -value), 0);
      return Math.max(up, down);
    }),
  );
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
