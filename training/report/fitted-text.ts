import { isList } from '../../src/list-text.ts';
import { wrapText } from '../../src/wrap-text.ts';

const GAP = 2; // characters between two columns
const FEWEST = 3; // columns that a list has room for

/**
 * A sample of text in few rows: as it is where it fits, a list of short lines in columns, and of anything longer the
 * first rows and how much more there is. Long lines are wrapped between words.
 *
 * @param width In characters, of a row.
 * @param rows At most, the line that says how much more there is not counted.
 */
export const fittedText = (text: string, width: number, rows = 8): string[] => {
  const lines = text.replace(/\s+$/, '').split('\n');
  const wrapped = lines.flatMap((line) => wrapText(line, width));
  if (wrapped.length <= rows) return wrapped;
  const cell = Math.floor((width + GAP) / FEWEST) - GAP;
  if (isList(lines, cell)) {
    const items = lines
      .filter((line) => line.trim() !== '')
      .map((line) => (length(line) > cell ? `${[...line].slice(0, cell - 1).join('')}…` : line));
    return inColumns(items, Math.floor((width + GAP) / (widest(items) + GAP)), rows);
  }
  return [...wrapped.slice(0, rows), more(wrapped.length - rows)];
};

/** Read down, then across. */
const inColumns = (items: readonly string[], columns: number, rows: number): string[] => {
  const height = Math.min(rows, Math.ceil(items.length / columns));
  const shown = items.slice(0, height * columns);
  const column = widest(shown) + GAP;
  const table = Array.from({ length: height }, (_, row) =>
    shown
      .filter((_, at) => at % height === row)
      .map((item) => item + ' '.repeat(column - length(item)))
      .join('')
      .trimEnd(),
  );
  return items.length > shown.length ? [...table, more(items.length - shown.length)] : table;
};

const more = (lines: number): string => `… ${lines} more ${lines === 1 ? 'line' : 'lines'}`;

const widest = (lines: readonly string[]): number => Math.max(...lines.map(length));

const length = (line: string): number => [...line].length;
