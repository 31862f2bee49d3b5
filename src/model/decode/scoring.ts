import type { Score, ScoreOptions } from '../model.ts';
import { detailOf } from '../sampling/character-detail.ts';
import { aSignal, aText, faultsOf, throwFaults, unknownRule, whole } from '../sampling/check-options.ts';
import type { Engine } from './engine.ts';
import { Prefill } from './prefill.ts';

const checks = { top: whole(0), unknown: unknownRule, signal: aSignal };

/**
 * How likely the model finds a text: every character given those before it, the first given a text's beginning.
 * Many texts at once share each reading of the weights.
 *
 * @throws FolioError `unknown_character`, `invalid_parameter`; the signal's reason when it is aborted
 */
export const score = async (engine: Engine, text: string, options: ScoreOptions = {}): Promise<Score> => {
  const { stepper, scheduler, alphabet, start } = engine;
  throwFaults([...faultsOf({ text }, { text: aText }), ...faultsOf(options, checks)]);
  const { signal, top = 0 } = options;
  signal?.throwIfAborted();
  const { ids, replaced } = alphabet.encode(text, options.unknown);
  const characters: Score['characters'][number][] = [];
  const note = (id: number, logits: Float32Array): void => {
    characters.push(detailOf(logits, id, top, alphabet));
  };
  const fed = start === undefined ? ids : [start, ...ids];
  if (start === undefined && ids.length > 0) note(ids[0]!, new Float32Array(stepper.vocabulary));
  // Feeding the last character would be of no use: nothing is asked of what comes after it.
  if (fed.length > 1) {
    await new Promise<void>((resolve, reject) => {
      const end = (then: () => void): void => {
        signal?.removeEventListener('abort', abort);
        stepper.close(reading.slot);
        then();
      };
      const reading = new Prefill({
        stepper,
        ids: fed.slice(0, -1),
        onLogits: (at, logits) => note(fed[at + 1]!, logits),
        onEnd: (logits) => {
          note(fed.at(-1)!, logits);
          end(resolve);
        },
        onFail: (error) => end(() => reject(error)),
      });
      const abort = (): void => {
        scheduler.remove(reading);
        end(() => reject(signal?.reason));
      };
      signal?.addEventListener('abort', abort);
      scheduler.add(reading);
    });
  }
  const nats = characters.reduce((sum, { logprob }) => sum - logprob, 0);
  const mean = characters.length === 0 ? 0 : nats / characters.length;
  return {
    characters,
    nats,
    bitsPerCharacter: mean / Math.LN2,
    perplexity: Math.exp(mean),
    replaced,
  };
};
