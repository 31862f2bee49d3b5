import { MultiBar, type SingleBar } from 'cli-progress';
import { wrapText } from '../../src/wrap-text.ts';
import type { TrainingEvent } from '../events.ts';
import { clock, grouped } from './format.ts';
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
  readonly log?: Terminal & { readonly isTTY?: boolean };
}

/** A stream that may know its width in characters; `getWindowSize` follows the user's changes. */
type Terminal = NodeJS.WritableStream & {
  readonly columns?: number;
  readonly getWindowSize?: () => readonly [number, number];
};

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

/** What a bar shows beside itself. */
export interface BarFields {
  readonly left: string;
  readonly loss: string;
  readonly validation: string;
  readonly pace: string;
  readonly epoch: string;
  readonly step: string;
}

const WIDEST_BAR = 30; // characters
const NARROWEST_BAR = 8;

/**
 * One row of a terminal: a bar, percent, time left and loss, then as much of the rest as there is room for.
 *
 * @param width In characters; the last column stays free, since a few terminals wrap there.
 * @param progress 0 to 1.
 */
export const barLine = (width: number, progress: number, fields: BarFields): string => {
  const room = Math.max(0, width - 1);
  const { left, loss, validation, pace, epoch, step } = fields;
  let line = `${String(Math.floor(100 * progress)).padStart(3)}%  ${left.padStart(4)} left  loss ${loss.padEnd(6)}`;
  for (const field of [
    `validation ${validation.padEnd(6)}`,
    `${pace.padStart(6)} characters/s`,
    `epoch ${epoch}`,
    `step ${step}`,
  ]) {
    if (line.length + 2 + field.length + NARROWEST_BAR + 1 > room) break;
    line += `  ${field}`;
  }
  const cells = Math.min(WIDEST_BAR, room - line.length - 1);
  if (cells < NARROWEST_BAR) return line.slice(0, room);
  const full = Math.round(cells * progress);
  return `${'█'.repeat(full)}${'░'.repeat(cells - full)} ${line}`;
};

/** An event as `lineOf` has it, its sentences broken between words; samples are fitted already. */
const rowsOf = (event: TrainingEvent, width: number): string | undefined => {
  const text = lineOf(event, width);
  if (text === undefined || event.type === 'sample') return text;
  return text
    .split('\n')
    .flatMap((line) => wrapText(line, width, { indent: line.startsWith(' ') ? 4 : 2, cutWords: false }))
    .join('\n');
};

const bar = (log: Terminal): Progress => {
  const width = () => log.getWindowSize?.()[0] || log.columns || 80;
  const bars = new MultiBar({
    // Asked at every drawing: the terminal may have been resized.
    format: (_, { progress }, fields) => barLine(width(), progress, fields),
    stream: log,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false, // an interrupted training ends in its own way
    linewrap: false,
  });
  let one: SingleBar | undefined;
  let epochs = 0;
  let steps = 0;
  let validation = '…';
  return {
    update: (event) => {
      if (event.type === 'started') {
        epochs = event.epochs;
        const blank = { epoch: `1/${epochs}`, loss: '…', validation, pace: '…', left: '…', step: '…' };
        log.write(`${rowsOf(event, width())}\n`);
        steps = event.steps;
        one = bars.create(event.steps, event.resumedAt ?? 0, blank);
        return;
      }
      if (event.type === 'validation') {
        validation = event.loss.toFixed(4);
        one?.update({ validation });
      }
      if (event.type === 'step') {
        one?.update(event.step, {
          epoch: `${event.epoch}/${epochs}`,
          loss: event.epochLoss.toFixed(4),
          validation,
          pace: grouped(event.charactersPerSecond),
          left: clock(event.secondsLeft),
          step: `${grouped(event.step)}/${grouped(steps)}`,
        });
        return;
      }
      const line = rowsOf(event, width());
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
