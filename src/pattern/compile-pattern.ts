import { classesOf } from './alphabet-classes.ts';
import { type Automaton, createAutomaton } from './automaton.ts';
import { parseExpression } from './expression.ts';
import { limitExceeded, type PatternFault, PatternFaultError } from './fault.ts';
import { expressionOfSchema } from './json-schema.ts';
import { nondeterministicOf } from './nondeterministic.ts';

/** Milliseconds that a pattern may take until it is ready. */
const MOST_MILLISECONDS = 150;

/** A pattern ready for use, or why it cannot be used. */
export type CompiledPattern =
  | {
      readonly automaton: Automaton;
      /** Characters and classes of the pattern that match nothing in the alphabet, as they are written. */
      readonly foreign: readonly string[];
      readonly fault?: never;
    }
  | { readonly fault: PatternFault; readonly automaton?: never; readonly foreign?: never };

/** What a pattern is written in. */
export type PatternSyntax = 'regular-expression' | 'json-schema';

/**
 * Makes the automaton of a pattern over an alphabet.
 *
 * @param source A regular expression as in JavaScript, without look-around and back-references, or a schema in JSON; it
 * is matched against a whole text.
 * @param flags i (ignore case), m (^ and $ at lines' ends), s (a dot matches line ends too), v (sets of classes).
 * @param characters In id order; ids of several code points are never generated under a pattern.
 * @param allowed [vocabulary], 0 for ids that are never generated
 */
export const compilePattern = (
  source: string,
  flags: string,
  characters: readonly string[],
  allowed?: Uint8Array,
  syntax: PatternSyntax = 'regular-expression',
): CompiledPattern => {
  const deadline = performance.now() + MOST_MILLISECONDS;
  try {
    const expression =
      syntax === 'json-schema' ? expressionOfSchema(JSON.parse(source)) : parseExpression(source, flags);
    const automaton = nondeterministicOf(expression);
    const hasAssertions = automaton.assertions.length > 0;
    const classes = classesOf(characters, allowed, automaton.tests, hasAssertions, deadline);
    const foreign = automaton.tests.filter((_, i) => !classes.matches[i]!.includes(1)).map(({ raw }) => raw);
    return { automaton: createAutomaton(automaton, classes), foreign };
  } catch (error) {
    if (error instanceof PatternFaultError) return { fault: error.fault };
    // A class that the parser knows and this host's RegExp does not.
    if (error instanceof SyntaxError) return { fault: { kind: 'syntax', message: error.message } };
    // The stack's end: nested deeper than the parser can follow.
    if (error instanceof RangeError) return { fault: limitExceeded('nests too deep').fault };
    throw error;
  }
};
