/**
 * `Headers`, `Request` and `Response` for the function that generates: as much of the Fetch standard as the API uses.
 * Node loads its whole HTTP client, HTTP/2 included, with the first of its own three, which was the largest part of a
 * cold start (docs/engine.md). `bundle.ts` puts these in their place; a test compares the two call by call.
 */

type HeadersSource = Iterable<readonly [string, string]> | Readonly<Record<string, string>> | undefined;
type BodySource = ReadableStream<Uint8Array> | Uint8Array | ArrayBuffer | string | null | undefined;

const tokens = /^[!#$%&'*+\-.^_`|~\da-z]+$/i;
// A byte each, and none that would end the line.
const notOfAValue = /[\0\r\n]|[^\0-\xff]/;

const checkName = (name: unknown): string => {
  const text = String(name);
  if (!tokens.test(text)) throw new TypeError(`${JSON.stringify(text)} is no name of a header.`);
  return text.toLowerCase();
};

const checkValue = (name: string, value: unknown): string => {
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (notOfAValue.test(text)) throw new TypeError(`The header ${name} has a value that no header may have.`);
  return text;
};

/** As the standard's: names in any case, read in order of name, values of one name joined, but those of `set-cookie`. */
export class Headers {
  readonly #values = new Map<string, readonly string[]>();

  /** @throws TypeError for a name or value that no header may have */
  constructor(source?: HeadersSource) {
    if (source == null) return;
    const pairs = Symbol.iterator in source ? source : Object.entries(source);
    for (const [name, value] of pairs as Iterable<readonly [string, string]>) this.append(name, value);
  }

  append(name: string, value: string): void {
    const key = checkName(name);
    this.#values.set(key, [...(this.#values.get(key) ?? []), checkValue(key, value)]);
  }

  set(name: string, value: string): void {
    const key = checkName(name);
    this.#values.set(key, [checkValue(key, value)]);
  }

  get(name: string): string | null {
    return this.#values.get(checkName(name))?.join(', ') ?? null;
  }

  getSetCookie(): string[] {
    return [...(this.#values.get('set-cookie') ?? [])];
  }

  has(name: string): boolean {
    return this.#values.has(checkName(name));
  }

  delete(name: string): void {
    this.#values.delete(checkName(name));
  }

  forEach(each: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this) each(value, name, this);
  }

  *entries(): Generator<[string, string], undefined> {
    for (const name of [...this.#values.keys()].sort()) {
      const values = this.#values.get(name) ?? [];
      for (const value of name === 'set-cookie' ? values : [values.join(', ')]) yield [name, value];
    }
  }

  *keys(): Generator<string, undefined> {
    for (const [name] of this) yield name;
  }

  *values(): Generator<string, undefined> {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator](): Generator<[string, string], undefined> {
    return this.entries();
  }
}

/** What a request and a response share: a body that is read once. */
class Message {
  readonly headers: Headers;
  readonly #given: Uint8Array | string | null;
  #stream: ReadableStream<Uint8Array> | null;
  #read = false;

  constructor(body: BodySource, headers: HeadersSource) {
    this.headers = new Headers(headers);
    this.#stream = body instanceof ReadableStream ? body : null;
    this.#given =
      body == null || body instanceof ReadableStream ? null : typeof body === 'string' ? body : asBytes(body);
    if (this.#stream?.locked) throw new TypeError('The body is being read already.');
    if (typeof body === 'string' && !this.headers.has('content-type')) {
      this.headers.set('content-type', 'text/plain;charset=UTF-8');
    }
  }

  get body(): ReadableStream<Uint8Array> | null {
    const given = this.#given;
    if (given !== null && this.#stream === null) {
      const bytes = typeof given === 'string' ? new TextEncoder().encode(given) : given;
      this.#stream = new ReadableStream({
        pull: (controller) => {
          if (bytes.length > 0) controller.enqueue(bytes);
          controller.close();
        },
      });
    }
    return this.#stream;
  }

  get bodyUsed(): boolean {
    return this.#read;
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#read || this.#stream?.locked) throw new TypeError('The body has been read already.');
    const chunks: Uint8Array[] = [];
    const { body } = this;
    this.#read = body !== null;
    for await (const chunk of body ?? []) chunks.push(chunk);
    return Uint8Array.from(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
}

const asBytes = (body: Uint8Array | ArrayBuffer): Uint8Array => {
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  throw new TypeError('A body is a string, bytes or a stream of bytes here.');
};

const upperCased = /^(?:delete|get|head|options|post|put)$/i;

export class Request extends Message {
  readonly url: string;
  readonly method: string;
  readonly signal: AbortSignal;

  /** @throws TypeError for an address, a method, a header or a body that no request may have */
  constructor(
    url: string | URL,
    options: { method?: string; headers?: HeadersSource; body?: BodySource; signal?: AbortSignal } = {},
  ) {
    const { method = 'GET', headers, body = null, signal = new AbortController().signal } = options;
    super(body, headers);
    if (!tokens.test(method)) throw new TypeError(`${JSON.stringify(method)} is no method of a request.`);
    this.method = upperCased.test(method) ? method.toUpperCase() : method;
    if (body !== null && (this.method === 'GET' || this.method === 'HEAD')) {
      throw new TypeError(`A request by ${this.method} has no body.`);
    }
    this.url = new URL(url).href;
    this.signal = signal;
  }
}

const withoutBody: readonly number[] = [101, 204, 205, 304];

export class Response extends Message {
  readonly status: number;
  readonly statusText: string;

  /** @throws RangeError for a status outside 200 to 599; TypeError for a body where the status has none */
  constructor(
    body: BodySource = null,
    options: { status?: number; statusText?: string; headers?: HeadersSource } = {},
  ) {
    const { status = 200, statusText = '', headers } = options;
    super(body, headers);
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new RangeError(`A response has a status of 200 to 599, not ${status}.`);
    }
    if (body !== null && withoutBody.includes(status)) {
      throw new TypeError(`A response with the status ${status} has no body.`);
    }
    this.status = status;
    this.statusText = statusText;
  }

  get ok(): boolean {
    return this.status < 300;
  }
}
