import type { Position } from '../../pattern/automaton.ts';
import type { FinishReason, StopReason } from '../model.ts';
import type { BannedStrings } from './banned-strings.ts';
import type { PatternSource, SavedPattern } from './pattern.ts';

/** Chooses among the ids that are neither banned nor 0 in the mask [vocabulary]; -1 where none is left: see `Sampler`. */
type Choose = (isBanned: ((id: number) => boolean) | undefined, mask?: Uint8Array) => number;

/** How a text ends in place of another character. */
export interface TextEnd {
  readonly reason: FinishReason;
  readonly stopReason?: StopReason;
}

/** What one text is held to while it is written: a pattern or a given text, and strings that it must not hold. */
export class TextConstraint {
  #position: Position | undefined;
  readonly #pattern: PatternSource | undefined;
  readonly #banned: BannedStrings | undefined;

  /**
   * @param position Where the text begins in what it is to match.
   * @param pattern What that is, where it is a pattern.
   */
  constructor(
    position: Position | undefined,
    pattern: PatternSource | undefined,
    banned: BannedStrings | undefined,
  ) {
    this.#position = position;
    this.#pattern = pattern;
    this.#banned = banned;
  }

  /** Where the text stands in what it is to match. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Whether the text matches and nothing may follow. */
  get isComplete(): boolean {
    return this.#position?.accepts === true && this.#position.isComplete;
  }

  /** What ends a text that is complete. */
  get stopReason(): StopReason {
    return { by: this.#pattern === undefined ? 'choice' : 'pattern' };
  }

  /** Whether there are strings that the text must not hold. */
  get bans(): boolean {
    return this.#banned !== undefined;
  }

  /** UTF-16 units of a text's end that have to be kept so that the next one can be held to the same. */
  get memory(): number {
    return this.#banned?.memory ?? 0;
  }

  /** Text that stands already and is not part of what is to match. */
  pass(text: string): void {
    this.#banned?.push(text);
  }

  push(id: number, piece: string): void {
    this.#position = this.#position?.next(id);
    this.#banned?.push(piece);
  }

  /** Whether a character would complete a banned string. */
  forbids(piece: string): boolean {
    return this.#banned?.wouldComplete(piece) === true;
  }

  /**
   * @param remaining Characters that the text may still have.
   * @param isLongEnough Whether it may end.
   * @returns The id of the next character, -1 where none may follow, or how the text ends in place of one
   */
  choose(
    choose: Choose,
    isBanned: ((id: number) => boolean) | undefined,
    remaining: number,
    isLongEnough: boolean,
  ): number | TextEnd {
    const position = this.#position;
    if (position === undefined) return choose(isBanned);
    const mask = position.maskFor(remaining);
    const mayGoOn = mask.includes(1);
    if (!position.accepts || (mayGoOn && !isLongEnough)) return choose(isBanned, mask);
    // The text may end here. It does if the model would go on with what the pattern does not allow.
    const id = choose(isBanned && ((one) => mask[one] === 1 && isBanned(one)));
    if (id >= 0 && mask[id] === 1) return id;
    return mayGoOn ? { reason: 'stop', stopReason: { by: 'pattern' } } : { reason: 'length' };
  }

  /** What a continuation carries, as of a position that the text had. */
  save(position: Position | undefined): { readonly pattern?: SavedPattern } {
    const pattern = this.#pattern;
    return pattern && position ? { pattern: { ...pattern, ...position.save() } } : {};
  }
}
