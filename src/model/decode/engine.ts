import type { Alphabet } from '../format/alphabet.ts';
import type { Stepper } from '../stepper.ts';
import type { PrefixCache } from './prefix-cache.ts';
import type { Scheduler } from './scheduler.ts';
import type { StateOwner } from './state.ts';

/** The parts of a model that all its sequences share. */
export interface Engine {
  readonly stepper: Stepper;
  readonly scheduler: Scheduler;
  readonly alphabet: Alphabet;
  readonly prefixes: PrefixCache;
  readonly owner: StateOwner;
  /** The character that every text is taken to come after: a line's end, or a space; undefined without either. */
  readonly start: number | undefined;
}
