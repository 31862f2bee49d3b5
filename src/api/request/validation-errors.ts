import { errorCodes, expectedMessage, FolioError, isFolioError, type ValidationError } from '../../errors.ts';

/** Faults that one answer lists; a request can have as many as it has bytes. */
const maximumListed = 20;

/** Collects the faults of one request, so that all of them are reported at once. */
export class ValidationErrors {
  readonly #faults: ValidationError[] = [];

  add(code: ValidationError['code'], where: string, message: string): void {
    this.#faults.push({ code, where, message });
  }

  /** Adds the fault of a value that is not what it has to be. */
  addUnexpected(code: ValidationError['code'], where: string, expected: string, received: unknown): void {
    this.add(code, where, expectedMessage(where, expected, received));
  }

  /** Runs a part of the checks and collects the errors that it throws on purpose. */
  async gather<T>(where: string, part: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await part();
    } catch (error) {
      if (!isFolioError(error) || error.status >= 429) throw error;
      const { faults: several } = error.details;
      if (several) this.#faults.push(...several);
      else this.add(error.code, error.details.where ?? where, error.message);
      return undefined;
    }
  }

  throwIfAny(): void {
    if (this.#faults.length > 0) this.raise();
  }

  /** @throws FolioError with the code of the gravest fault: what is malformed goes before what is too much */
  raise(): never {
    const first = this.#faults.toSorted((a, b) => errorCodes[a.code].status - errorCodes[b.code].status)[0];
    if (!first) throw new TypeError('A request was refused without a fault.');
    const listed = this.#faults.slice(0, maximumListed);
    const others = this.#faults.length - listed.length;
    const message = listed.map((fault) => fault.message).join(' ');
    throw new FolioError(first.code, others === 0 ? message : `${message} And ${others} more.`, {
      where: first.where,
      faults: listed,
    });
  }
}
