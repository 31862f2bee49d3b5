import { setTimeout as delay } from 'node:timers/promises';

/** A page of a browser with a new profile, driven as far as the tests that run in several browsers need it. */
export interface PageDriver {
  readonly version: string;
  goto(url: string): Promise<void>;
  click(selector: string): Promise<void>;
  /** Types into a field, after removing what was in it. */
  fill(selector: string, text: string): Promise<void>;
  /** Runs a function in the page. It may use its argument and nothing else from outside. */
  evaluate<Argument, Result>(
    run: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  close(): Promise<void>;
}

export interface PageOptions {
  readonly width: number; // pixels
  readonly height: number;
}

/** @throws Error naming what was waited for, after a minute */
export const waitFor = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(50)) if (await isSo()) return;
  throw new Error(`Waited in vain for: ${what}.`);
};
