import type { StepEvent, TrainingEvent } from '../events.ts';

const MOST_STEPS = 600;

/**
 * A training's events so far, kept in its checkpoints so that the report of a resumed run begins where the
 * training did. Of the many `step` events a bounded, even choice stays.
 */
export class EventHistory {
  readonly #others: TrainingEvent[] = [];
  #steps: StepEvent[] = [];
  /** Optimiser steps between two kept `step` events, at least. */
  #stride = 1;

  constructor(events: readonly TrainingEvent[] = []) {
    for (const event of events) this.add(event);
  }

  /** @returns the event */
  add<Event extends TrainingEvent>(event: Event): Event {
    if (event.type !== 'step') this.#others.push(event);
    else if (event.step >= (this.#steps.at(-1)?.step ?? Number.NEGATIVE_INFINITY) + this.#stride) {
      this.#steps.push(event);
      if (this.#steps.length > MOST_STEPS) {
        this.#stride = Math.max(2 * this.#stride, Math.ceil((2 * event.step) / MOST_STEPS));
        this.#steps = this.#steps.filter((_, index) => index % 2 === 0);
      }
    }
    return event;
  }

  /** Steps first, then the rest, each in order. */
  get events(): readonly TrainingEvent[] {
    return [...this.#steps, ...this.#others];
  }
}
