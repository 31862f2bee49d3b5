/** Plain stand-ins of what typesetting programs write, where Unicode's own decomposition has none. */
const plain: Readonly<Record<string, string>> = {
  '‘': "'",
  '’': "'",
  '‚': "'",
  '‛': "'",
  '′': "'",
  '`': "'",
  '´': "'",
  '“': '"',
  '”': '"',
  '„': '"',
  '‟': '"',
  '″': '"',
  '«': '"',
  '»': '"',
  '‹': "'",
  '›': "'",
  '‐': '-',
  '‑': '-',
  '‒': '-',
  '–': '-',
  '—': '-',
  '―': '-',
  '−': '-',
  '•': '-',
  '·': '.',
  '¡': '!',
  '¿': '?',
  '×': 'x',
  '÷': '/',
  '⁄': '/',
  '¦': '|',
  æ: 'ae',
  Æ: 'AE',
  œ: 'oe',
  Œ: 'OE',
  ß: 'ss',
  ø: 'o',
  Ø: 'O',
  đ: 'd',
  Đ: 'D',
  ł: 'l',
  Ł: 'L',
  þ: 'th',
  Þ: 'Th',
  ð: 'd',
  Ð: 'D',
  ı: 'i',
  '\r': '\n',
  '\t': ' ',
  '\v': '\n',
  '\f': '\n',
  '\u0085': '\n',
  '\u2028': '\n',
  '\u2029': '\n',
};

/**
 * What is alike within itself: another digit, mark or letter of the alphabet keeps a text's shape. Made for the first
 * character that is not known: it takes a millisecond.
 */
const kinds = (): readonly RegExp[] => {
  made ??= [
    ...['Latin', 'Greek', 'Cyrillic'].flatMap((script) =>
      ['Lu', 'Ll'].map((form) => new RegExp(`(?=\\p{${form}})\\p{Script=${script}}`, 'u')),
    ),
    /\p{N}/u,
    /\p{P}/u,
  ];
  return made;
};

let made: readonly RegExp[] | undefined;

/**
 * The known characters that stand in for one that is not: its plain form (é as e, “ as ", ﬁ as f and i), the
 * other case of that, or else the known character of the same kind whose code point is closest: a digit, a punctuation
 * mark, a capital or small letter of the same alphabet.
 *
 * @returns One character or several; none where no known one is related, and for a combining mark.
 */
export const nearestCharacters = (
  character: string,
  known: ReadonlyMap<string, number>,
): readonly string[] => {
  const decomposed = [...character.normalize('NFKD')].filter((part) => !/\p{M}/u.test(part));
  if (decomposed.length === 0) return [];
  const forms = [
    [...(plain[character] ?? '')],
    decomposed.flatMap((part) => [...(plain[part] ?? part)]),
  ].filter((form) => form.length > 0);
  for (const form of forms) {
    const found = form.map((part) => anyCase(part, known));
    if (found.every((part) => part !== undefined)) return found;
  }
  if (/\s/u.test(character)) {
    const blank = [' ', '\n'].find((space) => known.has(space));
    if (blank !== undefined) return [blank];
  }
  return closest(forms.at(-1)?.[0] ?? character, known);
};

const anyCase = (character: string, known: ReadonlyMap<string, number>): string | undefined =>
  [character, character.toLowerCase(), character.toUpperCase()].find((form) => known.has(form));

const closest = (character: string, known: ReadonlyMap<string, number>): readonly string[] => {
  const kind = kinds().find((pattern) => pattern.test(character));
  const alike = [...known.keys()].filter((one) => [...one].length === 1 && kind?.test(one));
  const code = character.codePointAt(0)!;
  const distance = (one: string): number => Math.abs(one.codePointAt(0)! - code);
  return alike.length === 0
    ? []
    : [alike.reduce((best, one) => (distance(one) < distance(best) ? one : best))];
};
