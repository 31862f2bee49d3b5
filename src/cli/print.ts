import { once } from 'node:events';

/** Results go to stdout, as fast as its reader takes them. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** Chatter goes to stderr. */
export function printStatus(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Width of the terminal that a stream is, in characters; 80 where it is none. */
export const widthOf = ({ columns: width }: { readonly columns?: number }): number => width || 80;

/** Rows in columns that line up, the last column free. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(widest[i] ?? 0, cell.length)),
    [],
  );
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

export const count = (value: number): string => Math.round(value).toLocaleString('en');

/** `1 version`, `3 versions`. */
export const several = (value: number, one: string): string =>
  `${count(value)} ${one}${value === 1 ? '' : 's'}`;

/** Bytes in the unit that suits them. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log10(bytes) / 3) : 0);
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
