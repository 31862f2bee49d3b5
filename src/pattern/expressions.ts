import type { CharacterTest, Expression } from './expression.ts';

/** Expressions made by hand, for what is not written as a regular expression. */
export const sequence = (...parts: readonly Expression[]): Expression => ({ kind: 'sequence', parts });

/** One of the parts; of none, what matches nothing. */
export const choice = (...parts: readonly Expression[]): Expression =>
  parts.length === 0 ? characterSet('none', '[]', () => false) : { kind: 'choice', parts };

export const repeat = (part: Expression, min: number, max: number): Expression => ({
  kind: 'repeat',
  part,
  min,
  max,
});

/** One part or more, a separator between each two. */
export const list = (part: Expression, separator: Expression): Expression => ({
  kind: 'list',
  part,
  separator,
});

export const optional = (part: Expression): Expression => repeat(part, 0, 1);

export const characterSet = (key: string, raw: string, matches: CharacterTest['matches']): Expression => ({
  kind: 'set',
  set: { key, raw, matches },
});

export const literal = (text: string): Expression =>
  sequence(...Array.from(text, (own) => characterSet(`=${own}`, own, (character) => character === own)));

export const digits = (from: string, to: string): Expression =>
  from === to
    ? literal(from)
    : characterSet(`${from}-${to}`, `[${from}-${to}]`, (one) => one >= from && one <= to && /^\d$/.test(one));
