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
  const wrapped = lines.flatMap((line) => wrap(line, width));
  if (wrapped.length <= rows) return wrapped;
  if (isList(lines, width)) return inColumns(lines, Math.floor((width + GAP) / (widest(lines) + GAP)), rows);
  return [...wrapped.slice(0, rows), more(wrapped.length - rows)];
};

/** Short lines, as of names or words, with none empty between them: verse has those. */
export const isList = (lines: readonly string[], width: number): boolean =>
  lines.length > 3 &&
  lines.every((line) => line.trim() !== '') &&
  FEWEST * (widest(lines) + GAP) - GAP <= width;

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

const wrap = (line: string, width: number): string[] => {
  const rows: string[] = [];
  let rest = [...line];
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const end = space > 0 ? space : width;
    rows.push(rest.slice(0, end).join(''));
    rest = rest.slice(space > 0 ? end + 1 : end);
  }
  return [...rows, rest.join('')];
};
