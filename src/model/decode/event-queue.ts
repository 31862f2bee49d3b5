import type { CharacterDetail, CompletionEvent, FinishReason } from '../model.ts';

/** What one completion has made since its reader last looked. */
interface Unread {
  text: string;
  characters: CharacterDetail[] | undefined;
  finishReason: FinishReason | undefined;
}

/** Unread UTF-16 units at which a request waits for its reader. */
const MOST_UNREAD = 1024;

/** What waits for a request's reader: at most one event for each completion, and then the end or an error. */
export class EventQueue {
  readonly #unread = new Map<number, Unread>();
  readonly #onRead: () => void;
  readonly #onFirst: () => void;
  #length = 0;
  #begun = false;
  #ended = false;
  #error: unknown;
  #waiting: (() => void)[] = [];

  /**
   * @param onRead Called when there is room again.
   * @param onFirst Called when the first text is there and a reader waits for it.
   */
  constructor(onRead: () => void, onFirst: () => void) {
    this.#onRead = onRead;
    this.#onFirst = onFirst;
  }

  get isFull(): boolean {
    return this.#length >= MOST_UNREAD;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  post(
    index: number,
    text: string,
    characters?: readonly CharacterDetail[],
    finishReason?: FinishReason,
  ): void {
    let event = this.#unread.get(index);
    if (event === undefined) {
      event = { text: '', characters: undefined, finishReason: undefined };
      this.#unread.set(index, event);
    }
    event.text += text;
    if (characters !== undefined) {
      event.characters ??= [];
      event.characters.push(...characters);
    }
    event.finishReason = finishReason;
    this.#length += text.length + weightOf(characters);
    if (this.#waiting.length === 0) return;
    if (!this.#begun) this.#onFirst();
    this.#begun = true;
    this.#notify();
  }

  /** No more events follow. @param error Thrown to the reader after the events. */
  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    this.#notify();
  }

  async next(): Promise<IteratorResult<CompletionEvent, undefined>> {
    for (;;) {
      const [first] = this.#unread;
      if (first !== undefined) {
        const [index, { text, characters, finishReason }] = first;
        this.#unread.delete(index);
        this.#length -= text.length + weightOf(characters);
        this.#onRead();
        const value = {
          index,
          text,
          ...(characters && { characters }),
          ...(finishReason && { finishReason }),
        };
        return { done: false, value };
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return { done: true, value: undefined };
      await this.#news();
    }
  }

  /** Resolves at the end, whether or not the events are read. @throws what the request failed with */
  async settled(): Promise<void> {
    while (!this.#ended) await this.#news();
    if (this.#error !== undefined) throw this.#error;
  }

  #news(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #notify(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Details take memory too: an alternative about as much as eight characters of text. */
const weightOf = (characters: readonly CharacterDetail[] | undefined): number =>
  characters?.reduce((sum, { top }) => sum + 8 * (1 + top.length), 0) ?? 0;
