import { isFolioError } from '../src/errors.ts';

/** What a bug is known by: its message is left out, which may quote a row, and which the runtime would log. */
const withoutMessage = (error: unknown): Error => {
  const { name, stack = '' } = error instanceof Error ? error : new Error();
  const bare = new Error(
    'A bug: its calls are below, and its message is left out, since it may quote a row.',
  );
  bare.name = name;
  const calls = stack.split('\n').filter((line) => /^\s+at /.test(line));
  bare.stack = [`${bare.name}: ${bare.message}`, ...calls].join('\n');
  return bare;
};

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
      if (!isFolioError(error)) throw withoutMessage(error);
      const named = new Error(error.message, { cause: error });
      named.name = error.code;
      throw named;
    }
  };
