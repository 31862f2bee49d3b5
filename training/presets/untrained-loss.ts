import { evaluateText, recode } from '../metrics/evaluate.ts';
import type { EvaluatedModel } from '../metrics/held-out.ts';

/** Characters that are measured at most: some 0.3 s; a longer measurement gave the same choice on every text tried. */
const MEASURED = 5000;
/** Characters before them that give a context. */
const CONTEXT = 256;

/**
 * Loss of a model as it is, without any training, on the held-out tenth of a text. Nats per character. One that it does not
 * know is guessed among the text's where those are more than its own: a trigram model of the text has to choose among these too.
 *
 * @param parts Stretches of the text's two parts, in ids of its alphabet.
 * @param alphabet Of the text, in id order.
 * @throws FolioError `model_invalid` for logits that are not finite
 */
export const untrainedLoss = async (
  model: EvaluatedModel,
  parts: { readonly training: readonly Uint16Array[]; readonly heldOut: readonly Uint16Array[] },
  alphabet: readonly string[],
): Promise<number> => {
  const before = firstOf([...parts.training].reverse(), CONTEXT, (stretch, count) =>
    stretch.slice(-count),
  ).reverse();
  const after = firstOf(parts.heldOut, MEASURED, (stretch, count) => stretch.slice(0, count));
  const context = before.reduce((sum, { length }) => sum + length, 0);
  const ids = [...before, ...after].flatMap((stretch) => [...stretch]);
  const sequence = model.start();
  try {
    const { loss } = await evaluateText((id) => sequence.step(id), recode(ids, alphabet, model.alphabet), {
      context,
      alphabetSize: Math.max(alphabet.length, model.alphabet.length),
    });
    return loss;
  } finally {
    sequence.close();
  }
};

/** The first so many ids, over as many stretches as that takes. */
const firstOf = (
  stretches: readonly Uint16Array[],
  count: number,
  take: (stretch: Uint16Array, count: number) => Uint16Array,
): Uint16Array[] => {
  const taken: Uint16Array[] = [];
  let left = count;
  for (const stretch of stretches) {
    if (left === 0) break;
    if (stretch.length === 0) continue;
    const part = take(stretch, left);
    taken.push(part);
    left -= part.length;
  }
  return taken;
};
