import type { CopyIndex } from './copy-index.ts';
import type { PatternSource } from './decode/pattern.ts';
import type { Alphabet, Replaced, UnknownRule } from './format/alphabet.ts';
import type { Layer } from './network.ts';
import type { SAMPLING_PARAMETERS } from './sampling/parameters.ts';
import type { KernelInfo, Precision } from './stepper.ts';

/** How a character model is used, wherever it was loaded from: in Node, in a Lambda and in a page. */
export interface Model {
  readonly alphabet: Alphabet;
  readonly info: ModelInfo;
  readonly vocabularySize: number;
  /** A sequence that starts from the state of zeros. */
  start(): Sequence;
  /** The text of one completion, piece by piece as it is made. */
  generate(options?: GenerateOptions): AsyncIterable<string>;
  /** One or several completions with log-probabilities, finish reasons and states. */
  complete(options?: GenerateOptions): Completions;
  score(text: string, options?: ScoreOptions): Promise<Score>;
  /** Frees what the model holds; sequences under way end with an error. */
  dispose(): void;
}

export interface ModelInfo {
  readonly name?: string;
  readonly version?: string;
  /** `sha256:…` over topology and weights as published. */
  readonly digest: string;
  readonly layers: readonly { readonly kind: Layer['kind']; readonly units: number }[];
  readonly parameters: number;
  readonly precision: Precision;
  /** The code that multiplies here, and how much of each matrix it multiplies. */
  readonly kernel: KernelInfo;
  /** Bytes of memory held: weights in their precision, slots and scratch. */
  readonly byteLength: number;
  /** The file beside `model.json` in which the alphabet was found, where it was not in the model. */
  readonly alphabetFile?: string;
  /** The artefact's `userDefinedMetadata`, as found. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface Sequence {
  /** Feeds one character. @returns its successor's logits [vocabulary], overwritten by the next step of any sequence */
  step(id: number): Float32Array;
  /** The state as bytes: a small header that names model and version, then 8 bytes x units x layers. */
  save(): Uint8Array;
  /** @throws FolioError `state_mismatch` for another model's state or damaged bytes */
  restore(bytes: Uint8Array): void;
  /** A second sequence from the same state. */
  fork(): Sequence;
  close(): void;
}

/** The table's parameters, all optional: each default leaves its step out. */
type NumericSamplingOptions = { readonly [Name in keyof typeof SAMPLING_PARAMETERS]?: number };

export interface SamplingOptions extends NumericSamplingOptions {
  /** Added to the logits of characters, given by id or by themselves (a digit in single quotes): -100 to 100. */
  readonly logitBias?: Readonly<Record<number | string, number>>;
  /** Only these characters may be generated. */
  readonly allowed?: string;
  /** Texts over which the DRY penalty follows no repetition. Default: none. */
  readonly drySequenceBreakers?: readonly string[];
}

export interface CopyGuard {
  readonly index: CopyIndex;
  /** Characters, at least the index's window. */
  readonly length: number;
}

export interface GenerateOptions extends SamplingOptions {
  /** A text, or ids of the alphabet, which are fed as they are. */
  readonly prompt?: string | readonly number[];
  /** Characters to generate at most. Default 256. */
  readonly length?: number;
  /** Characters before which no stop string counts, and a pattern does not end a text that may go on. Default 0. */
  readonly minLength?: number;
  /** Not emitted; found across step boundaries. With a pattern, they end a text only where it matches without them. */
  readonly stop?: readonly string[];
  /** The text ends with the stop string that ended it. Default false. */
  readonly includeStop?: boolean;
  /** Strings that the text does not hold: the character that would complete one is never chosen. */
  readonly banned?: readonly string[];
  /**
   * A regular expression that the whole text matches, as JavaScript has them, without look-around and back-references:
   * its source, or a RegExp, of whose flags i, m, s and v count.
   * The text ends where nothing may follow that matches; where it matches and the model would go on with a character
   * that the pattern does not allow; and where it matches and has its length. A text that no pattern could end within
   * `length` is refused before its first character.
   */
  readonly pattern?: string | PatternSource;
  /** A schema that the text, as JSON, fits: objects of strings, numbers, booleans and lists of them. In place of `pattern`. */
  readonly jsonSchema?: Readonly<Record<string, unknown>>;
  /**
   * The text is one of these, drawn by their probabilities under the model: temperature and cuts see whole texts. In
   * place of `pattern`.
   */
  readonly choices?: readonly string[];
  /** 0 .. 2^53-1; drawn at random when absent, and reported. */
  readonly seed?: number;
  /** Completions, advanced together. Default 1. */
  readonly n?: number;
  /** What becomes of prompt characters that the model does not know. Default 'error'. */
  readonly unknown?: UnknownRule;
  /**
   * A saved state to go on from, before the prompt is fed: `Sequence.save`'s, or a completion's `state`, whose generator
   * goes on where it stopped unless `seed` is given.
   */
  readonly from?: Uint8Array;
  /** Report log-probabilities, and this many alternatives a character: from 0 to as many as the alphabet has. */
  readonly logprobs?: number;
  /** Also report the prompt's own log-probabilities. */
  readonly scorePrompt?: boolean;
  /**
   * No output stands verbatim in the indexed corpus for `length` characters or more. Where a pattern leaves only
   * characters that would copy, or are banned, the text ends without matching.
   */
  readonly copyGuard?: CopyGuard;
  /** Reports every completion's longest verbatim overlap with the indexed corpus. */
  readonly overlap?: CopyIndex;
  readonly signal?: AbortSignal;
}

export interface CharacterDetail {
  readonly character: string;
  readonly id: number;
  /** Natural logarithm of the model's own probability, before temperature and cuts. */
  readonly logprob: number;
  /** 1 for the character that the model finds likeliest. */
  readonly rank: number;
  /** Most likely first: at most `logprobs`, the character itself not added. */
  readonly top: readonly { readonly character: string; readonly logprob: number }[];
}

export type FinishReason = 'length' | 'stop' | 'aborted';

/**
 * A stop string, by its text; the pattern or the chosen text, which is complete; the copy guard or banned strings, which left nothing to go
 * on with.
 */
export type StopReason =
  | { readonly by: 'stop'; readonly text: string }
  | { readonly by: 'pattern' | 'choice' | 'copy_guard' | 'banned' };

/** How likely the model finds one of the texts that a request allows. */
export interface ChoiceScore {
  readonly text: string;
  /** Natural logarithm of the probability that the model goes on with this text. */
  readonly logprob: number;
  /** Its share among all that are allowed. */
  readonly probability: number;
}

export interface CompletionEvent {
  /** Which of the n completions. */
  readonly index: number;
  /** New text; empty in the event that only finishes. */
  readonly text: string;
  readonly characters?: readonly CharacterDetail[];
  readonly finishReason?: FinishReason;
}

export interface CompletionResult {
  readonly seed: number;
  readonly promptCharacters: number;
  /** Of these, read before by another request: the prefix cache held the state after them. */
  readonly cachedCharacters: number;
  readonly replaced: readonly Replaced[];
  readonly promptDetails?: readonly (CharacterDetail | undefined)[];
  readonly choices: readonly {
    readonly text: string;
    readonly finishReason: FinishReason;
    /** What ended a text that stopped: the stop string, or what else there was to end it. */
    readonly stopReason?: StopReason;
    /** Characters generated, those of a stop string included. */
    readonly generated: number;
    /**
     * For going on exactly as one longer request would have: the recurrent state after the last emitted character,
     * and with it the generator's position, the counts of the penalties and the tail that the copy guard watches.
     */
    readonly state: Uint8Array;
    readonly overlap?: { readonly characters: number; readonly exact: boolean };
    /** Of the texts that the request allows, in its order. */
    readonly choiceScores?: readonly ChoiceScore[];
  }[];
  readonly milliseconds: number;
}

export interface Completions extends AsyncIterable<CompletionEvent> {
  /**
   * Loads what the request needs and checks what can be checked before the first character; nothing is generated.
   *
   * @throws FolioError as `result` would
   */
  prepare(): Promise<void>;
  /** Runs to the end, whether or not the events are read. */
  result(): Promise<CompletionResult>;
}

export interface ScoreOptions {
  /** Alternatives a character. Default 0. */
  readonly top?: number;
  readonly unknown?: UnknownRule;
  readonly signal?: AbortSignal;
}

export interface Score {
  readonly characters: readonly CharacterDetail[];
  readonly nats: number; // sum of -logprob
  readonly bitsPerCharacter: number;
  readonly perplexity: number;
  readonly replaced: readonly Replaced[];
}
