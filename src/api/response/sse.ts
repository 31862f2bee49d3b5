/**
 * Gathers what is made within one turn of the event loop and hands it on at its end, so that several characters
 * that one advance of the model made for one reader leave in one write; none waits for the next turn.
 */
export class Coalescer<Item> {
  readonly #deliver: (items: Item[]) => void;
  #items: Item[] = [];

  constructor(deliver: (items: Item[]) => void) {
    this.#deliver = deliver;
  }

  push(item: Item): void {
    this.#items.push(item);
    // After the microtasks of this turn, before its next callback: see Node's `process.nextTick`.
    if (this.#items.length === 1) process.nextTick(() => this.flush());
  }

  flush(): void {
    if (this.#items.length === 0) return;
    const items = this.#items;
    this.#items = [];
    this.#deliver(items);
  }
}

/** A response's body, written to from elsewhere. What is pushed is bounded by the request's own limits. */
export class PushedBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #open = true;

  /** @param left Called once when the reader leaves before the end. */
  constructor(left: () => void) {
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#open = false;
        left();
      },
    });
  }

  push(text: string): void {
    if (this.#open) this.#controller.enqueue(this.#encoder.encode(text));
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#controller.close();
  }

  /** Breaks the connection off: the reader learns that the text is not whole. */
  fail(error: unknown): void {
    if (!this.#open) return;
    this.#open = false;
    this.#controller.error(error);
  }
}

/** One server-sent event: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export const serverSentEvent = (data: unknown, event?: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;

export const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;
