import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cacheFolder } from '../../src/cache-folder.ts';

const bench = new URL('..', import.meta.url).pathname;
const pythons = {
  onnx: ['onnx==1.23.2', 'onnxruntime==1.32.0'],
  openvino: ['openvino==2026.4.1'],
} as const;

const run = (command: string, ...parameters: readonly string[]): void => {
  // stdout is the bench's own: it may be JSON
  execFileSync(command, parameters, { stdio: ['ignore', process.stderr, 'inherit'] });
};

/** A package of bench/package.json, installed when it is missing. */
export const rivalPackage = (name: string): unknown => {
  if (!existsSync(join(bench, 'node_modules', name))) run('npm', 'ci', '--prefix', bench);
  return createRequire(join(bench, 'package.json'))(name);
};

/** A Python with packages of its own, installed in the cache when it is missing. */
export const pythonWith = (name: keyof typeof pythons): string => {
  const python = pythons[name];
  const folder = cacheFolder(name);
  const executable = join(folder, 'venv', 'bin', 'python');
  const ready = join(folder, 'venv', python.join(' '));
  if (!existsSync(ready)) {
    run('python3', '-m', 'venv', join(folder, 'venv'));
    run(executable, '-m', 'pip', 'install', '--quiet', ...python);
    run(executable, '-c', `import sys; open(sys.argv[1], 'w').close()`, ready);
  }
  return executable;
};
