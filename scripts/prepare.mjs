// npm runs this after an install in a checkout. `npm ci --omit=dev` leaves out what `dist/` is built with: TypeScript,
// esbuild and the Node that runs TypeScript. This file is JavaScript because an older Node may have to run it.
import { existsSync } from 'node:fs';

if (existsSync(new URL('../node_modules/esbuild', import.meta.url))) await import('../build.ts');
else process.stderr.write('dist/ was not built: the development packages are not installed.\n');
