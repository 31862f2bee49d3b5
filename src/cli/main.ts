#!/usr/bin/env node
// Node keeps compiled code from run to run, in a folder of the system's for temporary files: a tenth of a command's start.
process.getBuiltinModule('node:module').enableCompileCache?.(); // none in Node 20
const { report, runFolio } = await import('./folio.ts');

/** A reader such as `head` may close the pipe early: that ends the program and is no fault. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : report(error));
});

process.exitCode = await runFolio(process.argv.slice(2));
