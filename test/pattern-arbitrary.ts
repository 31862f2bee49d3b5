import fc from 'fast-check';

/**
 * Random patterns over a few letters: nested choices, repeats, classes and assertions. Without inline modifiers, such as
 * `(?i:a)`: of those, the RegExp of Node 24.21 (V8 13.6) gives another answer once it has compiled a pattern to machine
 * code than before, so that it is no judge of them.
 */
export const patterns: fc.Arbitrary<string> = fc.letrec<{
  choice: string;
  sequence: string;
  repeat: string;
  atom: string;
}>((tie) => ({
  choice: fc.oneof(
    { maxDepth: 4 },
    tie('sequence'),
    fc.array(tie('sequence'), { minLength: 2, maxLength: 3 }).map((parts) => parts.join('|')),
  ),
  sequence: fc.array(tie('repeat'), { minLength: 0, maxLength: 4 }).map((parts) => parts.join('')),
  repeat: fc.oneof(
    { weight: 4, arbitrary: tie('atom') },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          tie('atom'),
          fc.constantFrom('*', '+', '?', '*?', '{2}', '{0,2}', '{1,3}', '{2,}', '{0}', '{3,4}?'),
        )
        .map(([atom, times]) => `(?:${atom})${times}`),
    },
  ),
  atom: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom('a', 'b', 'c', 'A', '\\n', ' ', '.', '\\d', '\\w', '\\W', '[ab]', '[^a]', '[a-c]', '\\s'),
    fc.constantFrom('\\b', '\\B', '^', '$', '[]', '[^]', '\\p{Lu}', 'é'),
    tie('choice').map((inner) => `(?:${inner})`),
    tie('choice').map((inner) => `(${inner})`),
  ),
})).choice;

export const flagSets = fc.constantFrom('', '', '', 'i', 's', 'm', 'ims', 'v');

/** The host's own test of a whole text. */
export const wholeMatch = (source: string, flags: string): RegExp =>
  new RegExp(`(?<![^])(?:${source})(?![^])`, flags.includes('v') ? flags : `${flags}u`);
