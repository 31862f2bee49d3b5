/** Share of the lines of a list that may be empty or long: a model that has learnt one badly writes some. */
const EXCEPTIONS = 0.1;

/**
 * Whether a text is a list, as of names or words, that can be shown in columns: short lines, hardly one empty. Verse
 * has empty ones between its stanzas.
 *
 * @param width Characters (code points) that a line of it may have; an exception may have twice as many.
 */
export const isList = (lines: readonly string[], width: number): boolean => {
  const lengths = lines.map((line) => (line.trim() === '' ? 0 : [...line].length));
  const exceptions = lengths.filter((length) => length === 0 || length > width).length;
  return lines.length > 3 && exceptions <= EXCEPTIONS * lines.length && Math.max(...lengths) <= 2 * width;
};
