import type { Alphabet } from '../format/alphabet.ts';
import type { CharacterDetail } from '../model.ts';
import { exp, log } from './exact-math.ts';

/**
 * The model's own opinion of one character, before temperature and cuts.
 *
 * @param logits [vocabulary]
 * @param top Alternatives to name, most likely first.
 */
export const detailOf = (
  logits: Float32Array,
  id: number,
  top: number,
  alphabet: Alphabet,
): CharacterDetail => {
  const own = logits[id]!;
  let largest = Number.NEGATIVE_INFINITY;
  let rank = 1;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i]!;
    if (logit > largest) largest = logit;
    if (logit > own) rank++;
  }
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += exp(logits[i]! - largest);
  const normaliser = largest + log(sum);
  return {
    character: alphabet.characters[id]!,
    id,
    logprob: own - normaliser,
    top: likeliest(logits, top).map((other) => ({
      character: alphabet.characters[other]!,
      logprob: logits[other]! - normaliser,
    })),
    rank,
  };
};

/** Ids of the largest logits, largest first, of equals the lowest first. */
const likeliest = (logits: Float32Array, count: number): number[] => {
  const ids: number[] = [];
  if (count === 0) return ids;
  for (let id = 0; id < logits.length; id++) {
    if (ids.length === count && logits[id]! <= logits[ids[count - 1]!]!) continue;
    let at = ids.length;
    while (at > 0 && logits[id]! > logits[ids[at - 1]!]!) at--;
    ids.splice(at, 0, id);
    if (ids.length > count) ids.pop();
  }
  return ids;
};
