/**
 * Items that several producers make and one reader takes, all that are there at a time. Producers wait while the reader
 * has enough to take.
 */
export class BatchQueue<Item> {
  readonly #limit: number;
  #items: Item[] = [];
  #size = 0;
  #ended = false;
  #error: unknown;
  #onItem: (() => void) | undefined;
  #onRoom: (() => void)[] = [];

  /** @param limit Size of untaken items at which producers wait. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves when there is room for more. */
  async push(item: Item, size: number): Promise<void> {
    this.#items.push(item);
    this.#size += size;
    this.#onItem?.();
    if (this.#size < this.#limit || this.#ended) return;
    await new Promise<void>((resolve) => this.#onRoom.push(resolve));
  }

  /** Nothing more comes. @param error Thrown to the reader after the items. */
  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    this.#onItem?.();
    this.#release();
  }

  /** All items that are there, at least one; undefined at the end. */
  async take(): Promise<readonly Item[] | undefined> {
    if (this.#items.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#onItem = resolve;
      });
      this.#onItem = undefined;
      // What else this turn of the event loop makes leaves in the same batch: see Node's `process.nextTick`.
      if (!this.#ended) await new Promise<void>((resolve) => process.nextTick(resolve));
    }
    if (this.#items.length === 0) {
      if (this.#error !== undefined) throw this.#error;
      return undefined;
    }
    const items = this.#items;
    this.#items = [];
    this.#size = 0;
    this.#release();
    return items;
  }

  #release(): void {
    const waiting = this.#onRoom;
    this.#onRoom = [];
    for (const resolve of waiting) resolve();
  }
}
