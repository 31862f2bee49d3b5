import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';
import { glob } from 'tinyglobby';

const folder = new URL('./', import.meta.url);
const target = new URL('kernel-bytes.ts', folder);
const common = ['kernel.ts', '--runtime', 'stub', '-O3', '--converge', '--noAssert', '--enable', 'simd'];
const builds = { plain: common, relaxed: [...common, '--enable', 'relaxed-simd'] };

/** `sha256:…` over the names and the texts of the kernel's source. */
export const sourceDigest = async (): Promise<string> => {
  const cwd = new URL('assembly/', folder);
  const hash = createHash('sha256');
  for (const name of (await glob('*.ts', { cwd })).sort()) {
    hash.update(`${name}\n${await readFile(new URL(name, cwd), 'utf8')}\n`);
  }
  return `sha256:${hash.digest('hex')}`;
};

/** @returns WebAssembly in base64 */
export const compileKernel = async (build: keyof typeof builds): Promise<string> => {
  const baseDir = new URL('assembly', folder).pathname;
  let bytes: Uint8Array | undefined;
  const { error, stderr } = await asc.main([...builds[build], '--baseDir', baseDir, '-o', 'kernel.wasm'], {
    writeFile: (_, contents) => {
      bytes = contents as Uint8Array;
    },
  });
  if (error || !bytes) throw new Error(`asc: ${error?.message ?? 'no output'}\n${stderr.toString()}`);
  return Buffer.from(bytes).toString('base64');
};

/** The text of `kernel-bytes.ts`. */
export const kernelBytesSource = async (): Promise<string> => {
  const [plain, relaxed] = [await compileKernel('plain'), await compileKernel('relaxed')];
  return `// Made by \`npm run build:kernel\` from assembly/*.ts.
export const kernelBytes = {
  source: '${await sourceDigest()}',
  plain:
    '${plain}',
  relaxed:
    '${relaxed}',
} as const;
`;
};

if (import.meta.main) await writeFile(target, await kernelBytesSource());
