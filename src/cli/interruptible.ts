import { errorCodes } from '../errors.ts';
import { onInterrupt } from './on-interrupt.ts';

/** Seconds after its time limit in which a training has to come to its end in good order. */
const grace = 300;

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
  const stop = () => {
    if (controller.signal.aborted) return;
    controller.abort();
    announce('');
  };
  const expire = () => {
    timedOut = true;
    controller.abort();
    announce('The time is up.');
    timers.push(setTimeout(() => process.exit(errorCodes.time_limit.exit), grace * 1000).unref());
  };
  const timers = maxSeconds === undefined ? [] : [setTimeout(expire, maxSeconds * 1000).unref()];
  const letGo = onInterrupt(() => {
    if (controller.signal.aborted) process.exit(130);
    stop();
  });
  return {
    signal: controller.signal,
    stop,
    timedOut: () => timedOut,
    end: () => {
      for (const timer of timers) clearTimeout(timer);
      letGo();
    },
  };
};
