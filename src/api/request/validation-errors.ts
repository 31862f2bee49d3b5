import { errorCodes, FolioError, isFolioError, type ValidationError } from '../../errors.ts';

/** Collects the faults of one request, so that all of them are reported at once. */
export class ValidationErrors {
  readonly #faults: ValidationError[] = [];

  add(code: ValidationError['code'], where: string, message: string): void {
    this.#faults.push({ code, where, message });
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
    const message = this.#faults.map((fault) => fault.message).join(' ');
    throw new FolioError(first.code, message, { where: first.where, faults: this.#faults });
  }
}
