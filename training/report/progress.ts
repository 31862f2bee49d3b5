import { MultiBar, type SingleBar } from 'cli-progress';
import type { TrainingEvent } from '../events.ts';
import { duration, grouped } from './format.ts';
import { lineOf } from './progress-line.ts';

/** Shows a training to a person or a program: `update` with every event, then `end` whatever happened. */
export interface Progress {
  update(event: TrainingEvent): void;
  end(): void;
}

export interface ProgressOptions {
  /** Every event as one line of JSON on `out`. */
  readonly json?: boolean;
  /** Plain lines, even on a terminal. */
  readonly lines?: boolean;
  readonly out?: NodeJS.WritableStream;
  /** For people: a bar where this is a terminal, plain lines otherwise. */
  readonly log?: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

export const openProgress = ({
  json = false,
  lines = false,
  out = process.stdout,
  log = process.stderr,
}: ProgressOptions = {}): Progress => {
  if (json) return jsonLines(out);
  return log.isTTY && !lines ? bar(log) : plainLines(log);
};

const jsonLines = (out: NodeJS.WritableStream): Progress => ({
  update: (event) => void out.write(`${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`),
  end: () => {},
});

const STEP_EVERY = 10; // seconds between two lines about steps

const plainLines = (log: NodeJS.WritableStream): Progress => {
  let next = 0;
  return {
    update: (event) => {
      if (event.type === 'step') {
        if (event.seconds < next) return;
        next = event.seconds + STEP_EVERY;
      }
      const line = lineOf(event);
      if (line !== undefined) log.write(`${line}\n`);
    },
    end: () => {},
  };
};

const FORMAT =
  '{bar} {percentage}%  epoch {epoch}  step {value}/{total}  loss {loss}  validation {validation}  {pace} characters/s  {left} left';

const bar = (log: NodeJS.WritableStream): Progress => {
  const bars = new MultiBar({
    format: FORMAT,
    stream: log,
    barsize: 20,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false, // an interrupted training ends in its own way
    linewrap: false,
  });
  let one: SingleBar | undefined;
  let epochs = 0;
  let validation = '…';
  return {
    update: (event) => {
      if (event.type === 'started') {
        epochs = event.epochs;
        const blank = { epoch: `1/${epochs}`, loss: '…', validation, pace: '…', left: '…' };
        log.write(`${lineOf(event)}\n`);
        one = bars.create(event.steps, event.resumedAt ?? 0, blank);
        return;
      }
      if (event.type === 'validation') validation = event.loss.toFixed(4);
      if (event.type === 'step') {
        one?.update(event.step, {
          epoch: `${event.epoch}/${epochs}`,
          loss: event.epochLoss.toFixed(4),
          validation,
          pace: grouped(event.charactersPerSecond),
          left: duration(event.secondsLeft),
        });
        return;
      }
      const line = lineOf(event);
      if (event.type === 'finished') {
        bars.stop();
        one = undefined;
      }
      if (line === undefined) return;
      if (one === undefined) log.write(`${line}\n`);
      else {
        bars.log(`${line}\n`);
        bars.update(); // else a line written just before the end is lost
      }
    },
    end: () => bars.stop(),
  };
};
