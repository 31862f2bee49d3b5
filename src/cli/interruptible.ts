import { errorCodes } from '../errors.ts';
import { endSignals, onInterrupt } from './on-interrupt.ts';

/** Seconds after its time limit in which a training has to come to its end in good order. */
const grace = 300;

/** A training that can be asked to end. */
export interface Interruptible {
  readonly signal: AbortSignal;
  /** Asks for the end, as the first signal does. */
  readonly stop: () => void;
  /** From here on the training is over: it is published even if it is asked to end, unless it is asked twice. */
  readonly finish: () => void;
  readonly timedOut: () => boolean;
  /** Lets go of the signals. */
  readonly end: () => void;
}

/**
 * The first signal, or the time limit, asks for an end in good order; a second signal, or five minutes without that
 * end, ends at once.
 *
 * @param print Says what the request leads to
 * @param requests Where requests to end come from
 */
export const interruptible = (
  maxSeconds: number | undefined,
  print: (line: string) => void,
  requests = endSignals,
): Interruptible => {
  const controller = new AbortController();
  let timedOut = false;
  let isFinished = false;
  const announce = (reason: string) => {
    const what = isFinished
      ? 'The training is over: it is measured and published, which takes a moment'
      : 'Stopping after a last checkpoint';
    print(`${reason} ${what}; once more to stop at once.`.trimStart());
  };
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
  }, requests);
  return {
    signal: controller.signal,
    stop,
    finish: () => {
      isFinished = true;
    },
    timedOut: () => timedOut,
    end: () => {
      for (const timer of timers) clearTimeout(timer);
      letGo();
    },
  };
};
