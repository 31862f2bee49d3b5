import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';
import { glob } from 'tinyglobby';

const folder = new URL('./', import.meta.url);
const target = new URL('kernel-bytes.ts', folder);
const simd = { plain: ['--enable', 'simd'], relaxed: ['--enable', 'simd', '--enable', 'relaxed-simd'] };
const memory = ['--importMemory', '--zeroFilledMemory', '--enable', 'threads', '--maximumMemory', '65536'];
const common = ['kernel.ts', '--runtime', 'stub', '-O3', '--converge', '--noAssert', ...memory];

type Build = keyof typeof simd;

/** `sha256:…` over the names and the texts of the kernel's source. */
export const sourceDigest = async (): Promise<string> => {
  const cwd = new URL('assembly/', folder);
  const hash = createHash('sha256');
  for (const name of (await glob('*.ts', { cwd })).sort()) {
    hash.update(`${name}\n${await readFile(new URL(name, cwd), 'utf8')}\n`);
  }
  return `sha256:${hash.digest('hex')}`;
};

const compile = async (build: Build, ...more: readonly string[]): Promise<Uint8Array> => {
  const baseDir = new URL('assembly', folder).pathname;
  let bytes: Uint8Array | undefined;
  const options = [...common, ...simd[build], ...more, '--baseDir', baseDir, '-o', 'kernel.wasm'];
  const { error, stderr } = await asc.main(options, {
    writeFile: (_, contents) => {
      bytes = contents as Uint8Array;
    },
  });
  if (error || !bytes) throw new Error(`asc: ${error?.message ?? 'no output'}\n${stderr.toString()}`);
  return bytes;
};

/** WebAssembly in base64, and where the one byte stands that says whether its memory is shared between threads. */
const compileKernel = async (build: Build): Promise<{ base64: string; memoryFlags: number }> => {
  const [own, shared] = [await compile(build), await compile(build, '--sharedMemory')];
  const differing = [...own.keys()].filter((at) => own[at] !== shared[at]);
  const [memoryFlags = 0] = differing;
  if (
    own.length !== shared.length ||
    differing.length !== 1 ||
    own[memoryFlags] !== 1 ||
    shared[memoryFlags] !== 3
  ) {
    throw new Error(`The ${build} build with shared memory should differ in its memory's flags alone.`);
  }
  return { base64: Buffer.from(own).toString('base64'), memoryFlags };
};

/** The text of `kernel-bytes.ts`. */
export const kernelBytesSource = async (): Promise<string> => {
  const [plain, relaxed] = [await compileKernel('plain'), await compileKernel('relaxed')];
  const text = ({ base64, memoryFlags }: typeof plain): string =>
    `{\n    memoryFlags: ${memoryFlags},\n    base64:\n      '${base64}',\n  }`;
  return `// Made by \`npm run build:kernel\` from assembly/*.ts.
export const kernelBytes = {
  source: '${await sourceDigest()}',
  plain: ${text(plain)},
  relaxed: ${text(relaxed)},
} as const;
`;
};

if (import.meta.main) await writeFile(target, await kernelBytesSource());
