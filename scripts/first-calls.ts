import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** As Node writes it into the folder `NODE_V8_COVERAGE`. Offsets are of UTF-16 units; a function's first range is all of it. */
interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly {
        readonly startOffset: number;
        readonly endOffset: number;
        readonly count: number;
      }[];
    }[];
  }[];
}

/**
 * For esbuild's `supported`: function expressions in the place of arrow functions. V8 makes a whole syntax tree of an arrow function
 * whose body is an expression, called or not, and a `function` can be found by what it starts with.
 */
export const functionExpressions = { arrow: false } as const;

/**
 * Puts the functions that a start calls in parentheses. V8 compiles those together with their file; any other it goes through
 * twice, once for its end and again when it is first called, and Node's compile cache does not hold it. Which they are is
 * found by running what was built. A program that fails changes nothing.
 *
 * @param folder of JavaScript files as esbuild writes them with `functionExpressions`
 * @param programs the parameters of Node for each program to run
 */
export const markFirstCalls = async (
  folder: string,
  programs: readonly (readonly string[])[],
): Promise<void> => {
  const called = new Map<string, Map<number, number>>();
  const real = await realpath(folder); // as V8 calls its files
  for (const { url, functions } of (await Promise.all(programs.map(coverageOf))).flat()) {
    const path = url.startsWith('file:') ? fileURLToPath(url) : '';
    if (!path.startsWith(join(real, '/'))) continue;
    const ends = called.get(path) ?? new Map<number, number>();
    called.set(path, ends);
    for (const { ranges } of functions) {
      const [{ startOffset, endOffset, count } = { startOffset: 0, endOffset: 0, count: 0 }] = ranges;
      if (count > 0) ends.set(startOffset, endOffset);
    }
  }
  for (const [path, ends] of called) {
    await writeFile(path, asciiComments(inParentheses(await readFile(path, 'utf8'), ends)));
  }
};

/** One character beyond ASCII, and V8 holds and reads a file in two bytes a character. In code esbuild writes escapes. */
const asciiComments = (text: string): string =>
  text.replaceAll(/^ *(?:\*|\/\*|\/\/).*$/gm, (line) => line.replaceAll(/[^\0-\x7f]/g, '.'));

const coverageOf = async (program: readonly string[]): Promise<Coverage['result']> => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-calls-'));
  try {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('FOLIO_'));
    const env = { ...Object.fromEntries(own), NODE_V8_COVERAGE: folder, NODE_DISABLE_COMPILE_CACHE: '1' };
    await promisify(execFile)(process.execPath, program, { env });
    const files = await readdir(folder);
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
    return texts.flatMap((text) => (JSON.parse(text) as Coverage).result);
  } catch {
    return [];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/**
 * Puts function expressions in parentheses; declarations and methods cannot be. Where a space stands before one, a parenthesis
 * takes its place, so that source maps hold as they are.
 *
 * @param ends where functions end, by where they start
 */
export const inParentheses = (text: string, ends: ReadonlyMap<number, number>): string => {
  const marks: { at: number; length: number; mark: string }[] = [];
  for (const [start, end] of ends) {
    const space = text[start - 1] === ' ';
    const before = text[start - (space ? 2 : 1)] ?? '';
    if (!/^(?:async )?function\b/.test(text.slice(start, end)) || !/[=(,:?]/.test(before)) continue;
    marks.push({ at: space ? start - 1 : start, length: space ? 1 : 0, mark: '(' });
    marks.push({ at: end, length: 0, mark: ')' });
  }
  marks.sort((a, b) => a.at - b.at || (a.mark === ')' ? -1 : 1));
  let result = '';
  let from = 0;
  for (const { at, length, mark } of marks) {
    result += text.slice(from, at) + mark;
    from = at + length;
  }
  return result + text.slice(from);
};
