import { type AST, RegExpParser, RegExpSyntaxError, RegExpValidator } from '@eslint-community/regexpp';
import { limitExceeded, type PatternFault, PatternFaultError } from './fault.ts';

/** A regular expression reduced to what an automaton is made of. */
export type Expression =
  | { readonly kind: 'set'; readonly set: CharacterTest }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'choice'; readonly parts: readonly Expression[] }
  /** `max` may be Infinity. */
  | { readonly kind: 'repeat'; readonly part: Expression; readonly min: number; readonly max: number }
  /** One part or more, a separator between each two: in fewer states than `part(separator part)*`. */
  | { readonly kind: 'list'; readonly part: Expression; readonly separator: Expression }
  | { readonly kind: 'assertion'; readonly assertion: Assertion };

/** Which characters match: one code point, or those that the host's RegExp finds in a class. */
export interface CharacterTest {
  /** As it is written, with its flags: equal keys match alike. */
  readonly key: string;
  /** As it is written. */
  readonly raw: string;
  readonly matches: (character: string) => boolean;
}

export interface Assertion {
  readonly at: 'start' | 'end' | 'word' | 'not-word';
  readonly multiline: boolean;
  readonly ignoreCase: boolean;
}

/** UTF-16 units of a pattern. */
const MOST_UNITS = 32_768;
const MOST_NESTING = 256;

interface Flags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly unicodeSets: boolean;
}

/**
 * Parses a regular expression as JavaScript does with the flag `u` or `v`: characters are code points.
 *
 * @param flags Any of JavaScript's; d, g, u and y change nothing here.
 * @throws PatternFaultError for what is no regular expression, or no regular language
 */
export const parseExpression = (source: string, flags: string): Expression => {
  const unknown = [...flags].find((flag) => !'dgimsuvy'.includes(flag));
  if (unknown !== undefined) {
    throw new PatternFaultError({
      kind: 'syntax',
      message: `the flag ${JSON.stringify(unknown)} is none of i, m, s, u and v`,
    });
  }
  if (source.length > MOST_UNITS) {
    throw limitExceeded(`is longer than ${MOST_UNITS} UTF-16 units`);
  }
  checkNesting(source);
  const unicodeSets = flags.includes('v');
  const text = unicodeSets ? source : withoutIdleEscapes(source);
  const mode = unicodeSets ? { unicodeSets: true } : { unicode: true };
  let pattern: AST.Pattern;
  try {
    pattern = new RegExpParser({ ecmaVersion: 2025 }).parsePattern(text, 0, text.length, mode);
  } catch (error) {
    if (!(error instanceof RegExpSyntaxError)) throw error;
    checkLookAround(text, mode);
    throw new PatternFaultError(syntaxFault(error, text));
  }
  return choiceOf(pattern.alternatives, {
    ignoreCase: flags.includes('i'),
    multiline: flags.includes('m'),
    dotAll: flags.includes('s'),
    unicodeSets,
  });
};

/**
 * A pattern that has look-around before its fault of syntax cannot be used once that is mended either: the reason that
 * comes first is given.
 *
 * @throws PatternFaultError where it has
 */
const checkLookAround = (text: string, mode: { unicode?: boolean; unicodeSets?: boolean }): void => {
  const validator = new RegExpValidator({
    ecmaVersion: 2025,
    onLookaroundAssertionLeave: (start, end) => {
      throw unsupported('look-around', { raw: text.slice(start, end) });
    },
  });
  try {
    validator.validatePattern(text, 0, text.length, mode);
  } catch (error) {
    if (error instanceof PatternFaultError) throw error;
  }
};

const syntaxFault = (error: RegExpSyntaxError, text: string): PatternFault => {
  const reason = error.message.slice(error.message.lastIndexOf(': ') + 2);
  // The parser says of an escape where it ends.
  const index = reason === 'Invalid escape' ? text.lastIndexOf('\\', error.index - 1) : error.index;
  const advice = /Lone quantifier brackets|Incomplete quantifier/.test(reason)
    ? '; a bracket that stands for itself is written \\{ or \\}'
    : '';
  return {
    kind: 'syntax',
    message: `${reason} ${index < text.length ? `at character ${index + 1}, before ${JSON.stringify(text.slice(index, index + 12))}` : 'at the end'}${advice}`,
  };
};

/** The parser and what follows it call themselves for each group in a group. */
const checkNesting = (source: string): void => {
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const unit = source[i];
    if (unit === '\\') i++;
    else if (unit === '(' || unit === '[') depth++;
    else if (unit === ')' || unit === ']') depth--;
    if (depth > MOST_NESTING) throw limitExceeded(`nests more than ${MOST_NESTING} brackets`);
  }
};

/** Escapes that mean the character itself, such as `\"` or `\-`, which the flag `u` does not allow. */
const withoutIdleEscapes = (source: string): string => {
  let inClass = false;
  return source.replace(/\\[\s\S]|[[\]]/gu, (piece) => {
    if (piece === '[') inClass = true;
    else if (piece === ']') inClass = false;
    const escaped = piece[1];
    if (
      escaped === undefined ||
      /[A-Za-z0-9^$\\.*+?()[\]{}|/]/.test(escaped) ||
      (escaped === '-' && inClass)
    ) {
      return piece;
    }
    return piece.slice(1);
  });
};

const choiceOf = (alternatives: readonly AST.Alternative[], flags: Flags): Expression => {
  const parts = alternatives.map(({ elements }): Expression => {
    const sequence = elements.map((element) => expressionOf(element, flags));
    return sequence.length === 1 ? sequence[0]! : { kind: 'sequence', parts: sequence };
  });
  return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
};

const expressionOf = (node: AST.Element, flags: Flags): Expression => {
  switch (node.type) {
    case 'Group':
      return choiceOf(node.alternatives, withModifiers(flags, node.modifiers));
    case 'CapturingGroup':
      return choiceOf(node.alternatives, flags);
    case 'Quantifier':
      return { kind: 'repeat', part: expressionOf(node.element, flags), min: node.min, max: node.max };
    case 'Assertion':
      return { kind: 'assertion', assertion: assertionOf(node, flags) };
    case 'Backreference':
      throw unsupported('a back-reference', node);
    default:
      return { kind: 'set', set: testOf(node, flags) };
  }
};

const withModifiers = (flags: Flags, modifiers: AST.Modifiers | null): Flags => {
  if (modifiers === null) return flags;
  const { add, remove } = modifiers;
  const on = (name: 'ignoreCase' | 'multiline' | 'dotAll'): boolean =>
    (flags[name] || add[name]) && remove?.[name] !== true;
  return {
    ...flags,
    ignoreCase: on('ignoreCase'),
    multiline: on('multiline'),
    dotAll: on('dotAll'),
  };
};

const assertionOf = (node: AST.Assertion, { multiline, ignoreCase }: Flags): Assertion => {
  switch (node.kind) {
    case 'start':
    case 'end':
      return { at: node.kind, multiline, ignoreCase };
    case 'word':
      return { at: node.negate ? 'not-word' : 'word', multiline, ignoreCase };
    default:
      throw unsupported('look-around', node);
  }
};

const testOf = (
  node: AST.Character | AST.CharacterSet | AST.CharacterClass | AST.ExpressionCharacterClass,
  { ignoreCase, dotAll, unicodeSets }: Flags,
): CharacterTest => {
  if (node.type === 'Character' && !ignoreCase) {
    const own = String.fromCodePoint(node.value);
    return { key: `=${own}`, raw: own, matches: (character) => character === own };
  }
  if (unicodeSets && /\\q|\\p\{(?:RGI_|Basic_Emoji|Emoji_Keycap)/.test(node.raw)) {
    throw unsupported('a class of strings', node);
  }
  const flags = `${ignoreCase ? 'i' : ''}${dotAll ? 's' : ''}${unicodeSets ? 'v' : 'u'}`;
  const own = new RegExp(`^${node.raw}$`, flags);
  return { key: `${flags}${node.raw}`, raw: node.raw, matches: (character) => own.test(character) };
};

const unsupported = (what: string, { raw }: { readonly raw: string }): PatternFaultError => {
  const shown = raw.length > 40 ? `${raw.slice(0, 39)}…` : raw;
  return new PatternFaultError({
    kind: 'syntax',
    message: `${what} cannot be part of a pattern: ${JSON.stringify(shown)}`,
  });
};
