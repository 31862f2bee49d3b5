/** Milliseconds in which a second signal is the first one once more: npx passes on what its whole group receives. */
export const echo = 1000;

/** Calls back at every request to end. @returns lets go */
export type EndRequests = (onRequest: () => void) => () => void;

/** Requests to end that are signals. */
export const fromSignals =
  (...signals: readonly NodeJS.Signals[]): EndRequests =>
  (onRequest) => {
    for (const signal of signals) process.on(signal, onRequest);
    return () => {
      for (const signal of signals) process.off(signal, onRequest);
    };
  };

/** The signals that ask a process to end. */
export const endSignals = fromSignals('SIGINT', 'SIGTERM');

/**
 * Has `stop` called by the first request, for an end in good order. A second one, unless it comes at once, ends the
 * process.
 *
 * @returns lets go of the requests; of a signal that has come, once it can come no second time at once
 */
export const onInterrupt = (stop: () => void, requests: EndRequests = endSignals): (() => void) => {
  let first: number | undefined;
  const letGo = requests(() => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      stop();
    } else if (now - first > echo) process.exit(130);
  });
  return () => {
    if (first === undefined) letGo();
    else setTimeout(letGo, echo).unref();
  };
};
