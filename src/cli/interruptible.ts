import { errorCodes } from '../errors.ts';

/** Seconds after its time limit in which a training has to come to its end in good order. */
const grace = 300;

/** Milliseconds in which a second signal is the first one once more: npx passes on what its whole group receives. */
const echo = 1000;

/**
 * The first signal, or the time limit, asks for an end in good order; a second signal, or five minutes without that
 * end, ends at once.
 */
export const interruptible = (
  maxSeconds: number | undefined,
  announce: (reason: string) => void,
): { signal: AbortSignal; stop: () => void; timedOut: () => boolean; end: () => void } => {
  const controller = new AbortController();
  let timedOut = false;
  let signalled = Number.NEGATIVE_INFINITY;
  const stop = () => {
    if (controller.signal.aborted) return;
    controller.abort();
    announce('');
  };
  const onSignal = () => {
    const now = performance.now();
    if (controller.signal.aborted && now - signalled > echo) process.exit(130);
    if (!controller.signal.aborted) signalled = now;
    stop();
  };
  const expire = () => {
    timedOut = true;
    controller.abort();
    announce('The time is up.');
    timers.push(setTimeout(() => process.exit(errorCodes.time_limit.exit), grace * 1000).unref());
  };
  const timers = maxSeconds === undefined ? [] : [setTimeout(expire, maxSeconds * 1000).unref()];
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    stop,
    timedOut: () => timedOut,
    end: () => {
      for (const timer of timers) clearTimeout(timer);
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    },
  };
};
