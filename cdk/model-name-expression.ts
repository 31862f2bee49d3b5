/** Of models, as `src/store/model-name.ts` has it. */
export const namePattern = '[A-Za-z0-9][A-Za-z0-9_.-]{0,63}';

/** A corpus: a text straight under `corpora/`. */
export const corpusKeyPattern = '^corpora\\/[^\\/\\n]+\\.txt$';

const from = (first: number, last: number): readonly string[] =>
  Array.from({ length: last - first + 1 }, (_, at) => String.fromCodePoint(first + at));

/**
 * Letters and digits with marks, and what `modelNameOf` makes of them: JSONata has no normal forms. Latin letters, and
 * the marks that stand alone in names from a Mac.
 */
const plainLetters = Object.fromEntries(
  [...from(0xa0, 0x24f), ...from(0x300, 0x36f), ...from(0x1e00, 0x1eff)].flatMap((letter) => {
    const plain = letter.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
    return plain === '' || /[a-z0-9]/.test(plain) ? [[letter, plain.replaceAll(/[^a-z0-9]+/g, '-')]] : [];
  }),
);

/**
 * JSONata of the name of the model that a corpus makes: the rule of `modelNameOf` in `src/store/model-name.ts`.
 *
 * @param key JSONata of the corpus' key
 */
export const modelNameExpression = (key: string): string =>
  `($file := $replace(${key}, /^corpora\\/|\\.txt$/, '');` +
  ` $contains($file, /^${namePattern}$/) or $file = '' ? $file` +
  ` : ($letters := ${JSON.stringify(plainLetters)};` +
  " $plain := $join($map($split($file, ''), function($one) {" +
  ' ($found := $lookup($letters, $one); $exists($found) ? $found : $one) }));' +
  // Small letters at the end, of a to z alone: interpreters differ in those of other letters.
  " $name := $lowercase($replace($replace($plain, /[^A-Za-z0-9]+/, '-'), /^-/, ''));" +
  " $replace($substring($name, 0, 64), /-$/, '')))";
