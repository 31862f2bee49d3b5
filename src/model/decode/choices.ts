import { FolioError, unexpected } from '../../errors.ts';
import type { Position } from '../../pattern/automaton.ts';
import type { Alphabet } from '../format/alphabet.ts';
import type { ChoiceScore } from '../model.ts';
import { detailOf } from '../sampling/character-detail.ts';
import { exp } from '../sampling/exact-math.ts';
import type { Random } from '../sampling/random.ts';
import { Sampler } from '../sampling/sampler.ts';
import type { Sampling } from '../sampling/sampling-options.ts';
import { TokenCounts } from '../sampling/token-counts.ts';
import type { Engine } from './engine.ts';
import { Prefill } from './prefill.ts';
import type { Snapshot } from './state.ts';

/** One of the texts that a request allows. */
interface AllowedText {
  readonly text: string;
  readonly ids: readonly number[];
}

const MOST_CHOICES = 1000;

/** What chooses among whole texts: temperature and cuts, but nothing that is about single characters. */
const ofWholeTexts = (sampling: Sampling): Sampling => ({
  ...sampling,
  bias: [],
  allowed: undefined,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  dryMultiplier: 0,
});

/** The texts of which each completion of a request is one. */
export class Choices {
  readonly #engine: Engine;
  readonly #texts: readonly AllowedText[];
  readonly #sampler: Sampler;
  #scoring: ChoiceScoring | undefined;
  #scores: readonly ChoiceScore[] | undefined;

  /** @throws FolioError `invalid_parameter`, `unknown_character` */
  constructor(engine: Engine, texts: readonly string[], length: number, sampling: Sampling) {
    this.#engine = engine;
    this.#texts = checkChoices(texts, length, engine.alphabet);
    this.#sampler = new Sampler(ofWholeTexts(sampling), this.#texts.length);
  }

  /** Once they are known. */
  get scores(): readonly ChoiceScore[] | undefined {
    return this.#scores;
  }

  /**
   * Finds how likely the texts are that may follow.
   *
   * @param logits [vocabulary], of the first character.
   * @param snapshot The sequence before its last character was fed.
   * @param onEnd Called once; it may be called before this returns.
   */
  score(logits: Float32Array, snapshot: Snapshot, onEnd: () => void, onFail: (error: unknown) => void): void {
    const end = (logprobs: readonly number[]): void => {
      this.#scoring = undefined;
      this.#scores = scoresOf(this.#texts, logprobs);
      onEnd();
    };
    const scoring = new ChoiceScoring(this.#engine, this.#texts, logits, snapshot, end, onFail);
    if (this.#scores === undefined) this.#scoring = scoring;
  }

  /** Ends the scoring. */
  stop(): void {
    this.#scoring?.stop();
    this.#scoring = undefined;
  }

  /** The text that a completion becomes, from its beginning; undefined before the scores are known. */
  choose(random: Random): Position | undefined {
    const scores = this.#scores;
    if (scores === undefined) return undefined;
    const largest = Math.max(...scores.map(({ logprob }) => logprob));
    const logits = Float32Array.from(scores, ({ logprob }) => logprob - largest);
    const chosen = this.#sampler.choose(logits, new TokenCounts(scores.length), random);
    return new TextPosition(this.#texts[chosen]!.ids, this.#engine.stepper.vocabulary);
  }
}

/** @throws FolioError `invalid_parameter`, `unknown_character` */
const checkChoices = (
  choices: readonly string[],
  length: number,
  alphabet: Alphabet,
): readonly AllowedText[] => {
  if (choices.length === 0 || choices.length > MOST_CHOICES) {
    throw unexpected('invalid_parameter', 'choices', `1 to ${MOST_CHOICES} texts`, choices.length);
  }
  return choices.map((text, i) => {
    const where = `choices[${i}]`;
    if (text === '') throw unexpected('invalid_parameter', where, 'a text that is not empty', text);
    if (choices.indexOf(text) < i) throw unexpected('invalid_parameter', where, 'every text once', text);
    const strange = [...text].find((character) => alphabet.idOf(character) === undefined);
    if (alphabet.kind === 'characters' && strange !== undefined) {
      throw new FolioError(
        'unknown_character',
        `${where}: the model does not know ${JSON.stringify(strange)}.`,
        {
          where,
          received: JSON.stringify(strange),
        },
      );
    }
    const { ids } = alphabet.encode(text);
    if (ids.length > length) {
      throw unexpected(
        'invalid_parameter',
        where,
        `at most ${length} characters, the request's length`,
        ids.length,
      );
    }
    return { text, ids };
  });
};

/** The scores of texts by the logarithms of their probabilities. */
const scoresOf = (choices: readonly AllowedText[], logprobs: readonly number[]): readonly ChoiceScore[] => {
  const largest = Math.max(...logprobs);
  const weights = logprobs.map((logprob) => exp(logprob - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return choices.map(({ text }, i) => ({ text, logprob: logprobs[i]!, probability: weights[i]! / total }));
};

/** A place in a text that is written as it is: nothing else may follow. */
class TextPosition implements Position {
  readonly #ids: readonly number[];
  readonly #at: number;
  readonly #vocabulary: number;

  constructor(ids: readonly number[], vocabulary: number, at = 0) {
    this.#ids = ids;
    this.#at = at;
    this.#vocabulary = vocabulary;
  }

  get distance(): number {
    return this.#ids.length - this.#at;
  }

  get accepts(): boolean {
    return this.distance === 0;
  }

  get isComplete(): boolean {
    return this.accepts;
  }

  maskFor(): Uint8Array {
    const mask = new Uint8Array(this.#vocabulary);
    const id = this.#ids[this.#at];
    if (id !== undefined) mask[id] = 1;
    return mask;
  }

  next(id: number): TextPosition | undefined {
    return id === this.#ids[this.#at]
      ? new TextPosition(this.#ids, this.#vocabulary, this.#at + 1)
      : undefined;
  }

  save(): never {
    throw new TypeError('A text that is written as it is has no position to be saved.');
  }
}

/** Finds how likely each of several texts is after a sequence; all of them share each reading of the weights. */
class ChoiceScoring {
  readonly #engine: Engine;
  readonly #running = new Set<Prefill>();
  readonly #logprobs: number[];

  /**
   * @param logits [vocabulary], of the first character.
   * @param snapshot The sequence before its last character was fed.
   * @param onEnd Called once, with the logarithm of each text's probability; it may be called before this returns.
   */
  constructor(
    engine: Engine,
    choices: readonly AllowedText[],
    logits: Float32Array,
    { hidden, last }: Snapshot,
    onEnd: (logprobs: readonly number[]) => void,
    onFail: (error: unknown) => void,
  ) {
    const { stepper, scheduler, alphabet } = engine;
    this.#engine = engine;
    this.#logprobs = choices.map(({ ids }) => detailOf(logits, ids[0]!, 0, alphabet).logprob);
    const lead = last === undefined ? [] : [last];
    const prefills = choices.flatMap(({ ids }, i) => {
      if (ids.length === 1) return [];
      const fed = [...lead, ...ids.slice(0, -1)];
      const add = (at: number, view: Float32Array): void => {
        const place = at + 1 - lead.length;
        if (place > 0) this.#logprobs[i]! += detailOf(view, ids[place]!, 0, alphabet).logprob;
      };
      const prefill: Prefill = new Prefill({
        stepper,
        ids: fed,
        from: hidden,
        cache: undefined,
        onLogits: add,
        onEnd: (view, _, slot) => {
          add(fed.length - 1, view);
          this.#running.delete(prefill);
          stepper.close(slot);
          if (this.#running.size === 0) onEnd(this.#logprobs);
        },
        onFail,
      });
      return [prefill];
    });
    for (const prefill of prefills) this.#running.add(prefill);
    for (const prefill of prefills) scheduler.add(prefill);
    if (prefills.length === 0) onEnd(this.#logprobs);
  }

  /** Ends what runs. */
  stop(): void {
    const { scheduler, stepper } = this.#engine;
    for (const prefill of this.#running) {
      scheduler.remove(prefill);
      stepper.close(prefill.slot);
    }
    this.#running.clear();
  }
}
