import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';

/** How fast so many bytes are read over and over, by one thread or by several that read a part each. */
export interface MemoryRoof {
  readonly how: string;
  /** Whether several threads can be had. */
  readonly threaded: boolean;
  /** @returns bytes a second, of all threads */
  measure(bytes: number, seconds: number, threads: number): number;
  dispose(): void;
}

const source = new URL('memory-roof.c', import.meta.url).pathname;

/** A C loop with the widest vectors of this machine where there is a C compiler, else a loop in WebAssembly. */
export const memoryRoof = async (): Promise<MemoryRoof> => {
  const folder = mkdtempSync(join(tmpdir(), 'folio-roof-'));
  const program = join(folder, 'roof');
  try {
    execFileSync('cc', ['-O3', '-march=native', '-pthread', source, '-o', program], { stdio: 'ignore' });
    return {
      how: 'C loop over four streams with the widest vectors that cc -march=native has here',
      threaded: true,
      measure: (...values) =>
        Number(execFileSync(program, values.map(String), { stdio: ['ignore', 'pipe', 'ignore'] })),
      dispose: () => rmSync(folder, { recursive: true, force: true }),
    };
  } catch {
    rmSync(folder, { recursive: true, force: true });
    return wasmRoof();
  }
};

const wasmSource = `export function read(at: usize, bytes: usize): void {
  let a = i32x4.splat(0), b = a, c = a, d = a;
  for (const end = at + bytes; at < end; at += 128) {
    a = v128.or(a, v128.load(at, 0)); b = v128.or(b, v128.load(at, 16));
    c = v128.or(c, v128.load(at, 32)); d = v128.or(d, v128.load(at, 48));
    a = v128.or(a, v128.load(at, 64)); b = v128.or(b, v128.load(at, 80));
    c = v128.or(c, v128.load(at, 96)); d = v128.or(d, v128.load(at, 112));
  }
  v128.store(0, v128.or(v128.or(a, b), v128.or(c, d)));
}`;

const wasmRoof = async (): Promise<MemoryRoof> => {
  let binary = new Uint8Array();
  await asc.main(['roof.ts', '-O3', '--enable', 'simd', '--runtime', 'stub', '-o', 'roof.wasm'], {
    readFile: (name) => (name === 'roof.ts' ? wasmSource : null),
    writeFile: (_, contents) => {
      binary = Uint8Array.from(contents as Uint8Array);
    },
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), {});
  const memory = exports.memory as WebAssembly.Memory;
  const read = exports.read as (at: number, bytes: number) => void;
  return {
    threaded: false,
    how: 'loop of 128-bit loads in WebAssembly, since there is no C compiler here',
    measure(bytes, seconds) {
      memory.grow(Math.max(0, Math.ceil((bytes + 65_536 - memory.buffer.byteLength) / 65_536)));
      let passes = 0;
      const start = performance.now();
      let elapsed = 0;
      do {
        read(65_536, bytes);
        passes++;
        elapsed = performance.now() - start;
      } while (elapsed < seconds * 1000);
      return (1000 * bytes * passes) / elapsed;
    },
    dispose: () => {},
  };
};
