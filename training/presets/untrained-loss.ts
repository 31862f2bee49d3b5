import type { CutText } from '../corpus/cut-text.ts';
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
 * @param text In ids of its alphabet.
 * @param alphabet Of the text, in id order.
 * @throws FolioError `model_invalid` for logits that are not finite
 */
export const untrainedLoss = async (
  model: EvaluatedModel,
  text: CutText,
  alphabet: readonly string[],
): Promise<number> => {
  const context = Math.min(CONTEXT, text.heldOutStart);
  const measured = text.ids.subarray(text.heldOutStart - context, text.heldOutStart + MEASURED);
  const sequence = model.start();
  try {
    const { loss } = await evaluateText(
      (id) => sequence.step(id),
      recode(measured, alphabet, model.alphabet),
      { context, alphabetSize: Math.max(alphabet.length, model.alphabet.length) },
    );
    return loss;
  } finally {
    sequence.close();
  }
};
