import { type FolioError, unexpected } from '../../errors.ts';

/** Which slots of a stepper are taken. A slot given back is the first to be handed out again. */
export class Slots {
  readonly #taken: boolean[] = [];
  readonly #free: number[] = [];
  readonly #vocabulary: number;

  constructor(vocabulary: number) {
    this.#vocabulary = vocabulary;
  }

  /** Slots ever handed out: the room that a stepper needs. */
  get length(): number {
    return this.#taken.length;
  }

  open(): number {
    const slot = this.#free.pop() ?? this.#taken.length;
    this.#taken[slot] = true;
    return slot;
  }

  close(slot: number): void {
    this.check(slot);
    this.#taken[slot] = false;
    this.#free.push(slot);
  }

  /** @throws FolioError `invalid_parameter` for a slot that is not open */
  check(slot: number): void {
    if (this.#taken[slot] !== true) throw wrong('slot', 'an open slot', slot);
  }

  /** @throws FolioError `invalid_parameter` unless slots are open and distinct, and each id is a character's */
  checkStep(slots: readonly number[], ids: readonly number[]): void {
    if (slots.length !== ids.length) throw wrong('ids', `${slots.length} ids, one a slot`, ids.length);
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      const id = ids[i]!;
      this.check(slot);
      if (i > 0 && slots.lastIndexOf(slot, i - 1) >= 0) throw wrong('slots', 'distinct slots', slot);
      if (!Number.isInteger(id) || id < 0 || id >= this.#vocabulary) {
        throw wrong('id', `a whole number in 0..${this.#vocabulary - 1}`, id);
      }
    }
  }
}

/** @throws FolioError `invalid_parameter` unless the state has the length that the network needs */
export const checkState = (state: Float32Array, expected: number): void => {
  if (state.length !== expected) throw wrong('state', `${expected} values`, state.length);
};

const wrong = (where: string, expected: string, received: number): FolioError =>
  unexpected('invalid_parameter', where, expected, received);
