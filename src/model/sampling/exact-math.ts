/**
 * exp and log that give the same bits on every host: additions, multiplications and divisions of float64 alone, which
 * IEEE 754 and ECMAScript leave no choice in, where `Math.exp` and `Math.log` are each engine's own affair.
 *
 * Both are fdlibm's (Sun Microsystems 1993, e_exp.c and e_log.c), right within 1 ulp.
 */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const INVERSE_LN2 = Math.LOG2E;

/** 2^0 .. 2^31, and 2^-1024 .. 2^992 in steps of 32, made by exact doubling and halving: few, for a start makes them. */
const ones = /* @__PURE__ */ ((): Float64Array => {
  const powers = new Float64Array(32).fill(1);
  for (let i = 1; i < 32; i++) powers[i] = powers[i - 1]! * 2;
  return powers;
})();
const thirtyTwos = /* @__PURE__ */ ((): Float64Array => {
  const powers = new Float64Array(64).fill(1);
  for (let i = 33; i < 64; i++) powers[i] = powers[i - 1]! * 2 ** 32;
  for (let i = 31; i >= 0; i--) powers[i] = powers[i + 1]! * 2 ** -32;
  return powers;
})();

/** @param k from -1024 to 1023 */
const powerOfTwo = (k: number): number => thirtyTwos[(k >> 5) + 32]! * ones[k & 31]!;

/** e^x; 0 below the smallest normal number. */
export const exp = (x: number): number => {
  if (!(x >= -708.3)) return Math.max(x, 0);
  if (x > 709.7) return Number.POSITIVE_INFINITY;
  const k = Math.floor(INVERSE_LN2 * x + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const t = r * r;
  const c =
    r -
    t *
      (0.16666666666666602 +
        t *
          (-0.0027777777777015593 +
            t * (6.613756321437934e-5 + t * (-1.6533902205465252e-6 + t * 4.1381367970572385e-8))));
  return 2 * (1 - (low - (r * c) / (2 - c) - high)) * powerOfTwo(k - 1); // k may be 1024
};

const value = new Float64Array(1);
const halves = /* @__PURE__ */ (() => new Uint32Array(value.buffer))();
const HIGH = /* @__PURE__ */ (() => (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0))();

/** The natural logarithm. */
export const log = (x: number): number => {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  const subnormal = x < 2.2250738585072014e-308;
  value[0] = subnormal ? x * 2 ** 54 : x;
  // x = 2^k m with m in [sqrt(1/2), sqrt(2))
  const bits = halves[HIGH]!;
  const fraction = bits & 0xfffff;
  const above = (fraction + 0x95f64) & 0x100000;
  halves[HIGH] = fraction | (above ^ 0x3ff00000);
  const k = (bits >>> 20) - 1023 + (above >>> 20) - (subnormal ? 54 : 0);
  const f = value[0] - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const r =
    z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586))) +
    w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const half = 0.5 * f * f;
  return k * LN2_HIGH - (half - (s * (half + r) + k * LN2_LOW) - f);
};
