import { isFolioError } from '../src/errors.ts';

/**
 * Step Functions knows an error of a function by its name: that of a fault that Folio knows becomes its code, such as
 * `model_not_found`, so that a state machine can see what another try may mend.
 */
export const namedByCode =
  <Result>(handler: (event: unknown) => Promise<Result>) =>
  async (event: unknown): Promise<Result> => {
    try {
      return await handler(event);
    } catch (error) {
      if (!isFolioError(error)) throw error;
      const named = new Error(error.message, { cause: error });
      named.name = error.code;
      throw named;
    }
  };
