import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';

const folder = new URL('./', import.meta.url);
const target = new URL('kernel-bytes.ts', folder);
const simd = { plain: ['--enable', 'simd'], relaxed: ['--enable', 'simd', '--enable', 'relaxed-simd'] };
const memory = ['--importMemory', '--sharedMemory', '--zeroFilledMemory', '--maximumMemory', '65536'];
const common = ['--runtime', 'stub', '-O3', '--converge', '--noAssert', '--enable', 'threads', ...memory];

type Build = keyof typeof simd;

/** `sha256:…` over the names and the texts of the kernel's source. */
export const sourceDigest = async (): Promise<string> => {
  const cwd = new URL('assembly/', folder);
  const hash = createHash('sha256');
  const names = (await readdir(cwd)).filter((name) => name.endsWith('.ts'));
  for (const name of names.sort()) {
    hash.update(`${name}\n${await readFile(new URL(name, cwd), 'utf8')}\n`);
  }
  return `sha256:${hash.digest('hex')}`;
};

/** @param entry the file that says what is exported. @returns WebAssembly that imports a shared memory */
export const compileAssembly = async (
  build: Build,
  entry = 'kernel.ts',
): Promise<Uint8Array<ArrayBuffer>> => {
  const baseDir = new URL('assembly', folder).pathname;
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  const options = [entry, ...common, ...simd[build], '--baseDir', baseDir, '-o', 'kernel.wasm'];
  const { error, stderr } = await asc.main(options, {
    writeFile: (_, contents) => {
      bytes = Uint8Array.from(contents as Uint8Array);
    },
  });
  if (error || !bytes) throw new Error(`asc: ${error?.message ?? 'no output'}\n${stderr.toString()}`);
  return bytes;
};

/** The import of the memory in WebAssembly's binary format, up to its flags: names with their lengths, and its kind. */
const memoryImport = Buffer.from('\x03env\x06memory\x02');
const OWN_MEMORY = 1; // with a maximum
const SHARED_MEMORY = 3;

/**
 * WebAssembly in base64, and where the one byte stands that says whether its memory is shared between threads. It is
 * compiled for a shared one: for another, the optimiser would move atomic loads out of the loops that wait on them.
 */
const compileKernel = async (build: Build): Promise<{ base64: string; memoryFlags: number }> => {
  const bytes = Buffer.from(await compileAssembly(build));
  const memoryFlags = bytes.indexOf(memoryImport) + memoryImport.length;
  if (bytes[memoryFlags] !== SHARED_MEMORY)
    throw new Error(`The ${build} build should import a shared memory.`);
  bytes[memoryFlags] = OWN_MEMORY;
  return { base64: bytes.toString('base64'), memoryFlags };
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
