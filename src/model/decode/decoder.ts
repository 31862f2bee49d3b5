import type { Position } from '../../pattern/automaton.ts';
import { OverlapTracker } from '../copy-index.ts';
import type { Alphabet } from '../format/alphabet.ts';
import type { CharacterDetail, CopyGuard, FinishReason, StopReason } from '../model.ts';
import { detailOf } from '../sampling/character-detail.ts';
import type { Random } from '../sampling/random.ts';
import type { Sampler } from '../sampling/sampler.ts';
import type { TokenCounts } from '../sampling/token-counts.ts';
import type { Stepper } from '../stepper.ts';
import { RewindBuffer } from './rewind-buffer.ts';
import type { ScheduledSequence } from './scheduler.ts';
import type { DecoderState, Snapshot } from './state.ts';
import { StopMatcher } from './stop-matcher.ts';
import type { TextConstraint } from './text-constraint.ts';

/** What all completions of a request have in common. */
export interface DecodePlan {
  readonly stepper: Stepper;
  readonly alphabet: Alphabet;
  readonly sampler: Sampler;
  readonly length: number;
  /** Characters that are written before stop strings count. */
  readonly minLength: number;
  readonly stop: readonly string[];
  readonly includeStop: boolean;
  /** Ids that may be generated: [vocabulary], 0 or 1; undefined when the request does not say. */
  readonly allowed: Uint8Array | undefined;
  /** Alternatives a character; undefined when no details are asked for. */
  readonly logprobs: number | undefined;
  readonly guard: CopyGuard | undefined;
  readonly overlap: CopyGuard['index'] | undefined;
  /** The end of the text that is gone on from. */
  readonly tail: string;
  readonly seed: number;
}

/** Who takes what is written. */
export interface CompletionListener {
  /** False while it has enough to read. */
  readonly isReady: boolean;
  onText(text: string, details: readonly CharacterDetail[] | undefined): void;
  onFinish(reason: FinishReason): void;
  onFail(error: unknown): void;
}

/** A character that was chosen but may yet turn out to belong to a stop string. */
interface Pending {
  readonly id: number;
  readonly piece: string;
  readonly detail: CharacterDetail | undefined;
  /** Where the text stood before in what it is to match. */
  readonly position: Position | undefined;
}

/** One completion being written. */
export class Decoder implements ScheduledSequence {
  readonly slot: number;
  readonly #plan: DecodePlan;
  readonly #listener: CompletionListener;
  readonly #counts: TokenCounts;
  readonly #stopMatcher: StopMatcher | undefined;
  readonly #tracker: OverlapTracker | undefined;
  readonly #rewindBuffer: RewindBuffer;
  readonly #pending: Pending[] = [];
  readonly #constraint: TextConstraint | undefined;
  readonly #isBanned: ((id: number) => boolean) | undefined;
  #stopReason: StopReason | undefined;
  #random: Random;
  /** The generator as it was when the rewind buffer had `length` characters: a rewind counts from there. */
  #mark: { random: Random; length: number };
  #text = '';
  #generated = 0;
  #id = -1;
  #open = true;

  /**
   * @param snapshot The sequence before its last character was fed; `slot` is the sequence after it.
   * @param constraint What the text is held to.
   */
  constructor(
    plan: DecodePlan,
    slot: number,
    snapshot: Snapshot,
    random: Random,
    counts: TokenCounts,
    listener: CompletionListener,
    constraint: TextConstraint | undefined,
  ) {
    const { guard, stop, alphabet, tail } = plan;
    this.#plan = plan;
    this.slot = slot;
    this.#random = random;
    this.#counts = counts;
    this.#listener = listener;
    this.#constraint = constraint;
    this.#rewindBuffer = new RewindBuffer(plan.stepper, slot, snapshot);
    this.#mark = { random: random.fork(), length: this.#rewindBuffer.length };
    if (stop.length > 0) {
      this.#stopMatcher = new StopMatcher(stop);
      this.#stopMatcher.pass(tail);
    }
    const index = guard?.index ?? plan.overlap;
    if (index !== undefined) {
      this.#tracker = new OverlapTracker(index);
      this.#tracker.push(tail);
    }
    constraint?.pass(tail);
    const tracker = guard && this.#tracker;
    if (tracker !== undefined || constraint?.bans) {
      this.#isBanned = (id) => {
        const piece = alphabet.piece(id);
        return tracker?.wouldReach(guard!.length, piece) === true || constraint?.forbids(piece) === true;
      };
    }
  }

  /** Whether the sequence may have to be taken back behind characters that were fed already. */
  get #rewinds(): boolean {
    return (this.#stopMatcher ?? this.#isBanned ?? this.#constraint) !== undefined;
  }

  get id(): number {
    return this.#id;
  }

  get isReady(): boolean {
    return this.#listener.isReady;
  }

  /** The text so far. */
  get text(): string {
    return this.#text;
  }

  get generated(): number {
    return this.#generated;
  }

  /** Characters of the longest verbatim overlap with the index, at most; undefined when none is followed. */
  get longestOverlap(): number | undefined {
    return this.#tracker?.longest;
  }

  /** Whether the text matches what it is to match and nothing may follow. */
  get isComplete(): boolean {
    return this.#constraint?.isComplete === true;
  }

  /** What ended the text before its length. */
  get stopReason(): StopReason | undefined {
    return this.#stopReason;
  }

  take(logits: Float32Array): boolean {
    const { alphabet, logprobs, length, minLength } = this.#plan;
    const constraint = this.#constraint;
    const position = constraint?.position;
    const id = this.#choose(logits);
    if (id < 0) return false;
    this.#id = id;
    this.#generated++;
    this.#counts.add(id);
    this.#rewindBuffer.push(id);
    const piece = alphabet.piece(id);
    const detail = logprobs === undefined ? undefined : detailOf(logits, id, logprobs, alphabet);
    this.#tracker?.push(piece);
    constraint?.push(id, piece);
    if (this.#stopMatcher === undefined || this.#generated <= minLength)
      this.#report(piece, detail && [detail]);
    else {
      this.#pending.push({ id, piece, detail, position });
      const stopped = this.#stopMatcher.push(piece);
      if (stopped !== undefined) {
        const units = (this.#plan.includeStop ? 0 : stopped.stop.length) + piece.length - stopped.read;
        if (this.#mayStopBefore(units)) {
          const cut = this.#emit(units);
          if (cut > 0) this.#report(this.#pending[0]!.piece.slice(0, cut), undefined);
          return this.finish('stop', { by: 'stop', text: stopped.stop });
        }
      }
      this.#emit(this.#stopMatcher.held);
    }
    if (constraint?.isComplete) return this.#end('stop', constraint.stopReason);
    if (this.#generated >= length) return this.finish('length');
    if (this.#rewinds && this.#pending.length === 0 && this.#rewindBuffer.advance()) {
      this.#mark = { random: this.#random.fork(), length: this.#rewindBuffer.length };
    }
    return true;
  }

  /** @returns The id of the next character; -1 where the text ends instead */
  #choose(logits: Float32Array): number {
    const { sampler, guard, length, minLength } = this.#plan;
    const constraint = this.#constraint;
    const isBanned = this.#isBanned;
    const chosen =
      constraint === undefined
        ? sampler.choose(logits, this.#counts, this.#random, isBanned)
        : constraint.choose(
            (...left) => sampler.choose(logits, this.#counts, this.#random, ...left),
            isBanned,
            length - this.#generated,
            this.#generated >= minLength,
          );
    if (typeof chosen === 'object') this.#end(chosen.reason, chosen.stopReason);
    else if (chosen >= 0) return chosen;
    else this.#end('stop', { by: guard === undefined ? 'banned' : 'copy_guard' });
    return -1;
  }

  /** Whether the text matches its pattern without its last UTF-16 units. */
  #mayStopBefore(units: number): boolean {
    let position = this.#constraint?.position;
    for (let at = this.#pending.length - 1, left = units; left > 0 && at >= 0; at--) {
      left -= this.#pending[at]!.piece.length;
      position = this.#pending[at]!.position;
    }
    return position?.accepts !== false;
  }

  /** Ends the completion, with all that was held back. @returns false */
  #end(reason: FinishReason, stopReason?: StopReason): false {
    this.#emit(0);
    return this.finish(reason, stopReason);
  }

  /** Ends the completion; what was held back for a stop string that never came is emitted. @returns false */
  finish(reason: FinishReason, stopReason?: StopReason): false {
    if (!this.#open) return false;
    if (reason !== 'stop') this.#emit(0);
    this.#open = false;
    this.#stopReason = stopReason;
    this.#listener.onFinish(reason);
    return false;
  }

  fail(error: unknown): void {
    this.#open = false;
    this.#listener.onFail(error);
  }

  /** Takes the completion's end from its slot. @returns makes it a value: after the last emitted character */
  snapshot(): () => Snapshot {
    for (const { id } of this.#pending) this.#counts.remove(id);
    let random = this.#random;
    let position: Snapshot;
    if (this.#rewinds || this.#generated === 0) {
      this.#rewindBuffer.drop(this.#pending.length);
      random = this.#mark.random.fork();
      for (let i = this.#mark.length; i < this.#rewindBuffer.length; i++) random.uniform();
      position = this.#rewindBuffer.snapshot();
    } else {
      position = { hidden: this.#plan.stepper.read(this.slot), last: this.#id };
    }
    return () => ({ ...position, decoder: this.#state(random) }); // many never ask for it
  }

  /** What the completion carries besides its sequence. */
  #state(random: Random): DecoderState {
    const { guard, stop, overlap, tail } = this.#plan;
    const constraint = this.#constraint;
    const place = this.#pending[0]?.position ?? constraint?.position;
    const needed = Math.max(
      ...stop.map((text) => text.length - 1),
      constraint?.memory ?? 0,
      guard ? guard.length - 1 : 0,
      overlap || guard ? (guard?.index ?? overlap)!.window : 0,
      0,
    );
    const recent = this.#counts.dry?.recent(this.#pending.length);
    const generated = Array.from(this.#counts.generated, (count, id) => [id, count] as const);
    return {
      seed: this.#plan.seed,
      random: random.save(),
      generated: generated.filter(([, count]) => count > 0),
      prompted: [...this.#counts.prompted.keys()].filter((id) => this.#counts.prompted[id] === 1),
      tail: needed === 0 ? '' : [...(tail + this.#text)].slice(-needed).join(''),
      ...(recent === undefined ? {} : { recent }),
      ...constraint?.save(place),
    };
  }

  /** Emits what is pending but its last `held` UTF-16 units. @returns Units that only part of a character made up */
  #emit(held: number): number {
    let units = this.#pending.reduce((sum, { piece }) => sum + piece.length, 0) - held;
    let text = '';
    const details: CharacterDetail[] = [];
    while (this.#pending.length > 0 && this.#pending[0]!.piece.length <= units) {
      const { piece, detail } = this.#pending.shift()!;
      units -= piece.length;
      text += piece;
      if (detail !== undefined) details.push(detail);
    }
    if (text !== '') this.#report(text, this.#plan.logprobs === undefined ? undefined : details);
    return Math.max(0, units);
  }

  #report(text: string, details: readonly CharacterDetail[] | undefined): void {
    this.#text += text;
    this.#listener.onText(text, details);
  }
}
