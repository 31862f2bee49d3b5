import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { cacheFolder } from '../../src/cache-folder.ts';

const bench = new URL('..', import.meta.url).pathname;
const pythons = {
  onnx: ['onnx==1.23.2', 'onnxruntime==1.32.0', 'numpy==2.4.6'],
  openvino: ['openvino==2026.4.1'],
  // the last with OpenMP; those after it have SYCL, whose queue costs a step half its speed
  onednn: ['onednn-cpu-gomp==2023.2.0', 'onednn-devel-cpu-gomp==2023.2.0'],
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

/** A program of C++ that uses oneDNN, compiled when it is missing or older than its source. */
export const compiledWithOneDnn = (source: string): string => {
  const venv = join(pythonWith('onednn'), '..', '..');
  const program = join(venv, 'bin', basename(source, '.cpp'));
  if (!existsSync(program) || statSync(program).mtimeMs < statSync(source).mtimeMs) {
    const library = join(venv, 'lib');
    const flags = [
      '-O3',
      '-march=native',
      '-ffast-math',
      '-fopenmp',
      '-std=c++17',
      `-I${join(venv, 'include')}`,
    ];
    run('c++', ...flags, source, join(library, 'libdnnl.so.3'), `-Wl,-rpath,${library}`, '-o', program);
  }
  return program;
};

/** A program of `Cargo.toml`, built when it is missing or older than its source. */
export const builtByCargo = (name: string): string => {
  const target = cacheFolder('rust');
  const manifest = new URL('Cargo.toml', import.meta.url).pathname;
  run(
    'cargo',
    'build',
    '--quiet',
    '--release',
    '--locked',
    '--manifest-path',
    manifest,
    '--target-dir',
    target,
    '--bin',
    name,
  );
  return join(target, 'release', name);
};
