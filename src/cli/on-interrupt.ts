/** Milliseconds in which a second signal is the first one once more: npx passes on what its whole group receives. */
const echo = 1000;

/**
 * Has `stop` called by the first of the signals, for an end in good order. A second one, unless it comes at once, ends the
 * process.
 *
 * @returns lets go of the signals
 */
export const onInterrupt = (
  stop: () => void,
  signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'],
): (() => void) => {
  let first: number | undefined;
  const onSignal = (): void => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      stop();
    } else if (now - first > echo) process.exit(130);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
};
