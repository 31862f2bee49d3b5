import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { builtins } from '../scripts/builtins.ts';
import { functionExpressions, markFirstCalls } from '../scripts/first-calls.ts';
import { oneChunk } from '../scripts/one-chunk.ts';
import { committedFolder, committedNetwork } from './committed-network.ts';
import { benchOptions, interleave, median, report, type Subject } from './harness.ts';
import { onnxModels } from './rivals/network-files.ts';
import { tensorFlow } from './rivals/tensorflow.ts';

const { json, rounds, wanted } = benchOptions(15);
const programs = new URL('dist/', import.meta.url).pathname;

// Plain JavaScript, built as the library is; packages stay where npm put them.
await build({
  entryPoints: ['node', 'folio', 'tfjs-node', 'onnxruntime'].map(
    (name) => new URL(`cold/${name}.ts`, import.meta.url).pathname,
  ),
  outdir: programs,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  packages: 'external',
  supported: functionExpressions,
  plugins: [builtins, oneChunk(new URL('../src/load-model.ts', import.meta.url).pathname, /cold/)],
});
const folder = committedFolder();
await markFirstCalls(programs, [[join(programs, 'folio.mjs'), folder]]);

/** Milliseconds from starting a process to the first byte that it writes. */
const firstByte = (
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<number> =>
  new Promise((resolve, reject) => {
    const start = performance.now();
    let first: number | undefined;
    let complaint = '';
    const child = spawn(process.execPath, [join(programs, `${program}.mjs`), ...parameters], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', ...environment },
    });
    child.stdout.once('data', () => {
      first = performance.now() - start;
    });
    child.stderr.on('data', (chunk) => {
      complaint += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0 && first !== undefined) resolve(first);
      else reject(new Error(`${program} ended with ${code}: ${complaint}`));
    });
  });

const network = committedNetwork();
const units = network.layers.map((layer) => String(layer.units));
const parameters: Record<string, () => readonly string[]> = {
  folio: () => [folder],
  'tfjs-node': () => {
    tensorFlow();
    return [join(folder, 'model.json'), String(network.vocabulary)];
  },
  onnxruntime: () => [onnxModels(network), ...units],
  node: () => [],
};
/** Node keeps the compiled code of the first process there, and the others start with it. */
const cache = mkdtempSync(join(tmpdir(), 'folio-bench-'));
const variants: Record<string, { readonly program: string; readonly environment: Record<string, string> }> = {
  'folio-compile-cache': { program: 'folio', environment: { NODE_COMPILE_CACHE: cache } },
};

const subjects: Subject[] = [];
for (const subject of [...Object.keys(parameters), ...Object.keys(variants)]) {
  if (!wanted('committed', subject)) continue;
  const { program = subject, environment } = variants[subject] ?? {};
  const given = parameters[program]!();
  const measure = (): Promise<number> => firstByte(program, given, environment);
  await measure(); // warms the file cache
  subjects.push({ case: 'committed', subject, unit: 'ms', measure });
}
const cases = await interleave(subjects, rounds);
rmSync(cache, { recursive: true });

const runsOf = (subject: string): readonly number[] | undefined =>
  cases.find((one) => one.subject === subject)?.runs;
const node = runsOf('node');
const notes = ['folio', ...Object.keys(variants)].flatMap((subject) => {
  const runs = runsOf(subject);
  if (!runs || !node) return [];
  const added = median(runs.map((run, i) => run - node[i]!)).toFixed(1);
  return [`${subject} adds ${added} ms to a bare Node start.`];
});

report(cases, {
  json,
  ratios: [
    { what: 'tfjs-node over folio', case: 'committed', a: 'tfjs-node', b: 'folio' },
    { what: 'onnxruntime over folio', case: 'committed', a: 'onnxruntime', b: 'folio' },
  ],
  notes,
});
