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
      const lead = rest.findIndex((character) => character !== ' ');
      const last = rest.lastIndexOf(' ', room);
      const space = last > lead || cutWords ? last : rest.indexOf(' ', Math.max(lead, 0));
      if (space <= 0 && !cutWords) break;
      rows.push(before + rest.slice(0, space > 0 ? space : room).join(''));
      rest = rest.slice(space > 0 ? space + 1 : room);
      before = ' '.repeat(indent);
    }
    return [...rows, before + rest.join('')];
  });
