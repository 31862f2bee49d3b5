import { exp, log } from './exact-math.ts';
import type { Sampling, TemperatureRule } from './sampling-options.ts';

/** The same with a temperature that follows the entropy, where the parameters ask for one. */
export const withDynamicTemperature = (sampling: Sampling): Sampling =>
  sampling.dynatempRange === 0 ? sampling : { ...sampling, temperatureRule: temperatureRule(sampling) };

/**
 * A temperature that follows the entropy (llama.cpp's `dynatemp`): with `temperature` T, `dynatempRange` r and
 * `dynatempExponent` e it is a + (T + r - a) (H / ln n)^e, where a = max(0, T - r), n is the number of characters left and
 * H their entropy at temperature 1.
 */
const temperatureRule =
  ({ temperature, dynatempRange, dynatempExponent }: Sampling): TemperatureRule =>
  (scores, kept, count, largest) => {
    const lowest = Math.max(0, temperature - dynatempRange);
    if (count < 2) return lowest;
    let total = 0;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const distance = scores[kept[i]!]! - largest;
      const weight = exp(distance);
      total += weight;
      if (weight > 0) sum += weight * distance;
    }
    const entropy = log(total) - sum / total;
    const share = Math.min(1, Math.max(0, entropy / log(count)));
    const power = share === 0 ? 0 : exp(dynatempExponent * log(share));
    return lowest + (temperature + dynatempRange - lowest) * power;
  };
