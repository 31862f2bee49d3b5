import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, FolioError, isFolioError } from '../errors.ts';
import type { Precision } from '../model/stepper.ts';
import { pointerKey } from './keys.ts';
import { inPlaceOf, listVersions } from './models.ts';
import { parsePointer } from './pointer.ts';
import type { Store, StoredObject } from './store.ts';

/** What an operator should know of the models: one line for each fault, not one for each request. */
export interface ModelLogLine {
  readonly level: 'error' | 'info';
  readonly message: string;
  /** NAME or NAME@VERSION. */
  readonly model: string;
  readonly code?: ErrorCode;
}

export interface CurrentVersionsOptions {
  readonly store: Store;
  /** Milliseconds for which a pointer is taken to be unchanged. */
  readonly reloadAfter: number;
  readonly now: () => number;
  readonly log: (line: ModelLogLine) => void;
  /** Brings a version into memory. @throws what is wrong with it */
  readonly open: (name: string, version: string, precision: Precision) => Promise<void>;
}

/** What the name of a model stands for, as far as is known. */
interface Known {
  /** The version that is served: it could be opened. */
  readonly version: string;
  /** What the pointer said: the same, unless that version cannot be opened. */
  readonly pointed: string | undefined;
  /** The pointer, whose etag is hashed when somebody asks for it. */
  readonly pointer: Pick<StoredObject, 'etag'>;
  readonly checkedAt: number;
  /** The last look at the store failed. */
  readonly troubled: boolean;
}

interface Refresh {
  /** When it is over, or has lasted so long that nobody waits for it any more. */
  readonly soon: Promise<unknown>;
}

const graceMs = 500; // that a request waits for a look at the store, which usually takes some 20
const troubledGraceMs = 100; // after a look that failed
const retryAfterMs = 1_000; // after a look that failed
const deadlineMs = 60_000; // of one look, the loading of a new version included
const fallbacks = 3; // versions tried in place of one that cannot be opened

/** Faults of a version itself, not of the way to it. */
const versionFaults: readonly ErrorCode[] = [
  'model_damaged',
  'model_invalid',
  'model_unsupported',
  'model_not_found',
];

export const isVersionFault = (error: unknown): error is FolioError =>
  isFolioError(error) && versionFaults.includes(error.code);

/**
 * Which version of each model is served. A new current version is noticed within `reloadAfter`, and takes the place of
 * the served one only when it has been opened. A store that does not answer delays a request by no more than half a
 * second, once: the served version goes on, and the store is looked at in the background until it answers again.
 */
export class CurrentVersions {
  readonly #options: CurrentVersionsOptions;
  readonly #known = new Map<string, Known>();
  readonly #opening = new Map<string, Promise<string>>();
  readonly #falling = new Map<string, Promise<string>>();
  readonly #refreshing = new Map<string, Refresh>();
  /** The last fault logged of each model: the same one is not logged again. */
  readonly #logged = new Map<string, string>();

  constructor(options: CurrentVersionsOptions) {
    this.#options = options;
  }

  /**
   * The version to serve: one that could be opened, or, where none is known, the one that the pointer names.
   *
   * @param precision In which a new version is opened.
   * @throws FolioError `model_not_found`, `store_failed`, `unavailable`
   */
  async version(name: string, precision: Precision): Promise<string> {
    const known = this.#known.get(name);
    if (known === undefined) return this.#first(name, precision);
    if (this.#options.now() - known.checkedAt < this.#options.reloadAfter) return known.version;
    const refresh = this.#refreshing.get(name) ?? this.#refresh(name, known, precision);
    await refresh.soon;
    return this.#known.get(name)?.version ?? this.#first(name, precision);
  }

  /**
   * The version to serve in place of one that could not be opened: the newest before it that can be, or else the newest
   * of all.
   *
   * @throws FolioError `unavailable` where there is none, or the fault itself if that is a server's
   */
  fallback(name: string, broken: string, precision: Precision, fault: FolioError): Promise<string> {
    const known = this.#known.get(name);
    if (known !== undefined && known.version !== broken) return Promise.resolve(known.version);
    return shared(this.#falling, name, async () => {
      const version = await this.#openAnother(name, broken, precision, fault);
      if (known) this.#known.set(name, { ...known, version });
      return version;
    });
  }

  clear(): void {
    this.#known.clear();
  }

  /** Nothing is known yet: whoever asks has to wait. */
  #first(name: string, precision: Precision): Promise<string> {
    return shared(this.#opening, name, async () => {
      const { store, now } = this.#options;
      const checkedAt = now();
      const key = pointerKey(name);
      const object = await store.read(key);
      if (object === undefined) throw notFound(name);
      const known = { pointer: object, checkedAt, troubled: false };
      try {
        const pointed = parsePointer(object.bytes, key);
        this.#known.set(name, { ...known, version: pointed, pointed });
        return pointed;
      } catch (error) {
        if (!isVersionFault(error)) throw error;
        const version = await this.#openAnother(name, undefined, precision, error);
        this.#known.set(name, { ...known, version, pointed: undefined });
        return version;
      }
    });
  }

  async #openAnother(
    name: string,
    broken: string | undefined,
    precision: Precision,
    fault: FolioError,
  ): Promise<string> {
    const { store, open } = this.#options;
    const versions = (await listVersions(store, name)).map(({ version }) => version);
    const others = inPlaceOf(broken, versions);
    for (const version of others.slice(0, fallbacks)) {
      try {
        await open(name, version, precision);
        this.#logFault(name, broken, fault, version);
        return version;
      } catch (error) {
        if (!isVersionFault(error)) throw error;
      }
    }
    this.#logFault(name, broken, fault, undefined);
    // What the server holds is not the caller's fault.
    throw fault.status >= 500
      ? fault
      : new FolioError('unavailable', `No version of ${name} can be opened. ${fault.message}`, {
          where: 'model',
          received: name,
          cause: fault,
        });
  }

  #refresh(name: string, known: Known, precision: Precision): Refresh {
    const over = new AbortController();
    const looking = Promise.race([this.#look(name, known, precision), failsAfter(deadlineMs, over.signal)])
      .catch((error: unknown) => this.#goOn(name, known, error))
      .finally(() => {
        over.abort();
        this.#refreshing.delete(name);
      });
    const grace = delay(known.troubled ? troubledGraceMs : graceMs, undefined, { ref: false });
    const refresh = { soon: Promise.race([looking, grace]) };
    this.#refreshing.set(name, refresh);
    // From then on nobody waits, whether this look ends or not.
    void grace.then(() => {
      if (this.#refreshing.get(name) === refresh) this.#refreshing.set(name, { soon: Promise.resolve() });
    });
    return refresh;
  }

  async #look(name: string, known: Known, precision: Precision): Promise<void> {
    const { store, now, open } = this.#options;
    const checkedAt = now();
    const key = pointerKey(name);
    const object = await store.readIfChanged(key, known.pointer.etag);
    if (object === undefined) {
      this.#known.delete(name);
      return;
    }
    const pointer = object === 'unchanged' ? known.pointer : object;
    let pointed = object === 'unchanged' ? known.pointed : undefined;
    try {
      if (object !== 'unchanged') pointed = parsePointer(object.bytes, key);
      if (pointed === undefined) throw new FolioError('model_invalid', `${key} is damaged.`);
      if (pointed !== known.version) await open(name, pointed, precision);
      this.#known.set(name, { version: pointed, pointed, pointer, checkedAt, troubled: false });
      if (pointed !== known.version || known.troubled) this.#logged.delete(name);
    } catch (error) {
      if (!isVersionFault(error)) throw error;
      this.#known.set(name, { version: known.version, pointed, pointer, checkedAt, troubled: false });
      this.#logFault(name, pointed, error, known.version);
    }
  }

  /** The store did not answer: the served version goes on, and soon there is another look. */
  #goOn(name: string, known: Known, error: unknown): void {
    const { now, reloadAfter } = this.#options;
    const checkedAt = now() - Math.max(0, reloadAfter - retryAfterMs);
    this.#known.set(name, { ...known, checkedAt, troubled: true });
    const message = error instanceof Error ? error.message : String(error);
    const fault = isFolioError(error) ? error : new FolioError('store_failed', message, { cause: error });
    this.#logFault(name, known.pointed, fault, known.version);
  }

  #logFault(name: string, version: string | undefined, fault: FolioError, served: string | undefined): void {
    const same = `${fault.code} ${version}`;
    if (this.#logged.get(name) === same) return;
    this.#logged.set(name, same);
    const rest = served === undefined ? 'No other version can be opened.' : `${name}@${served} goes on.`;
    this.#options.log({
      level: 'error',
      model: version === undefined ? name : `${name}@${version}`,
      code: fault.code,
      message: `${fault.message} ${rest}`,
    });
  }
}

const notFound = (name: string): FolioError =>
  new FolioError('model_not_found', `There is no model ${name}.`, { where: 'model', received: name });

async function failsAfter(milliseconds: number, signal: AbortSignal): Promise<never> {
  await delay(milliseconds, undefined, { ref: false, signal });
  throw new FolioError('store_failed', `The store did not answer within ${milliseconds / 1000} seconds.`);
}

/** Concurrent callers share one run of the work; what it came to is not kept. */
function shared<Result>(
  running: Map<string, Promise<Result>>,
  key: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const under = running.get(key);
  if (under) return under;
  const run = work().finally(() => running.delete(key));
  running.set(key, run);
  return run;
}
