#!/usr/bin/env node
import { report, runFolio } from './folio.ts';

/** A reader such as `head` may close the pipe early: that ends the program and is no fault. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : report(error));
});

process.exitCode = await runFolio(process.argv.slice(2));
