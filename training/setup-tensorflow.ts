import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder } from '../src/cache-folder.ts';
import { FolioError } from '../src/errors.ts';
import { tensorFlowFolder } from './loop/tensorflow.ts';

/**
 * Puts TensorFlow's C library and tfjs-node's binding to it on this machine: the package's own download where its
 * host can be reached, else the library out of the TensorFlow wheel of the Python registry, with the binding
 * compiled from the package's source. Both live in the cache folder; node_modules holds links to them alone, so
 * that the next checkout has nothing to fetch.
 */
const run = promisify(execFile);
const require = createRequire(import.meta.url);

const wheel = {
  version: '2.21.0',
  file: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
  sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  bytes: 273_829_956,
} as const;

const ownHost =
  'https://storage.googleapis.com/tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz';

/** Written last into a finished cache entry. */
interface Ready {
  readonly tensorflow: string;
  readonly from: 'the package’s own download' | 'the TensorFlow wheel';
}

/** One line for a person. */
type Log = (line: string) => void;

/** Node-API's headers: the binding needs no others of Node's. */
const nodeHeaders = (): string => (require('node-api-headers') as { include_dir: string }).include_dir;

const sha256 = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
};

/** Runs a command whose output goes to the person's terminal. */
const show = (command: string, args: readonly string[], cwd: string, milliseconds: number): Promise<void> =>
  new Promise((resolve, reject) => {
    // Not spawn's own timeout: of a program that is missing its timer stays, and keeps the process alive.
    const signal = AbortSignal.timeout(milliseconds);
    const child = spawn(command, args, { cwd, stdio: ['ignore', 2, 2], signal });
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`${command} ended with ${signal ?? `exit code ${code}`}`)),
    );
  });

const reasonOf = (fault: unknown): string => {
  const { message, cause } = fault as Error;
  return `${message.split('\n', 1)[0]}${cause instanceof Error ? ` (${cause.message})` : ''}`;
};

const first = async <T>(attempts: readonly (() => Promise<T>)[]): Promise<T> => {
  const faults: unknown[] = [];
  for (const attempt of attempts) {
    try {
      return await attempt();
    } catch (fault) {
      faults.push(fault);
    }
  }
  throw new AggregateError(faults, faults.map((fault) => (fault as Error).message).join('; '));
};

/** The package's own install script, where its host answers within five seconds. */
const fromOwnDownload = async (folder: string, log: Log): Promise<Ready['from']> => {
  const answer = await fetch(ownHost, { method: 'HEAD', signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Error(`its host answered ${answer.status}`);
  const source = tensorFlowFolder();
  log('Fetching libtensorflow and the binding as the package does');
  await rm(join(source, 'deps'), { recursive: true, force: true });
  await rm(join(source, 'lib'), { recursive: true, force: true });
  await show(process.execPath, ['scripts/install.js'], source, 15 * 60_000);
  if (!existsSync(join(source, 'lib')) || !existsSync(join(source, 'deps', 'lib'))) {
    throw new Error('its install script left no binding');
  }
  await show('cp', ['-r', join(source, 'deps'), join(source, 'lib'), folder], source, 60_000);
  return 'the package’s own download';
};

/** Member names of the wheel to unpack; prints how far it is. */
const unpack = `
import sys, zipfile, os
wheel, target = sys.argv[1:]
want = ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2',
        'tensorflow/include/LICENSE', 'tensorflow/THIRD_PARTY_NOTICES.txt') # the terms stay with the library
heads = ('tensorflow/include/tensorflow/', 'tensorflow/include/tsl/', 'tensorflow/include/xla/')
with zipfile.ZipFile(wheel) as z:
    names = [n for n in z.namelist() if n in want or (n.startswith(heads) and n.endswith('.h'))]
    total = sum(z.getinfo(n).file_size for n in names); done = 0
    for n in names:
        path = os.path.join(target, 'lib' if n in want else '', os.path.basename(n) if n in want else n[len('tensorflow/'):])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with z.open(n) as source, open(path, 'wb') as out:
            while piece := source.read(1 << 22):
                out.write(piece); done += len(piece)
                if sys.stderr.isatty(): print('\\r  unpacking %3d %%' % (100 * done // total), end='', file=sys.stderr)
    if sys.stderr.isatty(): print(file=sys.stderr)
`;

const fromWheel = async (folder: string, log: Log): Promise<Ready['from']> => {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`the wheel's library serves linux-x64, this is ${process.platform}-${process.arch}`);
  }
  const headers = nodeHeaders();
  const work = join(folder, 'wheel');
  await mkdir(work);
  log(`Fetching TensorFlow ${wheel.version} through pip (${Math.round(wheel.bytes / 2 ** 20)} MiB)`);
  const request = [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--disable-pip-version-check',
    '--dest',
    work,
  ];
  const target = ['--implementation', 'cp', '--python-version', '3.11', '--abi', 'cp311'];
  const wanted = ['--platform', 'manylinux_2_27_x86_64', `tensorflow-cpu==${wheel.version}`];
  const args = ['-m', 'pip', ...request, ...target, ...wanted];
  await first(['python3', 'python'].map((python) => () => show(python, args, work, 20 * 60_000)));
  const path = join(work, wheel.file);
  const digest = existsSync(path) ? await sha256(path) : `nothing but ${(await readdir(work)).join(', ')}`;
  if (digest !== wheel.sha256) {
    throw new Error(`the wheel's SHA-256 should be ${wheel.sha256}, pip brought ${digest}`);
  }
  const deps = join(folder, 'deps');
  await first(
    ['python3', 'python'].map((python) => () => show(python, ['-c', unpack, path, deps], work, 600_000)),
  );
  await rm(work, { recursive: true });
  await symlink('libtensorflow_cc.so.2', join(deps, 'lib', 'libtensorflow.so'));
  await symlink('libtensorflow_framework.so.2', join(deps, 'lib', 'libtensorflow_framework.so'));

  log('Compiling the binding');
  const binding = join(folder, 'lib', `napi-v${bindingVersion}`);
  await mkdir(binding, { recursive: true });
  const source = tensorFlowFolder();
  await run('g++', [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-w', `-DNAPI_VERSION=${bindingVersion}`],
    ...['-o', join(binding, 'tfjs_binding.node')],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(source, 'binding', name)),
    ...[`-I${headers}`, `-I${join(deps, 'include')}`, `-I${source}`, `-L${join(deps, 'lib')}`],
    ...['-ltensorflow', '-ltensorflow_framework', '-Wl,-rpath,$ORIGIN/../../deps/lib'],
  ]);
  await rm(join(deps, 'include'), { recursive: true });
  return 'the TensorFlow wheel';
};

/** The Node-API version that tfjs-node's package needs: the highest it knows that this Node has. */
const bindingVersion = Math.min(8, Number(process.versions.napi));

/** Lets the package's `deps` and `lib` point into the cache. */
const link = async (entry: string): Promise<void> => {
  const source = tensorFlowFolder();
  for (const name of ['deps', 'lib']) {
    const place = join(source, name);
    const wanted = join(entry, name);
    if ((await readlink(place).catch(() => undefined)) === wanted) continue;
    await rm(place, { recursive: true, force: true });
    await symlink(wanted, place);
  }
};

/** Loads TensorFlow in a process of its own, so that a broken library cannot take ours along. */
const versionThatLoads = async (): Promise<string> => {
  const module = ['./loop/tensorflow.ts', '../tensorflow.js'] // of the sources, or of dist, from its chunks
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  const script = `import { loadTensorFlow, bindingOf } from ${JSON.stringify(module?.href)};
process.stdout.write('\\nversion ' + bindingOf(loadTensorFlow()).TF_Version);`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
  const version = /^version (.+)$/m.exec(stdout)?.[1];
  if (version === undefined) throw new Error('it loaded but gave no version');
  return version;
};

/** The cache entry of this platform's binding. @throws FolioError `tensorflow_unavailable` */
const cacheEntry = (): string => {
  const tfjs = (
    JSON.parse(readFileSync(join(tensorFlowFolder(), 'package.json'), 'utf8')) as { version: string }
  ).version;
  return cacheFolder(
    'tensorflow',
    `tfjs-node-${tfjs}-${process.platform}-${process.arch}-napi${bindingVersion}`,
  );
};

/** Whether a training can begin at once, has to set TensorFlow up first, or lacks even the package for that. */
export const tensorFlowState = (): 'ready' | 'not set up' | 'no package' => {
  try {
    return existsSync(join(cacheEntry(), 'ready.json')) ? 'ready' : 'not set up';
  } catch {
    return 'no package';
  }
};

/**
 * Makes sure that tfjs-node runs on this machine; does nothing where it already does.
 *
 * @returns The version of TensorFlow, such as `2.21.0`
 * @throws FolioError `tensorflow_unavailable` saying what was tried and what to do
 */
export const setUpTensorFlow = async (log: Log): Promise<string> => {
  const entry = cacheEntry();
  const mark = join(entry, 'ready.json');
  if (existsSync(mark)) {
    await link(entry);
    return (JSON.parse(readFileSync(mark, 'utf8')) as Ready).tensorflow;
  }
  await mkdir(dirname(entry), { recursive: true });
  const tried: string[] = [];
  for (const [name, attempt] of [
    ['the package’s own download', fromOwnDownload],
    ['the TensorFlow wheel of the Python registry, through pip', fromWheel],
  ] as const) {
    const folder = await mkdtemp(`${entry}.part-`);
    try {
      const from = await attempt(folder, log);
      await link(folder);
      const tensorflow = await versionThatLoads();
      await writeFile(
        join(folder, 'ready.json'),
        `${JSON.stringify({ tensorflow, from } satisfies Ready)}\n`,
      );
      await rm(entry, { recursive: true, force: true });
      await rename(folder, entry).catch((fault: NodeJS.ErrnoException) => {
        if (fault.code !== 'ENOTEMPTY' && fault.code !== 'EEXIST') throw fault; // another process was first
      });
      await link(entry);
      return tensorflow;
    } catch (fault) {
      tried.push(`${name}: ${reasonOf(fault)}`);
      log(`Not by ${tried.at(-1)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  throw new FolioError(
    'tensorflow_unavailable',
    `TensorFlow could not be set up. Tried ${tried.join('; then ')}. Needed: python3 with pip and a C++ compiler ` +
      '(Debian: apt-get install python3-pip g++) and a way to the Python registry; or a network that reaches ' +
      'storage.googleapis.com.',
  );
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const log: Log = (line) => process.stderr.write(`${line}\n`);
  try {
    log(`TensorFlow ${await setUpTensorFlow(log)} is ready.`);
  } catch (fault) {
    log(fault instanceof FolioError ? fault.message : String(fault));
    process.exitCode = fault instanceof FolioError ? fault.exitCode : 1;
  }
}
