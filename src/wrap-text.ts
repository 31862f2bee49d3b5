/**
 * Breaks lines between words, so that none is wider than `width`; a word that is wider itself is cut, or stays whole.
 *
 * @param width In characters (code points).
 * @param options.indent Spaces before every row but the first. Default 0.
 * @param options.cutWords Whether a word wider than a row is cut. Default true.
 */
export const wrapText = (
  text: string,
  width: number,
  { indent = 0, cutWords = true }: { readonly indent?: number; readonly cutWords?: boolean } = {},
): string[] =>
  text.split('\n').flatMap((line) => {
    const rows: string[] = [];
    let before = '';
    let rest = [...line];
    while (before.length + rest.length > width) {
      const room = Math.max(1, width - before.length);
      const end = cutWords ? rest.lastIndexOf(' ', room) : breakBefore(rest, room, width - indent);
      if (end <= 0 && !cutWords) break;
      rows.push(before + rest.slice(0, end > 0 ? end : room).join(''));
      rest = rest.slice(end > 0 ? end + 1 : room);
      before = ' '.repeat(indent);
    }
    return [...rows, before + rest.join('')];
  });

/**
 * Where a row ends that cuts no word: the last space in the room there is, or a later one where what follows would fit
 * into no row; -1 for nowhere.
 */
const breakBefore = (line: readonly string[], room: number, widest: number): number => {
  const lead = line.findIndex((character) => character !== ' ');
  const last = line.lastIndexOf(' ', room);
  let space = last > lead ? last : line.indexOf(' ', Math.max(lead, 0));
  for (;;) {
    if (space < 0) return -1;
    const next = line.indexOf(' ', space + 1);
    if ((next < 0 ? line.length : next) - space - 1 <= widest) return space;
    space = next;
  }
};
