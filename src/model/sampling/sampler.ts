import { exp, log } from './exact-math.ts';
import type { Random } from './random.ts';
import type { Sampling } from './sampling-options.ts';
import type { TokenCounts } from './token-counts.ts';

/**
 * Chooses the next character from logits. Given the same logits it makes the same choice on every host: all of its
 * arithmetic is of `+ - * /` on float64.
 *
 * In this order, each step seeing what the one before has left:
 * 1. `logitBias` is added: l[i] += b[i] (OpenAI).
 * 2. `repetitionPenalty` r, for characters that stand in prompt or text: l > 0 ? l / r : l * r (Keskar et al. 2019,
 *    CTRL, as Hugging Face transformers reads it).
 * 3. `presencePenalty` a and `frequencyPenalty` b: l[i] -= b * count[i] + a * (count[i] > 0), counts of generated
 *    characters (OpenAI).
 *    `dryMultiplier` and its kin: see `dry.ts`.
 * 4. What is not `allowed`, does not lead to the pattern's end, or would copy the corpus, is left out.
 * 5. `temperature` T: w[i] = exp((l[i] - max l) / T). At 0 the likeliest is taken, of equals the lowest id.
 *    `dynatempRange` and `dynatempExponent` let it follow the entropy: see `dynamic-temperature.ts`.
 * 6. `topK`: the k of the largest w (Fan et al. 2018).
 * 7. `topP`: the fewest of the largest whose sum reaches p of the whole (Holtzman et al. 2020).
 * 8. `minP`: those with w >= m * max w (Nguyen et al. 2024).
 * 9. `typicalP`: the fewest whose surprise lies closest to the entropy and whose sum reaches p (Meister et al. 2022).
 * 10. One uniform number chooses among those left, in proportion to w.
 */
export class Sampler {
  readonly #sampling: Sampling;
  readonly #scores: Float64Array; // [vocabulary]: logits, then w
  readonly #keys: Float64Array; // [vocabulary], what a cut sorts by
  #kept: Int32Array; // [vocabulary], the first #count of them: ids still in the running
  #spare: Int32Array; // [vocabulary]
  #count = 0;
  readonly #isPlain: boolean; // no step before the temperature does anything

  constructor(sampling: Sampling, vocabulary: number) {
    this.#sampling = sampling;
    this.#scores = new Float64Array(vocabulary);
    this.#keys = new Float64Array(vocabulary);
    this.#kept = new Int32Array(vocabulary);
    this.#spare = new Int32Array(vocabulary);
    const { bias, repetitionPenalty, presencePenalty, frequencyPenalty, dryMultiplier, allowed } = sampling;
    this.#isPlain =
      bias.length === 0 &&
      repetitionPenalty === 1 &&
      presencePenalty === 0 &&
      frequencyPenalty === 0 &&
      dryMultiplier === 0 &&
      allowed === undefined;
  }

  /**
   * @param logits [vocabulary]
   * @param banned Asked only when given: whether this character must not come next.
   * @param mask [vocabulary]: 0 for characters that must not come next.
   * @returns The character's id; -1 when none may come next. One number is drawn from `random` in any case.
   */
  choose(
    logits: Float32Array,
    history: TokenCounts,
    random: Random,
    banned?: (id: number) => boolean,
    mask?: Uint8Array,
  ): number {
    const uniform = random.uniform();
    const { temperature, temperatureRule, topK, topP, minP, typicalP } = this.#sampling;
    const best =
      this.#isPlain && banned === undefined && mask === undefined
        ? this.#takeAll(logits)
        : this.#score(logits, history, banned, mask);
    if (best < 0 || temperature === 0) return best;
    const largest = this.#scores[best]!;
    const own = temperatureRule?.(this.#scores, this.#kept, this.#count, largest) ?? temperature;
    if (own === 0) return best;
    this.#weigh(largest, own);
    if (topK > 0 && topK < this.#count) this.#keepLargest(this.#scores, topK, Number.POSITIVE_INFINITY);
    if (topP < 1) this.#keepLargest(this.#scores, this.#count, topP * this.#total());
    if (minP > 0) this.#keepAtLeast(minP);
    if (typicalP < 1) this.#keepTypical(typicalP);
    return this.#draw(uniform);
  }

  /** Steps 1 to 4 when they do nothing. @returns The likeliest id */
  #takeAll(logits: Float32Array): number {
    const scores = this.#scores;
    const kept = this.#kept;
    let best = 0;
    for (let id = 0; id < scores.length; id++) {
      scores[id] = logits[id]!;
      kept[id] = id;
      if (logits[id]! > logits[best]!) best = id;
    }
    this.#count = scores.length;
    return best;
  }

  /** Steps 1 to 4. @returns The likeliest id, or -1 */
  #score(
    logits: Float32Array,
    history: TokenCounts,
    banned?: (id: number) => boolean,
    mask?: Uint8Array,
  ): number {
    const { bias, repetitionPenalty, presencePenalty, frequencyPenalty, allowed } = this.#sampling;
    const scores = this.#scores;
    scores.set(logits);
    for (const [id, value] of bias) scores[id]! += value;
    if (repetitionPenalty !== 1) {
      for (let id = 0; id < scores.length; id++) {
        if (!history.has(id)) continue;
        const score = scores[id]!;
        scores[id] = score > 0 ? score / repetitionPenalty : score * repetitionPenalty;
      }
    }
    if (presencePenalty !== 0 || frequencyPenalty !== 0) {
      for (let id = 0; id < scores.length; id++) {
        const count = history.generated[id]!;
        if (count > 0) scores[id]! -= presencePenalty + frequencyPenalty * count;
      }
    }
    history.dry?.subtractFrom(scores);
    let count = 0;
    let best = -1;
    for (let id = 0; id < scores.length; id++) {
      if (allowed !== undefined && allowed[id] === 0) continue;
      if (mask !== undefined && mask[id] === 0) continue;
      if (banned?.(id)) continue;
      this.#kept[count++] = id;
      if (best < 0 || scores[id]! > scores[best]!) best = id;
    }
    this.#count = count;
    return best;
  }

  /** Step 5: scores of the kept become weights, the largest of them 1. */
  #weigh(largest: number, temperature: number): void {
    const scores = this.#scores;
    const kept = this.#kept;
    const count = this.#count;
    for (let i = 0; i < count; i++) {
      const id = kept[i]!;
      scores[id] = exp((scores[id]! - largest) / temperature);
    }
  }

  #total(): number {
    let total = 0;
    for (let i = 0; i < this.#count; i++) total += this.#scores[this.#kept[i]!]!;
    return total;
  }

  #keepAtLeast(share: number): void {
    let largest = 0;
    for (let i = 0; i < this.#count; i++) largest = Math.max(largest, this.#scores[this.#kept[i]!]!);
    let count = 0;
    for (let i = 0; i < this.#count; i++) {
      const id = this.#kept[i]!;
      if (this.#scores[id]! >= share * largest) this.#kept[count++] = id;
    }
    this.#count = count;
  }

  #keepTypical(share: number): void {
    const total = this.#total();
    let entropy = 0;
    for (let i = 0; i < this.#count; i++) {
      const id = this.#kept[i]!;
      const p = this.#scores[id]! / total;
      this.#keys[id] = p > 0 ? -log(p) : Number.POSITIVE_INFINITY;
      if (p > 0) entropy += p * this.#keys[id];
    }
    for (let i = 0; i < this.#count; i++) {
      const id = this.#kept[i]!;
      this.#keys[id] = -Math.abs(this.#keys[id]! - entropy);
    }
    this.#keepLargest(this.#keys, this.#count, share * total);
  }

  /**
   * Keeps the ids of the largest keys, of equals the lowest: at most `most` of them, and at least one, no more than
   * needed for their weights to sum to `mass`. They are taken off a heap one by one: a cut that keeps few costs little.
   */
  #keepLargest(keys: Float64Array, most: number, mass: number): void {
    const heap = this.#kept;
    const chosen = this.#spare;
    let size = this.#count;
    const before = (a: number, b: number): boolean => keys[a]! > keys[b]! || (keys[a] === keys[b] && a < b);
    const sink = (from: number): void => {
      const id = heap[from]!;
      let at = from;
      for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
        if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
        if (!before(heap[child]!, id)) break;
        heap[at] = heap[child]!;
        at = child;
      }
      heap[at] = id;
    };
    for (let i = (size >> 1) - 1; i >= 0; i--) sink(i);
    let count = 0;
    let sum = 0;
    do {
      const id = heap[0]!;
      chosen[count++] = id;
      sum += this.#scores[id]!;
      heap[0] = heap[--size]!;
      sink(0);
    } while (count < most && sum < mass && size > 0);
    this.#count = count;
    this.#kept = chosen;
    this.#spare = heap;
  }

  #draw(uniform: number): number {
    const target = uniform * this.#total();
    let sum = 0;
    let last = -1;
    for (let i = 0; i < this.#count; i++) {
      const id = this.#kept[i]!;
      const weight = this.#scores[id]!;
      if (weight === 0) continue;
      sum += weight;
      last = id;
      if (sum > target) return id;
    }
    return last;
  }
}
